/**
 * A discrete-event world over `@hyparview/core`: experiments, metrics and reports, for up to a million nodes.
 *
 * `Report` is not among these: it brings a charting library, and stands at `@hyparview/simulator/Report`.
 *
 * @since 0.1.0
 */
export { Latency } from "@hyparview/faults"
export * as Baseline from "./Baseline.ts"
export * as EventQueue from "./EventQueue.ts"
export * as Experiment from "./Experiment.ts"
export * as Forest from "./Forest.ts"
export * as Graph from "./Graph.ts"
export * as Measure from "./Measure.ts"
export * as Result from "./Result.ts"
export * as TraceHash from "./TraceHash.ts"
export * as World from "./World.ts"
export * as paperFigures from "./paperFigures.ts"
