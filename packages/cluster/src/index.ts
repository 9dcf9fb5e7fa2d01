/**
 * A supervisor of live nodes in processes: start, join, kill, restart, broadcast, status.
 *
 * @since 0.1.0
 */
export * as Control from "./Control.ts"
export * as KillPlan from "./KillPlan.ts"
export * as Overview from "./Overview.ts"
export * as Partition from "./Partition.ts"
export * as RoutingFlags from "./RoutingFlags.ts"
export * as Supervisor from "./Supervisor.ts"
export * as SupervisorConfig from "./SupervisorConfig.ts"
export * as WorkerError from "./WorkerError.ts"
