/** A command of this package as a program: what it prints of its errors, and how it ends (`ExitCode.ts`). */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as CliError from "effect/cli/CliError"

export const runMain = <E>(program: Effect.Effect<void, E, NodeServices.NodeServices>): void =>
  program.pipe(
    Effect.tapCause((cause) => {
      const error = Cause.squash(cause)
      // What has words for whoever gave the command, the framework has shown.
      const isTold = Cause.hasInterruptsOnly(cause) || CliError.isCliError(error) || !Runtime.getErrorReported(error)
      return isTold ? Effect.void : Console.error(Cause.pretty(cause))
    }),
    Effect.provide(NodeServices.layer),
    (program) =>
      NodeRuntime.runMain(program, {
        disableErrorReporting: true,
        teardown: (exit, onExit) => {
          if (exit._tag === "Success") return onExit(0)
          if (Cause.hasInterruptsOnly(exit.cause)) return onExit(130)
          const error = Cause.squash(exit.cause)
          onExit(CliError.isCliError(error) ? 2 : Runtime.getErrorExitCode(error))
        }
      })
  )
