/**
 * The state of a network: its addresses, its open links, its dials under way, and what separates whom. Endpoints, links
 * and dials ask it; the controls change it.
 */
import type { Random } from "@hyparview/core/Random"
import { nextBelow, nextBits, seededFor } from "@hyparview/core/Random"
import type { LatencyModel } from "@hyparview/faults/Latency"
import { sampleMicros } from "@hyparview/faults/Latency"
import type { CloseReason, Link } from "@hyparview/runtime/Transport"
import type { Agenda } from "./agenda.ts"
import type { Counters } from "./counters.ts"

/** What `MemoryNetwork.make` was told, complete and in microseconds. */
export interface Settings {
  readonly seed: number
  readonly maxFrameBytes: number
  readonly receiveLimitBytes: number
  readonly maxLinks: number
  readonly acceptBacklog: number
  readonly dialTimeoutMicros: number
  readonly handshakeTimeoutMicros: number
  readonly resolutionMicros: number
}

/** An address, whether or not anybody is there. It outlives the endpoints that come and go at it. */
export interface Place {
  readonly address: string
  /** Counts from 0 in the order in which addresses are first mentioned: the node's index in the latency model. */
  readonly index: number
  endpoint: Endpoint | undefined
  dials: "accept" | "refuse" | "hang"
  frozen: boolean
  /** What each link to here delivers at most, in bytes a second; Infinity for no limit. */
  bytesPerSecond: number
  /** Its side of the partition, if it is on one. */
  group: number | undefined
}

/** A transport at a place. */
export interface Endpoint {
  readonly place: Place
  readonly authenticatedId: string | undefined
  readonly links: Set<LinkEnd>
  readonly dials: Set<Dial>
  /** Why a dial from afar must be refused, if it must. */
  refusal(): string | undefined
  /** Hands an accepted link to whoever takes them; there is room, `refusal` said so. */
  accept(link: LinkEnd): void
  /**
   * The address is free again, every link breaks at the far end, every dial under way fails. How many links that were.
   */
  shut(detail: string): number
}

/** A dial under way. */
export interface Dial {
  /**
   * The request or the answer goes on, if it is due and nothing holds it. Called when it is due, and after each
   * release.
   */
  proceed(): void
  /** The dialler's transport has ended. */
  shut(): void
}

/** What the runtime holds of a link. */
export interface LinkEnd extends Link {
  readonly place: Place
  /** The direction that leads away from here. */
  readonly outgoing: {
    /** What is under way waits, or goes on. */
    hold(held: boolean): void
    /** The reader's rate has changed. */
    retime(): void
  }
  /** Starts the time within which the first frame of an accepted link must arrive. */
  expectHandshake(): void
  /** Ends this end at once; the far end is told that the link broke, as soon as the news can travel. */
  abort(reason: CloseReason, detail: string): void
}

/** The two ends of one link, as the network knows it. `a` dialled. */
export interface Pair {
  readonly a: LinkEnd
  readonly b: LinkEnd
  /** The link breaks; both ends know at once, and what is under way is lost. */
  break(detail: string): void
  /** The link dies without anybody being told. */
  halfOpen(): void
}

/** What frames and dials from one place to another meet: nothing, something that makes them wait, or a wall. */
export type Passage = "open" | "held" | "cut"

interface Cut {
  readonly from: ReadonlySet<Place>
  readonly to: ReadonlySet<Place>
}

export class World {
  readonly agenda: Agenda
  readonly settings: Settings
  readonly counters: Counters
  readonly pairs = new Set<Pair>()
  readonly dials = new Set<Dial>()
  latency: LatencyModel
  bytesPerSecond: number
  sendFailure = 0
  duplicate = 0
  silentLoss = 0
  partition: "none" | "reset" | "silent" = "none"
  readonly oneWays: Array<Cut> = []
  readonly random: Random
  readonly #places = new Map<string, Place>()
  #links = 0

  constructor(agenda: Agenda, settings: Settings, counters: Counters, latency: LatencyModel, bytesPerSecond: number) {
    this.agenda = agenda
    this.settings = settings
    this.counters = counters
    this.latency = latency
    this.bytesPerSecond = bytesPerSecond
    this.random = seededFor(settings.seed, 0)
  }

  place(address: string): Place {
    const known = this.#places.get(address)
    if (known !== undefined) return known
    const place: Place = {
      address,
      index: this.#places.size,
      endpoint: undefined,
      dials: "accept",
      frozen: false,
      bytesPerSecond: this.bytesPerSecond,
      group: undefined
    }
    this.#places.set(address, place)
    return place
  }

  places(): Iterable<Place> {
    return this.#places.values()
  }

  /**
   * The next link's number. Each direction has a generator of its own, so that one link's traffic never shifts
   * another's delays.
   */
  nextLink(): { readonly number: number; readonly there: Random; readonly back: Random } {
    const number = ++this.#links
    const { seed } = this.settings
    return { number, there: seededFor(seed, 2 * number), back: seededFor(seed, 2 * number + 1) }
  }

  /** When what leaves now arrives. */
  arrival(from: Place, to: Place, random: Random): number {
    const now = this.agenda.now()
    const delay = sampleMicros(this.latency, from.index, to.index, random)
    return delay === 0 ? now : this.roundedUp(now + delay)
  }

  /** The first instant of the network's resolution that is not before this one. */
  roundedUp(at: number): number {
    const { resolutionMicros } = this.settings
    return Math.ceil(at / resolutionMicros) * resolutionMicros
  }

  passage(from: Place, to: Place): Passage {
    const parted = from.group !== undefined && to.group !== undefined && from.group !== to.group
    if (parted && this.partition === "reset") return "cut"
    const held = from.frozen || to.frozen || (parted && this.partition === "silent")
    return held || this.oneWays.some((cut) => cut.from.has(from) && cut.to.has(to)) ? "held" : "open"
  }

  /** After a change of what separates whom: holds and releases what travels, and breaks what a wall cuts. */
  separate(): void {
    for (const pair of this.pairs) {
      const there = this.passage(pair.a.place, pair.b.place)
      if (there === "cut") {
        pair.break("partition")
        continue
      }
      pair.a.outgoing.hold(there === "held")
      pair.b.outgoing.hold(this.passage(pair.b.place, pair.a.place) === "held")
    }
    for (const dial of this.dials) dial.proceed()
  }

  /** The links between two places, whoever dialled. */
  between(a: Place, b: Place): ReadonlyArray<Pair> {
    return [...this.pairs].filter(
      (pair) => (pair.a.place === a && pair.b.place === b) || (pair.a.place === b && pair.b.place === a)
    )
  }

  /** `count` of the open pairs, drawn. */
  choosePairs(count: number): ReadonlyArray<Pair> {
    const rest = [...this.pairs]
    const chosen: Array<Pair> = []
    while (chosen.length < count && rest.length > 0) chosen.push(...rest.splice(nextBelow(this.random, rest.length), 1))
    return chosen
  }
}

/** Whether something of this probability happens. Draws only if it may. */
export const happens = (random: Random, probability: number): boolean =>
  probability > 0 && (nextBits(random) >>> 0) / 4294967296 < probability
