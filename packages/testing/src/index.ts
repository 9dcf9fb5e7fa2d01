/**
 * Test kits: TestCluster and the virtual clock. The transport contract, which needs vitest, is an entry point of its own.
 *
 * @since 0.1.0
 */
export * as TestCluster from "./TestCluster.ts"
export * as VirtualClock from "./VirtualClock.ts"
