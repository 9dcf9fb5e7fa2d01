/**
 * The hyparview command. It is made to be run, not imported; its parts are open to tests and to those who build a command
 * of their own around them.
 *
 * @since 0.1.0
 */
export * as CertsCommand from "./CertsCommand.ts"
export * as ClusterCommand from "./ClusterCommand.ts"
export * as ClusterScenario from "./ClusterScenario.ts"
export * as ExitCode from "./ExitCode.ts"
export * as SimulateCommand from "./SimulateCommand.ts"
export * as StopSignal from "./StopSignal.ts"
