/**
 * A discrete-event world over `@hyparview/core`: experiments, metrics and reports, for up to a million nodes.
 *
 * @since 0.1.0
 */
export * as EventQueue from "./EventQueue.ts"
export * as Graph from "./Graph.ts"
export * as TraceHash from "./TraceHash.ts"
export * as paperFigures from "./paperFigures.ts"
