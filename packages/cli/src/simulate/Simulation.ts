/**
 * What is said between the command and the threads in which simulations run. The command asks for one short piece of work
 * after the other, so a simulation stops where it stands as soon as nobody asks it to go on, and can still tell how far it
 * has come.
 */
import { Experiment, Latency } from "@hyparview/simulator"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

/** What crosses to a thread. An option that is missing here would silently be the default there: the type forbids it. */
export const Options = Schema.Struct({
  nodes: Schema.Int,
  seed: Schema.Int,
  contacts: Schema.Int,
  joins: Schema.Literals(Experiment.choices.joins),
  cycles: Schema.Int,
  kill: Schema.Finite,
  messages: Schema.Int,
  healCycles: Schema.Int,
  againMessages: Schema.Int,
  ageWeight: Schema.Finite,
  mixMillis: Schema.Int,
  triangleExchanges: Schema.Int,
  cut: Schema.Literals(Experiment.choices.cut),
  cutMinutes: Schema.Int,
  xBotCandidates: Schema.Int,
  unbiasedLinks: Schema.Int,
  latency: Schema.Union([Schema.Literals(Latency.names), Schema.declare(Latency.isModel)]),
  sendFailure: Schema.Finite,
  sendAttempts: Schema.Int,
  gossips: Schema.Int,
  heartbeatMillis: Schema.Finite,
  detectionMillis: Schema.Finite,
  strategy: Schema.Literals(Experiment.choices.strategy),
  senders: Schema.Literals(Experiment.choices.senders),
  pace: Schema.Literals(Experiment.choices.pace),
  rate: Schema.Int,
  optimizeHops: Schema.Int,
  announceMillis: Schema.Int,
  pruneAfter: Schema.Int,
  guideMillis: Schema.Int,
  failures: Schema.Int,
  part: Schema.Literals(Experiment.choices.part)
} satisfies { readonly [K in keyof Experiment.Options]: Schema.Codec<Experiment.Options[K]> })

export const Progress = Schema.Struct({
  phase: Schema.String,
  /** From 0 to 1. */
  share: Schema.Finite,
  events: Schema.Finite,
  /** Whether there is anything left to do. */
  more: Schema.Boolean
})

export type Progress = typeof Progress.Type

const Measured = Schema.Struct({
  cpuSeconds: Schema.Finite,
  wallSeconds: Schema.Finite,
  peakRssBytes: Schema.Finite
})

/** The experiment was not begun: an option is out of its bounds, or contradicts another. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  option: Schema.String,
  value: Schema.String,
  expected: Schema.String
}) {}

/** A graph could not be written; the run and its result are not affected. */
export class EdgesNotWritten extends Schema.TaggedError<EdgesNotWritten>()("EdgesNotWritten", {
  message: Schema.String
}) {}

/** The requests, in the order in which they are made. */
export class Simulation extends RpcGroup.make(
  /** Prepares the world. `alone`: no other simulation runs in this process meanwhile. */
  Rpc.make("Start", {
    payload: { experiment: Schema.Literals(Experiment.names), options: Options, alone: Schema.Boolean },
    error: Refused
  }),
  /** Works for about as long. */
  Rpc.make("Advance", { payload: { millis: Schema.Int }, success: Progress }),
  /** The result as JSON: a document of many thousand numbers, and text is the cheapest thing to hand over. */
  Rpc.make("Result", { success: Schema.Struct({ measured: Measured, json: Schema.String }) }),
  /** Writes a graph to a file, from here: a large one never exists as a whole. */
  Rpc.make("WriteEdges", {
    payload: { view: Schema.Literals(["active", "passive"]), file: Schema.String },
    error: EdgesNotWritten
  }),
  /** A graph as text, for those that are small enough to be drawn. */
  Rpc.make("Edges", { success: Schema.String })
) {}
