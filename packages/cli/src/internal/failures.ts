/** The failures of a command, by what is to blame. */
import * as Effect from "effect/Effect"
import { CommandFailed } from "../ExitCode.ts"
import * as ExitCode from "../ExitCode.ts"

/** The input is to blame, and nothing was started. */
export const badInput = (message: string): CommandFailed => new CommandFailed({ message, exitCode: ExitCode.badInput })

/** Something failed while the command ran. */
export const failed = (message: string): CommandFailed => new CommandFailed({ message, exitCode: ExitCode.failed })

/** What an error says becomes what the command says. */
export const failingWith = (exitCode: CommandFailed["exitCode"]) =>
  Effect.mapError((error: { readonly message: string }) => new CommandFailed({ message: error.message, exitCode }))
