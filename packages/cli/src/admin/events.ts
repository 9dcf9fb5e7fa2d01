/** Membership events, and the messages of a topic, as server-sent events, for readers that may be slow. */
import type { Delivery } from "@hyparview/runtime/Broadcast"
import { type Membership, type MembershipEvent } from "@hyparview/runtime/Membership"
import type { Undecodable } from "@hyparview/runtime/Topic"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Base64 from "effect/encoding/Base64"
import * as Sse from "effect/encoding/Sse"

const event = (name: string, data: object): string =>
  Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data: JSON.stringify(data) })

/** An event as it travels: `NeighborUp` and `NeighborDown` with the peer, and a reason where there is one. */
const written = (change: MembershipEvent): string => {
  const { _tag, ...data } = change
  return event(_tag, data)
}

const farewell = (name: string, error: { readonly message: string }) =>
  Stream.make(event(name, { error: error.message }))

/**
 * A comment at once, so that the reader has its answer before anything happens, and one now and then until the events end,
 * so that both ends notice a dead connection.
 */
const keptAlive = <E>(events: Stream.Stream<string, E>, keepAliveMillis: number): Stream.Stream<string, E> =>
  Stream.merge(
    events,
    Stream.map(Stream.tick(keepAliveMillis), () => ": here\n\n"),
    { haltStrategy: "left" }
  )

/**
 * The present neighbours, then every change; now and then a comment. It ends with `EventsLost` for a reader for whom too
 * many events were waiting, and with `DuplicateIdentity` when the node stops.
 */
export const feed = (membership: Membership["Service"], keepAliveMillis: number): Stream.Stream<Uint8Array> =>
  keptAlive(Stream.map(membership.events, written), keepAliveMillis).pipe(
    Stream.catchTags({
      EventsLost: (error) => farewell("EventsLost", error),
      DuplicateIdentity: (error) => farewell("DuplicateIdentity", error)
    }),
    Stream.encodeText
  )

/** Payloads are bytes, and an event is text. */
const told = (delivery: Delivery | Undecodable): string => {
  const { _tag, ...data } = delivery
  return event(_tag, "payload" in data ? { ...data, payload: Base64.encode(data.payload) } : data)
}

/** What a subscriber of a topic is handed. It ends when the node does. */
export const messages = (
  deliveries: Stream.Stream<Delivery | Undecodable>,
  keepAliveMillis: number
): Stream.Stream<Uint8Array> => Stream.encodeText(keptAlive(Stream.map(deliveries, told), keepAliveMillis))

/** A reader is looked at so often while it may stall. */
const looks = 4

/**
 * Calls `cut` once the reader has left something lying for longer than `stallMillis`. While it does, nothing is asked of
 * the stream, so the stream itself cannot end for it. Looks are counted, since clocks may be set.
 */
export const cutIfStalled = <A, E>(
  stream: Stream.Stream<A, E>,
  stallMillis: number,
  cut: () => void
): Stream.Stream<A, E> =>
  Stream.transformPull(stream, (pull, scope) =>
    Effect.gen(function* () {
      /** Looks since it was handed something that it has not taken; −∞: it has taken everything. */
      let seen = -Infinity
      const watch = Effect.sync(() => {
        if (++seen > looks) cut()
      })
      yield* Effect.forkIn(Effect.forever(Effect.andThen(Effect.sleep(stallMillis / looks), watch)), scope)
      return Effect.suspend(() => {
        seen = -Infinity
        return Effect.tap(pull, () =>
          Effect.sync(() => {
            seen = 0
          })
        )
      })
    })
  )
