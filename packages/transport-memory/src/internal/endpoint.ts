/**
 * A transport on the network: one listener at one address, the links it has, and the dials it makes.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Link, Transport } from "@hyparview/runtime/Transport"
import { acceptedFrom, DialError, TransportError } from "@hyparview/runtime/Transport"
import { MemoryDial } from "./dial.ts"
import type { Dial, Endpoint, LinkEnd, Place, World } from "./world.ts"

type Backlog = Queue.Queue<Link, Cause.Done>

export class MemoryEndpoint implements Endpoint {
  readonly place: Place
  readonly authenticatedId: string | undefined
  readonly links = new Set<LinkEnd>()
  readonly dials = new Set<Dial>()
  readonly backlog: Backlog
  readonly #world: World
  #open = true

  constructor(world: World, place: Place, backlog: Backlog, authenticatedId: string | undefined) {
    this.#world = world
    this.place = place
    this.backlog = backlog
    this.authenticatedId = authenticatedId
  }

  refusal(): string | undefined {
    if (!this.#hasRoom()) return "too many links"
    return Queue.sizeUnsafe(this.backlog) < this.#world.settings.acceptBacklog ? undefined : "backlog full"
  }

  accept(link: LinkEnd): void {
    Queue.offerUnsafe(this.backlog, link)
    link.expectHandshake()
  }

  dial(address: string): Effect.Effect<Link, DialError, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const failed = this.#cannotDial(address)
        if (failed !== undefined) return Effect.fail(failed)
        this.#world.counters.dials++
        const dial = new MemoryDial(this.#world, this, this.#world.place(address))
        const answered = Effect.callback<LinkEnd, DialError>((resume) => dial.begin(resume))
        return restore(answered).pipe(
          Effect.onError(() => Effect.sync(() => dial.abandon())),
          Effect.tap((link) => Effect.addFinalizer(() => link.close("abort")))
        )
      })
    )
  }

  shut(detail: string): number {
    if (!this.#open) return 0
    this.#open = false
    this.place.endpoint = undefined
    const links = this.links.size
    for (const link of this.links) link.abort("reset", detail)
    for (const dial of this.dials) dial.shut()
    Queue.endUnsafe(this.backlog)
    return links
  }

  #hasRoom(): boolean {
    return this.links.size + this.dials.size < this.#world.settings.maxLinks
  }

  #cannotDial(address: string): DialError | undefined {
    const error = (reason: "closed" | "invalidAddress" | "limit", detail: string) =>
      new DialError({ address, reason, detail })
    if (!this.#open) return error("closed", "the transport has been shut down")
    if (address === "") return error("invalidAddress", "the address is empty")
    return this.#hasRoom()
      ? undefined
      : error("limit", `${this.#world.settings.maxLinks} links are open or being dialled`)
  }
}

/** Listens at an address until the scope closes. */
export const listen = (
  world: World,
  address: string,
  authenticatedId: string | undefined
): Effect.Effect<Transport["Service"], TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    if (address === "") return yield* new TransportError({ address, detail: "the address is empty" })
    const place = world.place(address)
    if (place.endpoint !== undefined) return yield* new TransportError({ address, detail: "the address is in use" })
    const backlog: Backlog = yield* Queue.unbounded<Link, Cause.Done>()
    const endpoint = new MemoryEndpoint(world, place, backlog, authenticatedId)
    place.endpoint = endpoint
    yield* Effect.addFinalizer(() => Effect.sync(() => endpoint.shut("the transport has been shut down")))
    return {
      address,
      maxFrameBytes: world.settings.maxFrameBytes,
      dial: (to: string) => endpoint.dial(to),
      accepted: acceptedFrom(Queue.take(backlog))
    }
  })
