/**
 * A counter that every node may raise and every node can read, without a server: each node knows the count of each, tells
 * its own to all, and tells it again now and then, so that whoever joins late or missed a message catches up.
 *
 * The program asks for `Membership` and `Broadcast` and knows nothing of what carries them. `main.ts` gives it TCP;
 * `test/program.test.ts` gives it a network in memory and a clock that it turns itself. Not a line here differs.
 */
import { Broadcast, Membership } from "@hyparview/runtime"
import { Effect, Schema, Stream, SubscriptionRef } from "effect"

/** What nodes tell each other: how often this one has counted. */
const Count = Schema.fromJsonString(Schema.Struct({ node: Schema.String, count: Schema.Int }))

const topic = "counter"

/** One node's view of the counter. Counts only grow, so that messages may come late, twice, or in any order. */
export const makeCounter = Effect.gen(function* () {
  const membership = yield* Membership.Membership
  const broadcast = yield* Broadcast.Broadcast
  const { id: self } = yield* membership.self
  const counts = yield* SubscriptionRef.make<ReadonlyMap<string, number>>(new Map([[self, 0]]))

  const raise = (node: string, count: number) =>
    SubscriptionRef.update(counts, (known) =>
      count > (known.get(node) ?? 0) ? new Map(known).set(node, count) : known
    )

  const tell = Effect.gen(function* () {
    const count = (yield* SubscriptionRef.get(counts)).get(self) ?? 0
    const text = yield* Schema.encodeEffect(Count)({ node: self, count })
    // Whoever has nobody to tell, or too much to send, tells it next time.
    yield* Effect.ignore(broadcast.publish(topic, new TextEncoder().encode(text)))
  })

  yield* broadcast.subscribe(topic).pipe(
    Stream.runForEach((delivery) =>
      delivery._tag === "Lagged"
        ? Effect.void
        : Schema.decodeEffect(Count)(new TextDecoder().decode(delivery.payload)).pipe(
            Effect.flatMap(({ count, node }) => raise(node, count)),
            Effect.ignore({ log: "Warn" })
          )
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* tell.pipe(Effect.delay("5 seconds"), Effect.forever, Effect.forkScoped)

  const sum = (known: ReadonlyMap<string, number>): number => known.values().reduce((total, count) => total + count, 0)

  return {
    /** Counts one, and tells everybody. */
    count: Effect.andThen(
      SubscriptionRef.update(counts, (known) => new Map(known).set(self, (known.get(self) ?? 0) + 1)),
      tell
    ),
    /** What all nodes together have counted, as far as this one knows. */
    total: Effect.map(SubscriptionRef.get(counts), sum),
    /** Waits until that is `total` or more. */
    reaches: (total: number) =>
      SubscriptionRef.changes(counts).pipe(
        Stream.filter((known) => sum(known) >= total),
        Stream.runHead
      )
  }
})

/**
 * Joins, counts so many times, and waits until everybody's counts are here. The counter goes on telling its own as long as
 * the scope is open: others may not have heard it yet.
 */
export const program = Effect.fn("program")(function* (options: {
  readonly contacts: ReadonlyArray<string>
  readonly times: number
  readonly total: number
}) {
  const membership = yield* Membership.Membership
  const counter = yield* makeCounter
  yield* membership.join(options.contacts)
  yield* membership.awaitNeighbors(1)
  yield* Effect.repeat(counter.count, { times: options.times - 1 })
  yield* counter.reaches(options.total)
  return yield* counter.total
})
