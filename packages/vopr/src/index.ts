/**
 * Seeded fault simulation of the protocols and of the whole runtime, and fuzzing of what they read. `npm run vopr` is its
 * command.
 *
 * @since 0.1.0
 */
export * as Bytes from "./Bytes.ts"
export * as CoreRun from "./CoreRun.ts"
export * as FrameDraw from "./FrameDraw.ts"
export * as Live from "./Live.ts"
export * as Marks from "./Marks.ts"
export * as Outcome from "./Outcome.ts"
export * as Report from "./Report.ts"
export * as RuntimeRun from "./RuntimeRun.ts"
export * as ScenarioFile from "./ScenarioFile.ts"
export * as Trace from "./Trace.ts"
