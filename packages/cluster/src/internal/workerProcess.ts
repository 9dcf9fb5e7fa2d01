/**
 * One worker process as its supervisor holds it: started, spoken to, stopped, and mourned.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type ControlClient, makeClient } from "./channel.ts"

/**
 * How a process ended, and the last lines that it wrote.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ending {
  readonly code: number | null
  readonly signal: string | null
  readonly lastLines: ReadonlyArray<string>
}

export interface WorkerProcess {
  readonly pid: number
  readonly control: ControlClient
  /** Waits for the end. */
  readonly ended: Effect.Effect<Ending>
  readonly isRunning: () => boolean
  /** SIGKILL. Returns when the process is gone. */
  readonly kill: Effect.Effect<Ending>
  /** Closes the channel, upon which the process ends by itself; SIGKILL if it does not. */
  readonly stop: Effect.Effect<Ending>
}

/** Lines that are kept for the report of an unexpected end. */
const keptLines = 20

/** A line longer than this is cut: a worker must not fill its supervisor's memory. */
const keptColumns = 2_000

const patience = "3 seconds"

/** Run from its sources, the project resolves its packages by the `source` condition, and so must its workers. */
const isSource = import.meta.url.endsWith(".ts")
const main = fileURLToPath(new URL(isSource ? "./workerMain.ts" : "./workerMain.js", import.meta.url))

/** Splits what arrives into lines, whatever the chunks. */
const lines = (onLine: (line: string) => void): ((chunk: string) => void) => {
  let partial = ""
  return (chunk) => {
    const parts = (partial + chunk).split("\n")
    partial = (parts.pop() ?? "").slice(0, keptColumns)
    for (const line of parts) onLine(line.slice(0, keptColumns))
  }
}

/**
 * Starts a worker. It lives at most as long as the scope. The first request that is answered shows that it is up.
 */
export const startWorker = Effect.fnUntraced(function* (options: {
  readonly logLevel: LogLevel.LogLevel
  readonly onLine: (line: string) => void
}): Effect.fn.Return<WorkerProcess, never, Scope.Scope> {
  const ended = yield* Deferred.make<Ending>()
  const child = yield* Effect.sync(() => {
    // Many nodes share a process, and each is idle most of the time: a young generation of some megabytes is enough, where
    // the default lets tens of megabytes of short-lived garbage stay resident. With one megabyte, hundreds of nodes that join
    // fill it so often that what they need for a moment is kept as if it were old, and collected at the price of that.
    const memory = ["--expose-gc", "--max-semi-space-size=4"]
    const args = [...(isSource ? ["--conditions=source"] : []), ...memory, main, options.logLevel]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe", "ipc"] })
    const lastLines: Array<string> = []
    const onLine = (line: string): void => {
      lastLines.push(line)
      if (lastLines.length > keptLines) lastLines.shift()
      options.onLine(line)
    }
    // Not its `close` event, which never comes after a `disconnect` from here: the process gone, and its output read.
    let awaited = 3
    let how: { readonly code: number | null; readonly signal: string | null } = { code: null, signal: null }
    const onPart = (): void => {
      if (--awaited === 0) Deferred.doneUnsafe(ended, Effect.succeed({ ...how, lastLines }))
    }
    child.stdout?.setEncoding("utf8").on("data", lines(onLine)).on("close", onPart)
    child.stderr?.setEncoding("utf8").on("data", lines(onLine)).on("close", onPart)
    child.on("exit", (code, signal) => {
      how = { code, signal }
      onPart()
    })
    child.on("error", (error) => {
      // Could not be started at all; with a pid, a signal or a message could not be sent, and the end tells the rest.
      if (child.pid !== undefined) return
      Deferred.doneUnsafe(ended, Effect.succeed({ ...how, lastLines: [error.message] }))
    })
    return child
  })
  const kill = Effect.suspend(() => {
    child.kill("SIGKILL")
    return Deferred.await(ended)
  })
  const stop = Effect.suspend(() => {
    if (child.connected) child.disconnect()
    return Effect.timeoutOrElse(Deferred.await(ended), { duration: patience, orElse: () => kill })
  })
  yield* Effect.addFinalizer(() => stop)
  const control = yield* makeClient(child)
  return {
    pid: child.pid ?? -1,
    control,
    ended: Deferred.await(ended),
    isRunning: () => !Deferred.isDoneUnsafe(ended),
    kill,
    stop
  }
})
