/**
 * How the command ends, and the errors that say so.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | all went well; a live node or cluster that was told to stop has left |
 * | 1 | something failed while it ran: a step of a scenario did not hold, a process was lost, an id is used twice, output was lost |
 * | 2 | bad input: an unknown flag, a value out of its bounds, a file that cannot be written; nothing was started |
 * | 3 | it could not start: a port in use, a process that did not come up |
 * | 129, 130, 143 | interrupted (its terminal closed, Ctrl-C, SIGTERM) before it was done |
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Runtime from "effect/Runtime"
import * as CliError from "effect/cli/CliError"

/**
 * @category constants
 * @since 0.1.0
 */
export const failed = 1

/**
 * @category constants
 * @since 0.1.0
 */
export const badInput = 2

/**
 * @category constants
 * @since 0.1.0
 */
export const notStarted = 3

/**
 * A command failed, and has said what it has to say in `message`, which is shown as it is.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly message: string
  readonly exitCode: typeof failed | typeof badInput | typeof notStarted
}> {
  override readonly [Runtime.errorExitCode] = this.exitCode
  override readonly [Runtime.errorReported] = false
  override get [CliError.userMessage](): string {
    return this.message
  }
}
