/**
 * Runs a command as the process's main program: signals, exit codes, and how bad input is answered.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { readFileSync } from "node:fs"
import { performance } from "node:perf_hooks"
import * as ExitCode from "../ExitCode.ts"
import { type Signal, StopSignal } from "../StopSignal.ts"
import { tooOld } from "./nodeVersion.ts"
import { reasonOf } from "./systemErrors.ts"

const signalExitCodes: Readonly<Record<Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** A wrong flag is answered with what is wrong, what there is and where the help is, not with a screenful of help. */
export const layerPresenter = CliOutput.layerPresenter({
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const isUnknown = event.errors.some(({ _tag }) => _tag === "UnrecognizedOption")
    const known = isUnknown ? `\n\nFlags are ${event.helpDoc.flags.map(({ name }) => `--${name}`).join(", ")}.` : ""
    return Effect.flatMap(CliOutput.Formatter, (formatter) =>
      Console.error(`${formatter.formatErrors(event.errors)}${known}\n\nSee ${event.commandPath.join(" ")} --help.`)
    )
  }
})

export const layerConfig = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
})

/** What the package's manifest says. */
const manifest = (): { readonly version: string; readonly node: string } => {
  const read: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  const textAt = (value: unknown, key: string) =>
    Predicate.hasProperty(value, key) && typeof value[key] === "string" ? value[key] : undefined
  const engines = Predicate.hasProperty(read, "engines") ? read.engines : undefined
  return { version: textAt(read, "version") ?? "0.0.0", node: textAt(engines, "node") ?? "" }
}

/** The command's own arguments, and what it prints; exits and signals are `run`'s. */
export const program = <Name extends string, Input, E, R, Context>(
  command: Command.Command<Name, Input, Context, E, R>
) =>
  Command.run(command, { version: manifest().version }).pipe(Effect.provide(Layer.merge(layerPresenter, layerConfig)))

export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>, signal: Signal | undefined): number => {
  if (exit._tag === "Success") return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return signal === undefined ? ExitCode.failed : signalExitCodes[signal]
  const error = Cause.squash(exit.cause)
  // The framework's word for every wrong invocation, and, without errors, for a wish for help.
  const isBadInput = CliError.isCliError(error) && error._tag === "ShowHelp" && error.errors.length > 0
  return isBadInput ? ExitCode.badInput : Runtime.getErrorExitCode(error)
}

/**
 * What follows a signal so soon is the same one again. A terminal's Ctrl-C goes to every process of its group, and npm, which is
 * one of them, passes it on besides.
 */
const echoMillis = 1_000

/** Runs a command with the process's arguments, and ends the process with its exit code. */
export const run = <Name extends string, Input, E, Context>(
  command: Command.Command<Name, Input, Context, E | CliError.CliError, NodeServices.NodeServices | StopSignal>
): void => {
  const refusal = tooOld(process.versions.node, manifest().node)
  if (refusal !== undefined) {
    console.error(refusal)
    process.exit(ExitCode.notStarted)
  }
  let received: Signal | undefined
  const waiting = new Set<(signal: Signal) => void>()
  const layerSignals = Layer.succeed(StopSignal, {
    wait: Effect.callback<Signal>((resume) => {
      const onSignal = (signal: Signal): void => resume(Effect.succeed(signal))
      waiting.add(onSignal)
      return Effect.sync(() => waiting.delete(onSignal))
    })
  })
  const runMain = Runtime.makeRunMain(({ fiber }) => {
    let isInterrupted = false
    let countedMillis = -Infinity
    let isOutputLost = false
    const onSignal = (signal: Signal): void => {
      const now = performance.now()
      if (now - countedMillis < echoMillis) return
      countedMillis = now
      received = signal
      const waiters = [...waiting]
      waiting.clear()
      for (const tell of waiters) tell(signal)
      if (waiters.length > 0) return
      // Whoever asks a third time does not want to wait for the end of anything.
      if (isInterrupted) process.exit(signalExitCodes[signal])
      isInterrupted = true
      fiber.interruptUnsafe(fiber.id)
    }
    const onInterrupt = (): void => onSignal("SIGINT")
    const onTerminate = (): void => onSignal("SIGTERM")
    process.on("SIGINT", onInterrupt)
    process.on("SIGTERM", onTerminate)
    // A terminal that closes would end the process on the spot, and leave keys and files that are to be removed.
    process.on("SIGHUP", () => onSignal("SIGHUP"))
    // Nothing can be said any more where the terminal has gone; that is no reason to break off.
    process.stderr.on("error", () => undefined)
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      const wasLost = isOutputLost
      isOutputLost = true
      // Whoever read our output has gone (`| head`): nothing is left to be said. Nobody has told a service to stop, though, and
      // who looks after it must not take its end for one in order.
      if (error.code === "EPIPE") return onTerminate()
      // A full disk under the output is no reason to leave what is under way, which may have files of its own to write.
      if (!wasLost) process.stderr.write(`standard output: cannot be written: ${reasonOf(error)}\n`)
    })
    fiber.addObserver((exit) => {
      const code = exitCodeOf(exit, received)
      // An error of the output comes a tick after what was written.
      setImmediate(() => process.exit(code === 0 && isOutputLost ? ExitCode.failed : code))
    })
  })
  runMain(
    program(command).pipe(
      Effect.tapCause((cause) => {
        const isTold = Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))
        return isTold ? Effect.void : Console.error(Cause.pretty(cause))
      }),
      Effect.provide(Layer.merge(NodeServices.layer, layerSignals))
    ),
    { disableErrorReporting: true }
  )
}
