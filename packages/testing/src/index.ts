/**
 * Test kits: TestCluster, the transport contract, the virtual clock.
 *
 * @since 0.1.0
 */
export {}
