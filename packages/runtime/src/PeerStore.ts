/**
 * The peer store: what a node remembers from one start to the next. Its own epoch, so that a restart is known as one even
 * if the clock has been set back (rule 9c of `docs/protocol.md`), and the peers it knew, so that it finds back to them
 * without a contact.
 *
 * A node uses the store that is provided to `Node.layer`, and does without if there is none. A store that fails costs the
 * memory, never the node: its error is logged, and the node goes on as if it remembered nothing. So does one that dies, is
 * interrupted, or does not answer within `peerStoreTimeout`; it is asked for one thing at a time also then.
 *
 * Files are an adapter of their own: `@hyparview/runtime/PeerStoreFile`.
 *
 * @since 0.1.0
 */
import type { Peer } from "@hyparview/core"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * What is remembered. A memory of another cluster, or of another node, is reported and ignored.
 *
 * @category models
 * @since 0.1.0
 */
export interface Memory {
  readonly cluster: string
  readonly id: string
  /** The highest epoch that the node has had, below 2⁵². */
  readonly epoch: number
  /** Peers that were known, the most recently known first. At most `rememberedPeers` of the node's options. */
  readonly peers: ReadonlyArray<Peer.Peer>
}

/**
 * The store could not be used. Nothing else is affected; the node goes on without.
 *
 * - `unreadable`, `unwritable`: the medium failed
 * - `corrupt`: what it holds is no memory
 *
 * @category errors
 * @since 0.1.0
 */
export class PeerStoreError extends Data.TaggedError("PeerStoreError")<{
  readonly reason: "unreadable" | "unwritable" | "corrupt"
  /** Where: a file's path, a key; empty if that is not known. */
  readonly place: string
  readonly detail: string
}> {
  override get message(): string {
    return `the peer store${this.place === "" ? "" : ` ${this.place}`} is ${this.reason}: ${this.detail}`
  }
}

/**
 * What a node remembers from one start to the next.
 *
 * @category services
 * @since 0.1.0
 */
export class PeerStore extends Context.Service<
  PeerStore,
  {
    /** Where it is kept, for what is said of it: a file's path, a key. */
    readonly place?: string | undefined

    /**
     * What was saved last; undefined if nothing ever was. Asked once, when the node is made; where that failed as
     * `unreadable`, or did not answer, again before each save, which would replace it, until it has been read or a save has
     * succeeded. While it does not answer nothing is saved.
     */
    readonly load: Effect.Effect<Memory | undefined, PeerStoreError>

    /**
     * Replaces what is remembered, all or nothing: a process that is killed meanwhile leaves the old memory or the new
     * one. A node calls it once when it is made, once within a tenth of `peerStoreInterval` of its first neighbour, then at most once
     * in that interval, and never twice at a time.
     */
    readonly save: (memory: Memory) => Effect.Effect<void, PeerStoreError>
  }
>()("@hyparview/runtime/PeerStore") {
  /** Remembers nothing: as if no store were provided. */
  static readonly layerNone: Layer.Layer<PeerStore> = Layer.succeed(this, {
    load: Effect.undefined,
    save: () => Effect.void
  })

  /**
   * Remembers in memory, for as long as the layer lives: for tests that start a node again.
   *
   * @example
   * ```ts
   * import { PeerStore } from "@hyparview/runtime"
   * import { Effect } from "effect"
   *
   * const program = Effect.gen(function* () {
   *   const store = yield* PeerStore.PeerStore
   *   yield* store.save({ cluster: "c", id: "a", epoch: 7, peers: [] })
   *   return (yield* store.load)?.epoch // 7
   * }).pipe(Effect.provide(PeerStore.PeerStore.layerMemory))
   * ```
   */
  static readonly layerMemory: Layer.Layer<PeerStore> = Layer.sync(this, () => {
    let saved: Memory | undefined
    return {
      load: Effect.sync(() => saved),
      save: (memory) =>
        Effect.sync(() => {
          saved = memory
        })
    }
  })
}
