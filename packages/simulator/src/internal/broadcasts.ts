/**
 * Counts what becomes of the broadcasts of a simulated world. The first four bytes of a payload name its broadcast, so that
 * each copy and each delivery can be told apart from those of others.
 */
import type { Node } from "@hyparview/core"

/**
 * What became of one broadcast so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Broadcast {
  readonly source: number
  /** Of the nodes that ran when it was published, how many got it, the source included. Hops and times are theirs as well. */
  delivered: number
  /** The most hops of a delivery. */
  hops: number
  /** Copies that carried it: pushed along the tree, or grafted. */
  payload: number
  /** Copies that were fetched, from what a new neighbour had kept. */
  recovered: number
  /** Copies that arrived where it was known. */
  duplicates: number
  /** When it was published, in microseconds of virtual time. */
  readonly publishedAt: number
  /** Deliveries by the whole milliseconds since then, the source's own among them; undefined where they are not counted. */
  deliveredAfter: Uint32Array | undefined
}

type Body = Node.Carried<number>["body"]

/** Milliseconds for which there is room at first, and at most: what takes longer counts as having taken so long. */
const shortest = 512
const longest = 65_535

/** Mutable: they belong to the world that made them. */
export class Broadcasts {
  readonly list: Array<Broadcast>
  /** For each, how many processes had begun by its publication: who gets it and began later was not there to be reached. */
  private readonly begun: Array<number>
  /** Frames sent that carried a broadcast, and the others of the broadcast protocol. */
  payloads: number
  controls: number

  constructor(from?: Broadcasts) {
    this.list =
      from?.list.map((broadcast) => ({
        ...broadcast,
        deliveredAfter: broadcast.deliveredAfter?.slice()
      })) ?? []
    this.begun = from?.begun.slice() ?? []
    this.payloads = from?.payloads ?? 0
    this.controls = from?.controls ?? 0
  }

  fork(): Broadcasts {
    return new Broadcasts(this)
  }

  /** A new broadcast from a node, when so many processes have begun; its payload, which is shared by all copies. */
  begin(source: number, bytes: number, now: number, timed: boolean, begun: number): Uint8Array {
    const index = this.list.length
    this.begun.push(begun)
    this.list.push({
      source,
      delivered: 0,
      hops: 0,
      payload: 0,
      recovered: 0,
      duplicates: 0,
      publishedAt: now,
      deliveredAfter: timed ? new Uint32Array(shortest) : undefined
    })
    const payload = new Uint8Array(Math.max(4, bytes))
    payload.set([index & 255, (index >> 8) & 255, (index >> 16) & 255, index >>> 24])
    return payload
  }

  /** A frame of the broadcast protocol was sent. */
  sent(body: Body): void {
    if (body._tag !== "Gossip") {
      this.controls++
      return
    }
    this.payloads++
    const broadcast = this.of(body.payload)
    if (broadcast === undefined) return
    if (body.replay === "recovery") broadcast.recovered++
    else broadcast.payload++
  }

  /** To a process that was the `nth` to begin. */
  delivered(payload: Uint8Array, hops: number, now: number, nth: number): void {
    const index = indexOf(payload)
    const broadcast = this.list[index]
    if (broadcast === undefined || nth > (this.begun[index] ?? 0)) return
    broadcast.delivered++
    if (hops > broadcast.hops) broadcast.hops = hops
    const { deliveredAfter, publishedAt } = broadcast
    if (deliveredAfter === undefined) return
    const millis = Math.min(longest, Math.floor((now - publishedAt) / 1000))
    let counts = deliveredAfter
    if (millis >= counts.length) {
      counts = new Uint32Array(Math.min(longest + 1, Math.max(millis + 1, 2 * counts.length)))
      counts.set(deliveredAfter)
      broadcast.deliveredAfter = counts
    }
    counts[millis] = (counts[millis] ?? 0) + 1
  }

  /** A frame told a node nothing new. */
  repeated(message: Node.Message<number, number> | undefined): void {
    const body = message?._tag === "Carried" ? message.body : undefined
    const broadcast = body?._tag === "Gossip" ? this.of(body.payload) : undefined
    if (broadcast !== undefined) broadcast.duplicates++
  }

  private of(payload: Uint8Array): Broadcast | undefined {
    return this.list[indexOf(payload)]
  }
}

const indexOf = ([a = 0, b = 0, c = 0, d = 0]: Uint8Array): number => a | (b << 8) | (c << 16) | (d << 24)
