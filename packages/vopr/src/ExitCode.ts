/**
 * How the command ends.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | every rule held in every run |
 * | 1 | a rule did not hold, or a set of runs has not met everything that it should |
 * | 2 | bad input: an unknown flag, a value out of its bounds, a file that is no scenario; nothing was run |
 * | 130, 143 | interrupted |
 */
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"
import * as CliError from "effect/cli/CliError"

/** The command failed, and says why in `message`. */
export class VoprFailed extends Data.TaggedError("VoprFailed")<{
  readonly message: string
  readonly exitCode: 1 | 2
}> {
  override readonly [Runtime.errorExitCode] = this.exitCode
  override readonly [Runtime.errorReported] = false
  override get [CliError.userMessage](): string {
    return this.message
  }
}
