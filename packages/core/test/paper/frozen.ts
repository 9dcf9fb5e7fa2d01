/**
 * The step that every test here takes: the state and the input it is given are frozen to their depths, so that a
 * transition that writes to its argument throws; it is taken twice and must give the same both times; and what must hold
 * after every transition (rules I1 to I5 of `docs/protocol.md`) is checked after it.
 */
import { assert } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Node from "@hyparview/core/Node"
import { deepFreeze, transitionFaults } from "../explore/Always.ts"

/** One step of HyParView. */
export const step = (state: HyParView.State<number, number>, input: HyParView.Input<number, number>) => {
  const result = HyParView.step(deepFreeze(state), deepFreeze(input))
  assert.deepStrictEqual(HyParView.step(state, input), result)
  assert.deepStrictEqual(transitionFaults(state, input.now, result), [])
  return result
}

/** One step of a whole node. */
export const stepNode = (state: Node.State<number, number>, input: Node.Input<number, number>) => {
  deepFreeze(state)
  deepFreeze(input)
  const result = Node.step(state, input)
  const outputs = result.outputs.filter(isOfMembership)
  assert.deepStrictEqual(transitionFaults(state.membership, input.now, { state: result.state.membership, outputs }), [])
  return result
}

const isOfMembership = (output: Node.Output<number, number>): output is HyParView.Output<number, number> => {
  switch (output._tag) {
    case "Delivered":
    case "Duplicate":
    case "Lagged":
    case "Validate":
    case "Rejected":
    case "Recalled":
      return false
    case "Send":
      return output.message._tag !== "Carried"
    case "SetTimer":
    case "ClearTimer":
      return output.kind !== "Announce" && output.kind !== "Graft" && output.kind !== "Recover"
    default:
      return true
  }
}
