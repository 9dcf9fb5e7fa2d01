/**
 * What goes wrong, and how to tell: latency models, fault plans as data, plans drawn from a seed, and checkers of the
 * overlay's invariants. Pure: no clock, no randomness of its own, no Promise.
 *
 * @since 0.1.0
 */
export * as Arithmetic from "./Arithmetic.ts"
export * as Broadcast from "./Broadcast.ts"
export * as FaultDraw from "./FaultDraw.ts"
export * as FaultPlan from "./FaultPlan.ts"
export * as History from "./History.ts"
export * as Latency from "./Latency.ts"
export * as Overlay from "./Overlay.ts"
export * as Scenario from "./Scenario.ts"
export * as ScenarioDraw from "./ScenarioDraw.ts"
export * as ScenarioShrink from "./ScenarioShrink.ts"
export * as Sizes from "./Sizes.ts"
export * as Transition from "./Transition.ts"
