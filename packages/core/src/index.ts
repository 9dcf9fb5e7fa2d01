/**
 * The protocols of HyParView for Effect as pure functions: no I/O, no clock, no randomness of their own.
 *
 * @since 0.1.0
 */
export * as Driver from "./Driver.ts"
export * as HyParView from "./HyParView.ts"
export * as Node from "./Node.ts"
export * as Peer from "./Peer.ts"
export * as Plumtree from "./Plumtree.ts"
export * as Random from "./Random.ts"
export * as Stripes from "./Stripes.ts"
export * as Wire from "./Wire.ts"
