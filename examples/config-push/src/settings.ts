/**
 * Settings that every node of a cluster shares: whoever changes them tells all, and who joins later asks for the newest.
 *
 * Two nodes may change them at once, or on two sides of a partition. So a revision has a number and an author, and the
 * higher one wins everywhere: all nodes end with the same settings, whatever the order in which they heard of them. (The
 * loser's change is lost: make it again. Settings that must not be lost so need a consensus, not a broadcast.)
 */
import { Broadcast, Membership, type Topic } from "@hyparview/runtime"
import { Effect, Latch, Schema, Semaphore, Stream, SubscriptionRef } from "effect"

/** What is shared. A later version of the program may add keys, as long as they are optional. */
export const Settings = Schema.Struct({
  logLevel: Schema.Literals(["debug", "info", "warn", "error"]),
  requestsPerSecond: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })),
  features: Schema.Record(Schema.String, Schema.Boolean)
})

export type Settings = typeof Settings.Type

/** One state of the settings. */
const Revision = Schema.Struct({ number: Schema.Int, author: Schema.String, settings: Settings })

type Revision = typeof Revision.Type

const isNewer = (a: Revision, b: Revision): boolean =>
  a.number > b.number || (a.number === b.number && a.author > b.author)

/** What a node begins with, until it hears of something newer. */
const first: Revision = {
  number: 0,
  author: "",
  settings: { logLevel: "info", requestsPerSecond: 100, features: {} }
}

/**
 * So long the first change of a node may have to wait: until the node has waited for history long enough (its
 * `historyTimeout`, 3 seconds by default), and a moment for what came of it.
 */
const longestWait = "4 seconds"

/** The settings as one node has them. Subscribes; so join first, and let it live as long as the scope. */
export const makeSettings = Effect.gen(function* () {
  const { id } = yield* (yield* Membership.Membership).self
  const topic = yield* (yield* Broadcast.Broadcast).topic("settings", Revision)
  const revision = yield* SubscriptionRef.make(first)

  // Two changes at once would build on the same revision, and one of them be lost.
  const turn = yield* Semaphore.make(1)

  // A change made before history has come would build on settings that are long out of date, and be undone by them.
  const informed = yield* Latch.make()
  yield* Effect.forkScoped(Effect.delay(informed.open, longestWait))

  const learn = (heard: Revision) =>
    SubscriptionRef.update(revision, (known) => (isNewer(heard, known) ? heard : known))

  const hear = (delivery: Broadcast.Delivery<Revision> | Topic.Undecodable) => {
    switch (delivery._tag) {
      case "Message":
        return learn(delivery.payload)
      case "Undecodable":
        return Effect.logWarning("settings of a version that is not known here", { reason: delivery.reason })
      case "Lagged":
        // Every revision says all, so that only the newest matters, and that one is not lost alone.
        return Effect.void
    }
  }

  // A few more than the newest one, since the newest by its author's clock need not be the highest revision. They come all
  // at once, before anything new.
  yield* topic.subscribe({ history: 16 }).pipe(
    Stream.runForEachArray((deliveries) =>
      Effect.andThen(Effect.forEach(deliveries, hear, { discard: true }), informed.open)
    ),
    Effect.forkScoped({ startImmediately: true })
  )

  return {
    current: Effect.map(SubscriptionRef.get(revision), ({ settings }) => settings),

    /** The settings now, and after every change. */
    changes: Stream.map(SubscriptionRef.changes(revision), ({ settings }) => settings),

    /**
     * Changes some settings, here and everywhere. Builds on what the cluster has: a node that has just started waits for
     * history first. Where there is none, as on the first node of all, it waits until 4 seconds after the start.
     */
    push: Effect.fn("Settings.push")(function* (change: Partial<Settings>) {
      yield* informed.await
      const { number, settings } = yield* SubscriptionRef.get(revision)
      const next = { number: number + 1, author: id, settings: { ...settings, ...change } }
      yield* topic.publish(next, { whenFull: "wait" })
      yield* learn(next)
    }, turn.withPermits(1))
  }
})
