/**
 * A scenario for the broadcast alone: who runs, which links there are and when they break, what is published. Here nobody's membership
 * chooses the links, so that they come and go as no overlay would have them. Plain data, as a scenario of a whole cluster is.
 */
import { Plumtree } from "@hyparview/core"
import * as Result from "effect/Result"
import { fromJson, InvalidScenario } from "./ScenarioFile.ts"

/** What happens at a time. What cannot be done then (a link to a node that is down, say) is left out. */
export type Happening =
  /** A process with empty memory, in a new incarnation; one that has left goes on with what it keeps. It links with these. */
  | {
      readonly _tag: "Starts"
      readonly node: number
      readonly peers: ReadonlyArray<number>
      readonly latencyMillis: number
    }
  /** A process ends without a word. Each neighbour notices within a time. */
  | { readonly _tag: "Crashes"; readonly node: number; readonly noticeMillis: number }
  | { readonly _tag: "Leaves"; readonly node: number }
  /** Told of another with its id it takes a higher epoch, and links anew with whom it was linked. */
  | { readonly _tag: "RaisesEpoch"; readonly node: number }
  /** A new link; where there is one, another takes its place before either end has noticed. */
  | { readonly _tag: "Links"; readonly ends: readonly [number, number]; readonly latencyMillis: number }
  /** What is under way is lost. The ends notice after these times, unless there is a new link by then. */
  | {
      readonly _tag: "Cuts"
      readonly ends: readonly [number, number]
      readonly noticeMillis: readonly [number, number]
    }
  /** The next link over which an answer is awaited is cut, so long after the question. */
  | {
      readonly _tag: "CutsNextFetch"
      readonly afterMillis: number
      readonly noticeMillis: readonly [number, number]
    }
  | {
      readonly _tag: "Publishes"
      readonly node: number
      readonly topic: string
      readonly bytes: number
      readonly count: number
      readonly everyMillis: number
    }
  | { readonly _tag: "Recalls"; readonly node: number; readonly topic: string; readonly count: number }

/** A happening, and when: in milliseconds of the run. */
export interface Timed {
  readonly atMillis: number
  readonly happening: Happening
}

/** The topic whose messages wait for a verdict, where one does. */
export const judgedTopic = "judged"

export interface RecoveryScenario {
  readonly seed: number
  readonly nodes: number
  /** Those that run at the beginning, in a ring; the others join later. */
  readonly first: number
  readonly broadcast: Plumtree.Config
  /** Whether applications judge the messages of `judgedTopic`: at once, slowly, too late or never, for and against. */
  readonly judges: boolean
  /** By how much each node's clock is ahead. */
  readonly clocksMillis: ReadonlyArray<number>
  /** A message takes up to so much longer than its link's latency, and overtakes none. */
  readonly jitterMillis: number
  /** The share of messages that vanish, though their link stays (L4). Not in calm. */
  readonly loss: number
  /** In the order of their times. */
  readonly happenings: ReadonlyArray<Timed>
  /** When calm begins. */
  readonly chaosMillis: number
}

/** The most incarnations that publish, times the topics: as many origins there are at most. */
export const mostOrigins = ({ happenings, nodes }: RecoveryScenario): number => {
  const topics = new Set(
    happenings.flatMap(({ happening }) => (happening._tag === "Publishes" ? [happening.topic] : []))
  )
  topics.add(calmTopic)
  const begun = happenings.filter(({ happening: { _tag } }) => _tag === "Starts" || _tag === "RaisesEpoch").length
  return (nodes + begun) * topics.size
}

/** On which it is published in calm. */
export const calmTopic = "calm"

/**
 * Whether nothing is to be lost: everything is remembered and kept for longer than a run, and no message vanishes. Then whatever one
 * of the nodes keeps must be delivered to all.
 */
export const isAmple = (scenario: RecoveryScenario): boolean => {
  const { broadcast, chaosMillis, loss } = scenario
  return (
    loss === 0 &&
    broadcast.sourcesSize >= mostOrigins(scenario) &&
    broadcast.recovery &&
    broadcast.catchUp &&
    broadcast.gapsSize >= 10_000 &&
    broadcast.windowSize >= 10_000 &&
    broadcast.retainedMessages >= 10_000 &&
    broadcast.retainedBytes >= 1_000_000_000 &&
    broadcast.gapMillis > 10 * chaosMillis &&
    broadcast.retainedMillis > 10 * chaosMillis
  )
}

/** In a line. */
export const summary = (scenario: RecoveryScenario): string => {
  const { broadcast, chaosMillis, clocksMillis, first, happenings, judges, loss, nodes } = scenario
  const strategy = broadcast.strategy === "plumtree" ? `plumtree (${broadcast.trees})` : broadcast.strategy
  const published = happenings.reduce(
    (sum, { happening }) => sum + (happening._tag === "Publishes" ? happening.count : 0),
    0
  )
  return [
    `${nodes} nodes, ${first} from the start`,
    strategy,
    `${isAmple(scenario) ? "all is kept" : `window ${broadcast.windowSize}, ${broadcast.retainedMessages} kept`}`,
    ...(judges ? ["a topic judged"] : []),
    ...(loss > 0 ? [`${(100 * loss).toFixed(0)} % lost`] : []),
    ...(clocksMillis.some((ahead) => ahead > 0) ? ["clocks apart"] : []),
    `${happenings.length} happenings, ${published} messages in ${chaosMillis} ms`
  ].join(", ")
}

const fields = [
  "seed",
  "nodes",
  "first",
  "broadcast",
  "judges",
  "clocksMillis",
  "jitterMillis",
  "loss",
  "happenings",
  "chaosMillis"
] as const satisfies ReadonlyArray<keyof RecoveryScenario>

const isShaped = (value: unknown): value is RecoveryScenario =>
  typeof value === "object" &&
  value !== null &&
  fields.every((field) => field in value) &&
  "happenings" in value &&
  Array.isArray(value.happenings) &&
  value.happenings.every(
    (item: unknown) =>
      typeof item === "object" &&
      item !== null &&
      "atMillis" in item &&
      "happening" in item &&
      typeof item.happening === "object" &&
      item.happening !== null &&
      "_tag" in item.happening
  ) &&
  "clocksMillis" in value &&
  Array.isArray(value.clocksMillis)

/** Reads a scenario. Fails if it is not JSON, lacks a field, or contradicts itself. */
export const parseRecovery = (text: string): Result.Result<RecoveryScenario, InvalidScenario> => {
  const invalid = (detail: string) => Result.fail(new InvalidScenario({ detail }))
  const read = fromJson(text)
  if (Result.isFailure(read)) return Result.fail(read.failure)
  const value = read.success
  if (!isShaped(value)) return invalid(`it needs the fields ${fields.join(", ")}`)
  const broadcast = Plumtree.validate(value.broadcast)
  if (Result.isFailure(broadcast)) return invalid(broadcast.failure.message)
  if (!(value.nodes >= 2 && value.nodes <= Plumtree.maxNeighbors)) return invalid(`${value.nodes} nodes`)
  if (value.clocksMillis.length !== value.nodes) return invalid("each node needs a clock")
  return Result.succeed(value)
}

/** A scenario as the text of a file. */
export const printRecovery = (scenario: RecoveryScenario): string => `${JSON.stringify(scenario, undefined, 1)}\n`
