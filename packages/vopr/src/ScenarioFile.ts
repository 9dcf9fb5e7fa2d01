/** Scenarios as JSON files: how one that found a defect is kept, and read again. */
import { HyParView, Plumtree } from "@hyparview/core"
import { FaultPlan, Latency } from "@hyparview/faults"
import type { Scenario } from "@hyparview/faults/Scenario"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { broadcastOf } from "./BroadcastDraw.ts"

/** A text holds no scenario. Nothing was run. */
export class InvalidScenario extends Data.TaggedError("InvalidScenario")<{ readonly detail: string }> {
  override get message(): string {
    return `no scenario: ${this.detail}`
  }
}

const fields = [
  "seed",
  "nodes",
  "membership",
  "strategy",
  "latency",
  "detectionMillis",
  "dialFailure",
  "dialTimeoutMillis",
  "discoverable",
  "starts",
  "plan",
  "publications",
  "chaosMillis"
] as const satisfies ReadonlyArray<keyof Scenario>

const isShaped = (value: unknown): value is Scenario =>
  typeof value === "object" &&
  value !== null &&
  fields.every((field) => field in value) &&
  "plan" in value &&
  typeof value.plan === "object" &&
  value.plan !== null &&
  "actions" in value.plan &&
  Array.isArray(value.plan.actions) &&
  "starts" in value &&
  Array.isArray(value.starts) &&
  "publications" in value &&
  Array.isArray(value.publications)

/** What a scenario's file holds, whatever it is. */
export const fromJson = (text: string): Result.Result<unknown, InvalidScenario> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (cause) => new InvalidScenario({ detail: cause instanceof Error ? cause.message : "not JSON" })
  })

/**
 * Reads a scenario. Fails if it is not JSON, lacks a field, or if its plan, its parameters or its latency contradict
 * themselves.
 */
export const parse = (text: string): Result.Result<Scenario, InvalidScenario> => {
  const invalid = (detail: string) => Result.fail(new InvalidScenario({ detail }))
  const read = fromJson(text)
  if (Result.isFailure(read)) return Result.fail(read.failure)
  const value = read.success
  if (!isShaped(value)) return invalid(`it needs the fields ${fields.join(", ")}`)
  const plan = FaultPlan.validate(value.plan)
  if (Result.isFailure(plan)) return invalid(plan.failure.message)
  const membership = HyParView.validate(value.membership)
  if (Result.isFailure(membership)) return invalid(membership.failure.message)
  const broadcast = Plumtree.validate(broadcastOf(value))
  if (Result.isFailure(broadcast)) return invalid(broadcast.failure.message)
  const latency = Latency.validate(value.latency)
  if (Result.isFailure(latency)) return invalid(latency.failure.message)
  return Result.succeed(value)
}

/** A scenario as the text of a file. */
export const print = (scenario: Scenario): string => `${JSON.stringify(scenario, undefined, 1)}\n`
