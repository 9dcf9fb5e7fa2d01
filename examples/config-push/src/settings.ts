/**
 * Settings that every node of a cluster shares: whoever changes them tells all, and who joins later asks for the newest.
 *
 * Two nodes may change them at once, or on two sides of a partition. So a revision has a number and an author, and the
 * higher one wins everywhere: all nodes end with the same settings, whatever the order in which they heard of them. (The
 * loser's change is lost: make it again. Settings that must not be lost so need a consensus, not a broadcast.)
 */
import { Broadcast, Membership } from "@hyparview/runtime"
import { Effect, Schema, Semaphore, Stream, SubscriptionRef } from "effect"

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

/** The settings as one node has them. Subscribes; so join first, and let it live as long as the scope. */
export const makeSettings = Effect.gen(function* () {
  const { id } = yield* (yield* Membership.Membership).self
  const topic = yield* (yield* Broadcast.Broadcast).topic("settings", Revision)
  const revision = yield* SubscriptionRef.make(first)

  // Two changes at once would build on the same revision, and one of them be lost.
  const turn = yield* Semaphore.make(1)

  const learn = (heard: Revision) =>
    SubscriptionRef.update(revision, (known) => (isNewer(heard, known) ? heard : known))

  // A few more than the newest one, since the newest by its author's clock need not be the highest revision.
  yield* topic.subscribe({ history: 16 }).pipe(
    Stream.runForEach((delivery) => {
      switch (delivery._tag) {
        case "Message":
          return learn(delivery.payload)
        case "Undecodable":
          return Effect.logWarning("settings of a version that is not known here", { reason: delivery.reason })
        case "Lagged":
          // Every revision says all, so that only the newest matters, and that one is not lost alone.
          return Effect.void
      }
    }),
    Effect.forkScoped({ startImmediately: true })
  )

  return {
    current: Effect.map(SubscriptionRef.get(revision), ({ settings }) => settings),

    /** The settings now, and after every change. */
    changes: Stream.map(SubscriptionRef.changes(revision), ({ settings }) => settings),

    /** Changes some settings, here and everywhere. */
    push: Effect.fn("Settings.push")(function* (change: Partial<Settings>) {
      const { number, settings } = yield* SubscriptionRef.get(revision)
      const next = { number: number + 1, author: id, settings: { ...settings, ...change } }
      yield* topic.publish(next, { whenFull: "wait" })
      yield* learn(next)
    }, turn.withPermits(1))
  }
})
