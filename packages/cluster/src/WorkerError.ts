/**
 * What can go wrong with a worker process.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { NodeNotStarted } from "./Control.ts"

/**
 * A worker process ended unasked, and its nodes with it. The others go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerLost extends Data.TaggedError("WorkerLost")<{
  readonly process: number
  readonly pid: number
  readonly nodes: ReadonlyArray<string>
  readonly code: number | null
  readonly signal: string | null
  /** The last lines that it wrote. */
  readonly lastLines: ReadonlyArray<string>
}> {
  override get message(): string {
    const how = this.signal === null ? `with exit code ${this.code ?? "unknown"}` : `by ${this.signal}`
    const last = this.lastLines.length === 0 ? "It wrote nothing." : `Its last lines:\n  ${this.lastLines.join("\n  ")}`
    return `process ${this.process} (pid ${this.pid}, ${this.nodes.length} nodes) ended unexpectedly, ${how}. ${last}`
  }
}

/**
 * A worker process did not answer in time. Whether it did what it was asked is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerSilent extends Data.TaggedError("WorkerSilent")<{
  readonly process: number
  readonly pid: number
  readonly request: string
  readonly waitedMillis: number
}> {
  override get message(): string {
    return `process ${this.process} (pid ${this.pid}) did not answer ${this.request} within ${this.waitedMillis} ms`
  }
}

/**
 * A worker process could not do what it was asked.
 *
 * @category errors
 * @since 0.1.0
 */
export type WorkerError = WorkerLost | WorkerSilent

/**
 * There would be more nodes than `mostNodes`, or the number is none. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyNodes extends Data.TaggedError("TooManyNodes")<{
  readonly wanted: number
  readonly present: number
  readonly limit: number
}> {
  override get message(): string {
    return `cannot add ${this.wanted} nodes to ${this.present}: from 1, up to ${this.limit} in all`
  }
}

/**
 * The share is of no use: it rounds to nobody, or leaves nobody alive. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class UselessShare extends Data.TaggedError("UselessShare")<{
  readonly percent: number
  readonly running: number
}> {
  override get message(): string {
    const whole = `${this.percent} % of ${this.running} ${this.running === 1 ? "node" : "nodes"}`
    return Math.round((this.running * this.percent) / 100) === 0
      ? `${whole} is nobody`
      : `${whole} leaves nobody to heal`
  }
}

/**
 * Some of the nodes that were to start did not, each for its own reason. The others run and join.
 *
 * @category errors
 * @since 0.1.0
 */
export class PartlyStarted extends Data.TaggedError("PartlyStarted")<{
  /** Ids of those that run. */
  readonly started: ReadonlyArray<string>
  readonly failed: ReadonlyArray<string>
  readonly reasons: ReadonlyArray<NodeNotStarted | WorkerError>
}> {
  override get message(): string {
    const all = this.started.length + this.failed.length
    return `${this.failed.length} of ${all} nodes did not start: ${this.reasons.map(({ message }) => message).join("; ")}`
  }
}
