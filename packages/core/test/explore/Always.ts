/**
 * What holds after every transition of a node, and that a step changes nothing that it was given. The rules themselves are
 * `@hyparview/faults/Transition`, which the simulator and the runtime are watched by too.
 */
export { mostOutputs, stateFaults, stepFaults, transitionFaults } from "@hyparview/faults/Transition"

/**
 * Freezes a value through and through, but for the bytes of a payload, which cannot be. What is frozen already is frozen
 * through and through.
 */
export const deepFreeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
