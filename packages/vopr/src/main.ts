#!/usr/bin/env node
/** The fault simulation as a program. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import { vopr } from "./VoprCommand.ts"

Command.run(vopr, { version: "0.0.0" }).pipe(
  Effect.tapCause((cause) => {
    const error = Cause.squash(cause)
    const isTold = Cause.hasInterruptsOnly(cause) || CliError.isCliError(error)
    const isOurs = error instanceof Error && Runtime.getErrorReported(error) === false
    return isTold ? Effect.void : Console.error(isOurs ? error.message : Cause.pretty(cause))
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
