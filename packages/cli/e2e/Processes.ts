/** Programs of the machine: run to their end, or kept running for as long as a scope is open. */
import { Data, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"

/** What a run needs is not there, or does not do what it should. */
export class CannotRun extends Data.TaggedError("CannotRun")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

export type Command = readonly [program: string, ...args: ReadonlyArray<string>]

/** Variables beside those of this process. */
export type Environment = Readonly<Record<string, string>>

/** Runs a program to its end, and returns what it wrote. */
export const run = (
  [program, ...args]: Command,
  { environment = {}, input = "" }: { readonly input?: string; readonly environment?: Environment } = {}
): Effect.Effect<string, CannotRun> =>
  Effect.callback((resume) => {
    const env = { ...process.env, ...environment }
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env })
    const failed = (how: string) => {
      const said = `${[program, ...args].join(" ")}: ${how}\n${output.stderr}${input === "" ? "" : `its input:\n${input}`}`
      resume(Effect.fail(new CannotRun({ detail: said })))
    }
    const output = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk))
    child.on("error", (error) => failed(error.message))
    child.on("close", (code) => (code === 0 ? resume(Effect.succeed(output.stdout)) : failed(`exit code ${code}`)))
    // A program that ends before it has read all says why by its exit code.
    child.stdin.on("error", () => undefined).end(input)
  })

export interface Running {
  readonly output: () => string
  readonly isRunning: () => boolean
  /** Asks it to end, and waits until it has. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

const ended = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (!isRunning(child)) return resume(Effect.succeed(child.exitCode))
    child.once("exit", (code) => resume(Effect.succeed(code)))
  })

/** Starts a program. With the scope it is killed, if it still runs. */
export const start = (
  [program, ...args]: Command,
  environment: Environment = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const env = { ...process.env, ...environment }
        // The input stays open, and closes with this process, however that ends.
        const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env })
        let output = ""
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
        child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
        child.on("error", (error) => (output += error.message))
        return { child, output: () => output }
      }),
      ({ child }) =>
        Effect.suspend(() => {
          child.kill("SIGKILL")
          return child.pid === undefined ? Effect.void : ended(child)
        })
    ),
    ({ child, output }) => ({
      output,
      isRunning: () => isRunning(child),
      end: (signal) =>
        Effect.suspend(() => {
          child.kill(signal)
          return ended(child)
        })
    })
  )

/** Waits until a program has written a text. */
export const hasWritten = Effect.fnUntraced(function* (running: Running, text: string) {
  while (!running.output().includes(text)) {
    if (!running.isRunning()) return yield* new CannotRun({ detail: `it ended:\n${running.output()}` })
    yield* Effect.sleep("20 millis")
  }
})
