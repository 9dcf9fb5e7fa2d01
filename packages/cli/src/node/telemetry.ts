/** What a live node tells of itself: its log in the wanted form, and OTLP for whoever collects it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Predicate from "effect/Predicate"
import * as References from "effect/References"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Otlp from "effect/observability/Otlp"
import type { Settings } from "./fields.ts"

/** What is left to export when the node ends must not keep it from ending. */
const shutdownTimeout = Duration.seconds(2)

/**
 * Says in the log when what is exported to a URL does not arrive, once, and when it does again. The exporter drops it without a
 * word that anybody would see.
 */
const layerWatched = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const failing = new Set<string>()
    const failed = ({ url }: HttpClientRequest.HttpClientRequest, detail: string) =>
      Effect.suspend(() => {
        if (failing.has(url)) return Effect.void
        failing.add(url)
        return Effect.logWarning("telemetry does not arrive; trying again, without another word", { url, detail })
      })
    return (yield* HttpClient.HttpClient).pipe(
      HttpClient.tap(({ request, status }) =>
        Effect.suspend(() => {
          if (status >= 400) return failed(request, `it answers ${status}`)
          return failing.delete(request.url) ? Effect.log("telemetry arrives again", { url: request.url }) : Effect.void
        })
      ),
      HttpClient.tapError((error) => failed(error.request, error.message))
    )
  })
).pipe(Layer.provide(FetchHttpClient.layer))

/**
 * An entry for programs: its message is one text, and whatever else it says are fields. As it comes the message is a text at one
 * time and a list at another, which no index of logs takes, and in logfmt a second `message`, with JSON in it.
 */
const flat = Logger.map(Logger.formatStructured, ({ annotations, message, ...entry }) => {
  const [text, ...more]: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const fields = more.map((each) => (Predicate.isReadonlyObject(each) ? each : { detail: each }))
  return { message: text, ...entry, annotations: Object.assign({}, annotations, ...fields) }
})

/** `key=value`, quoted where it must be. */
const pair = ([key, value]: readonly [string, unknown]): string => {
  const text = typeof value === "string" ? value : Formatter.formatJson(value)
  return `${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`
}

const logfmt = Logger.map(flat, ({ annotations, cause, fiberId, level, message, spans, timestamp }) => {
  const fields = { timestamp, level, fiber: fiberId, message, ...(cause === undefined ? {} : { cause }) }
  return [fields, spans, annotations].flatMap((each) => Object.entries(each).map(pair)).join(" ")
})

const loggers = {
  pretty: Logger.consolePretty(),
  json: Logger.withConsoleLog(Logger.map(flat, Formatter.formatJson)),
  logfmt: Logger.withConsoleLog(logfmt)
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
  }).pipe(Layer.provide(layerWatched))
  return Layer.provideMerge(exporting, logging)
}
