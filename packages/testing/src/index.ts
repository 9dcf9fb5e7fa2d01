/**
 * Test kits: TestCluster, TestNode, the virtual clock and golden scripts. The transport contract, which needs vitest, is an entry
 * point of its own.
 *
 * @since 0.1.0
 */
export * as Golden from "./Golden.ts"
export * as TestCluster from "./TestCluster.ts"
export * as TestNode from "./TestNode.ts"
export * as VirtualClock from "./VirtualClock.ts"
