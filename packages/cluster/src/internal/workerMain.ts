/**
 * A worker process. It serves the control channel on the IPC channel to its parent, and has no life beyond it: when the
 * channel closes, because the parent closed it or died of whatever cause, the process ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as RpcServer from "effect/rpc/RpcServer"
import { Control } from "../Control.ts"
import { layerServer } from "./channel.ts"
import * as Host from "./host.ts"
import { fibers } from "./resources.ts"

const end = (): void => process.exit(0)
process.on("disconnect", end)
// The parent may have died while the modules were loading.
if (!process.connected) end()
// Ctrl-C and a service manager's SIGTERM reach the whole process group; the parent decides what they mean for us.
process.on("SIGINT", () => undefined)
process.on("SIGTERM", () => undefined)

const wanted = LogLevel.values.find((level) => level === process.argv[2]) ?? "Warn"

const server = RpcServer.layer(Control, { disableTracing: true }).pipe(
  Layer.provide(Host.layer),
  Layer.provide(layerServer(process)),
  Layer.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, wanted)),
  Layer.provide(Layer.succeed(Metric.FiberRuntimeMetrics, fibers)),
  Layer.launch,
  Effect.runFork
)
server.addObserver((exit) => {
  // The channel's server never ends by itself.
  console.error(exit._tag === "Failure" ? Cause.pretty(exit.cause) : "the control channel's server ended")
  process.exit(1)
})
