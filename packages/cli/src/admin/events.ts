/** Membership events as server-sent events, for readers that may be slow. */
import { type Membership, type MembershipEvent } from "@hyparview/runtime/Membership"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Sse from "effect/encoding/Sse"

/** An event as it travels: `NeighborUp` and `NeighborDown` with the peer, and a reason where there is one. */
const written = (event: MembershipEvent): string => {
  const { _tag, ...data } = event
  return Sse.encoder.write({ _tag: "Event", event: _tag, id: undefined, data: JSON.stringify(data) })
}

const farewell = (event: string, error: { readonly message: string }) =>
  Stream.make(
    Sse.encoder.write({ _tag: "Event", event, id: undefined, data: JSON.stringify({ error: error.message }) })
  )

/**
 * The present neighbours, then every change; now and then a comment. It ends with `EventsLost` for a reader for whom too
 * many events were waiting, and with `DuplicateIdentity` when the node stops.
 */
export const feed = (membership: Membership["Service"], keepAliveMillis: number): Stream.Stream<Uint8Array> =>
  Stream.merge(
    Stream.map(membership.events, written),
    Stream.map(Stream.drop(Stream.tick(keepAliveMillis), 1), () => ": still here\n\n"),
    { haltStrategy: "left" }
  ).pipe(
    Stream.catchTags({
      EventsLost: (error) => farewell("EventsLost", error),
      DuplicateIdentity: (error) => farewell("DuplicateIdentity", error)
    }),
    Stream.encodeText
  )

/**
 * Calls `cut` once the reader has left something lying for longer than `stallMillis`. While it does, nothing is asked of
 * the stream, so the stream itself cannot end for it.
 */
export const cutIfStalled = <A, E>(
  stream: Stream.Stream<A, E>,
  stallMillis: number,
  cut: () => void
): Stream.Stream<A, E> =>
  Stream.transformPull(stream, (pull, scope) =>
    Effect.gen(function* () {
      let handedOverAt = Infinity
      const watch = Effect.gen(function* () {
        yield* Effect.sleep(stallMillis / 4)
        if ((yield* Clock.currentTimeMillis) - handedOverAt > stallMillis) cut()
      })
      yield* Effect.forkIn(Effect.forever(watch), scope)
      return Effect.suspend(() => {
        handedOverAt = Infinity
        return Effect.tap(pull, () =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            handedOverAt = now
          })
        )
      })
    })
  )
