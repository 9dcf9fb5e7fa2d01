/** What a thread of the fault simulation is asked to do. */
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import type { Outcome } from "./Outcome.ts"

const target = Schema.Literals(["core", "runtime", "recovery"])

const isOutcome = (value: unknown): value is Outcome =>
  typeof value === "object" && value !== null && "scenario" in value && "violations" in value && "marks" in value

/** An outcome as it crosses from a thread: JSON of our own, taken at its word. */
export const OutcomeJson = Schema.fromJsonString(Schema.declare(isOutcome))

export class Runs extends RpcGroup.make(
  /** Runs the scenario of a seed. */
  Rpc.make("Draw", {
    payload: { target, seed: Schema.Finite, maximumNodes: Schema.Int },
    success: Schema.String
  }),
  /** Runs a scenario, given as JSON. */
  Rpc.make("Play", { payload: { target, scenario: Schema.String }, success: Schema.String }),
  /** Reads `inputs` hostile frames of a seed; what went wrong, and what was met. */
  Rpc.make("Fuzz", {
    payload: { seed: Schema.Finite, inputs: Schema.Int },
    success: Schema.Struct({
      faults: Schema.Array(Schema.String),
      met: Schema.Record(Schema.String, Schema.Int)
    })
  })
) {}
