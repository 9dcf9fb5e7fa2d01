/**
 * A dial under way: a request that travels to the address, and an answer that travels back, so that a dial takes a round
 * trip. What holds frames holds requests and answers too; a request that nobody answers ends at the dial time-out.
 */
import * as Effect from "effect/Effect"
import type { DialFailure } from "@hyparview/runtime/Transport"
import { DialError } from "@hyparview/runtime/Transport"
import { Event } from "./agenda.ts"
import { MemoryPair } from "./link.ts"
import type { Dial, Endpoint, LinkEnd, Place, World } from "./world.ts"

type Answer = LinkEnd | { readonly failure: DialFailure; readonly detail: string }

export class MemoryDial implements Dial {
  readonly #world: World
  readonly #dialer: Endpoint
  readonly #target: Place
  readonly #travel = new Event(() => this.proceed())
  readonly #timeout = new Event(() => this.#fail("timeout", "no answer"))
  #due = 0
  #answer: Answer | undefined
  #link: LinkEnd | undefined
  #resume: ((effect: Effect.Effect<LinkEnd, DialError>) => void) | undefined

  constructor(world: World, dialer: Endpoint, target: Place) {
    this.#world = world
    this.#dialer = dialer
    this.#target = target
  }

  begin(resume: (effect: Effect.Effect<LinkEnd, DialError>) => void): void {
    const { agenda, dials, settings } = this.#world
    this.#resume = resume
    dials.add(this)
    this.#dialer.dials.add(this)
    agenda.schedule(this.#timeout, agenda.now() + settings.dialTimeoutMicros)
    this.#depart(this.#dialer.place, this.#target)
  }

  proceed(): void {
    if (this.#resume === undefined || this.#due > this.#world.agenda.now()) return
    const here = this.#dialer.place
    const passage =
      this.#answer === undefined ? this.#world.passage(here, this.#target) : this.#world.passage(this.#target, here)
    if (passage === "cut") return this.#fail("unreachable", "partitioned")
    if (passage === "held") return
    if (this.#answer !== undefined) return this.#arrive(this.#answer)
    this.#answer = this.#ask()
    if (this.#answer !== undefined) this.#depart(this.#target, here)
  }

  /**
   * The dialler will not have the link, because the dial failed or was interrupted. Ends the dial if it is still under
   * way, and the link if there is one, also one whose news is on its way to the dialler in this very turn.
   */
  abandon(): void {
    if (this.#resume !== undefined) {
      this.#world.counters.dialsAbandoned++
      this.#end()
    }
    this.#link?.abort("local", "dial abandoned")
  }

  shut(): void {
    this.#tell({ failure: "closed", detail: "the transport has been shut down" }, () => this.abandon())
  }

  #depart(from: Place, to: Place): void {
    const { agenda, random } = this.#world
    this.#due = this.#world.arrival(from, to, random)
    agenda.schedule(this.#travel, this.#due)
  }

  /** What the address answers; undefined if nothing ever. */
  #ask(): Answer | undefined {
    const target = this.#target
    if (target.dials === "hang") return undefined
    const { endpoint } = target
    if (endpoint === undefined || target.dials === "refuse") return { failure: "refused", detail: "" }
    const refusal = endpoint.refusal()
    if (refusal !== undefined) return { failure: "refused", detail: refusal }
    const pair = new MemoryPair(this.#world, this.#dialer, endpoint)
    endpoint.accept(pair.b)
    this.#link = pair.a
    return pair.a
  }

  #arrive(answer: Answer): void {
    if ("failure" in answer) return this.#fail(answer.failure, answer.detail)
    this.#world.counters.dialsAccepted++
    const resume = this.#resume
    this.#end()
    this.#world.agenda.tell(() => resume?.(Effect.succeed(answer)))
  }

  #fail(failure: DialFailure, detail: string): void {
    const { counters } = this.#world
    this.#tell({ failure, detail }, () => {
      if (failure === "refused") counters.dialsRefused++
      else if (failure === "unreachable") counters.dialsUnreachable++
      else counters.dialsTimedOut++
      this.#end()
    })
  }

  #tell(why: { readonly failure: DialFailure; readonly detail: string }, end: () => void): void {
    const resume = this.#resume
    if (resume === undefined) return
    end()
    const error = new DialError({ address: this.#target.address, reason: why.failure, detail: why.detail })
    this.#world.agenda.tell(() => resume(Effect.fail(error)))
  }

  #end(): void {
    this.#resume = undefined
    this.#world.dials.delete(this)
    this.#dialer.dials.delete(this)
    this.#world.agenda.cancel(this.#travel)
    this.#world.agenda.cancel(this.#timeout)
  }
}
