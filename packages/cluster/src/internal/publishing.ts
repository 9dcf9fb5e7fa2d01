/** The messages that a supervisor has its nodes publish, and how far they get. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Delivery, type MessageId, NoSuchNode } from "../Control.ts"
import { type Pool, successesOf } from "./pool.ts"
import type { Roster } from "./roster.ts"
import { monotonicMillis } from "./watching.ts"

/** Between two looks at all nodes: so many times as long as the last one took, because they need the processor themselves. */
const restShare = 4

/**
 * A message that was published. `atMillis`: the machine's clock. `expected`: the nodes that ran then.
 *
 * @category models
 * @since 0.1.0
 */
export interface Publication {
  readonly id: MessageId
  readonly from: string
  readonly atMillis: number
  readonly expected: ReadonlyArray<string>
}

/** Looks until what is seen is enough, or the time is up; then says what was seen last. */
const paced = Effect.fnUntraced(function* <A, E>(
  look: Effect.Effect<A, E>,
  isEnough: (seen: A) => boolean,
  deadline: number
) {
  for (;;) {
    const began = yield* monotonicMillis
    const seen = yield* look
    const now = yield* monotonicMillis
    if (isEnough(seen) || now >= deadline) return seen
    yield* Effect.sleep(Math.max(20, restShare * (now - began)))
  }
})

/** `firstTopic`: on which is published unless another is named. `patienceOf`: how long a process is waited for. */
export const makePublishing = (
  pool: Pool,
  roster: Roster,
  firstTopic: string,
  patienceOf: (process: number) => Duration.Duration
) => {
  let latest: Publication | undefined

  /** As far as the processes answer. */
  const deliveriesSeen = (id: MessageId, within: (process: number) => Duration.Duration = patienceOf) =>
    Effect.map(
      pool.askEach("Deliveries", (control) => control.Deliveries({ id }), within),
      (answers) => successesOf(answers).flat()
    )

  const publish = Effect.fnUntraced(function* (wanted: {
    readonly from: string
    readonly text: string
    readonly topic?: string | undefined
  }) {
    const { from, text, topic = firstTopic } = wanted
    const process = yield* roster.processOf(from)
    const expected = roster.running().map(({ id }) => id)
    const published = yield* pool.ask(process, "Publish", (control) => control.Publish({ node: from, topic, text }))
    if (published === undefined) return yield* new NoSuchNode({ node: from })
    latest = { ...published, from, expected }
    return latest
  })

  const broadcast = Effect.fnUntraced(function* (wanted: {
    readonly from: string
    readonly text: string
    readonly within: Duration.Input
  }) {
    const { from, text, within } = wanted
    const { atMillis, expected, id } = yield* publish({ from, text })
    const missingIn = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> => {
      const reached = new Set(deliveries.map(({ node }) => node))
      return expected.filter((node) => !reached.has(node))
    }
    const deadline = (yield* monotonicMillis) + Duration.toMillis(within)
    const left = Effect.map(monotonicMillis, (now) => Duration.millis(Math.max(0, deadline - now)))
    // The message is out. A process that does not say what its nodes have got leaves them missing, and takes nothing of that back.
    // To ask for all deliveries of thousands of nodes again and again takes the processor time that they need themselves.
    const count = Effect.flatMap(left, (left) =>
      Effect.map(
        pool.askEach(
          "CountDeliveries",
          (control) => control.CountDeliveries({ id }),
          () => left
        ),
        (answers) => successesOf(answers).reduce((sum, reached) => sum + reached, 0)
      )
    )
    yield* paced(count, (reached) => reached >= expected.length, deadline)
    // Others, who were not expected, may have been counted too.
    const seen = Effect.flatMap(left, (left) =>
      deliveriesSeen(id, (process) => Duration.max(left, patienceOf(process)))
    )
    const deliveries = yield* paced(seen, (deliveries) => missingIn(deliveries).length === 0, deadline)
    return {
      id,
      from,
      atMillis,
      expected: expected.length,
      deliveries,
      missing: missingIn(deliveries),
      repeated: deliveries.filter(({ copies }) => copies > 1).map(({ node }) => node),
      lastMillis: deliveries.reduce((last, delivery) => Math.max(last, delivery.atMillis - atMillis), 0),
      hops: deliveries.reduce((most, { hops }) => Math.max(most, hops), 0)
    }
  })

  return { latest: () => latest, deliveriesSeen, publish, broadcast }
}
