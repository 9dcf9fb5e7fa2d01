/** What a live node tells of itself: its log in the wanted form, and OTLP for whoever collects it. */
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Otlp from "effect/observability/Otlp"
import type { Settings } from "./fields.ts"

/** What is left to export when the node ends must not keep it from ending. */
const shutdownTimeout = Duration.seconds(2)

const loggers = {
  pretty: Logger.consolePretty(),
  json: Logger.consoleJson,
  logfmt: Logger.consoleLogFmt
}

const levels: Readonly<Record<Settings["logLevel"], LogLevel.LogLevel>> = {
  all: "All",
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  fatal: "Fatal",
  none: "None"
}

export const layer = ({ cluster, id, logFormat, logLevel, otlp }: Settings): Layer.Layer<never> => {
  const logging = Layer.merge(
    Logger.layer([loggers[logFormat]]),
    Layer.succeed(References.MinimumLogLevel, levels[logLevel])
  )
  if (otlp === undefined) return logging
  const exporting = Otlp.layerJson({
    baseUrl: otlp,
    resource: {
      serviceName: "hyparview",
      attributes: { "service.instance.id": id, "hyparview.cluster": cluster }
    },
    shutdownTimeout
  }).pipe(Layer.provide(FetchHttpClient.layer))
  return Layer.provideMerge(exporting, logging)
}
