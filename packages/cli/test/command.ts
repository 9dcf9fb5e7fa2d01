/** The command as a user runs it. */
import { Effect } from "effect"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable } from "node:stream"
import { fileURLToPath } from "node:url"

export const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

export interface Command {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  readonly output: () => string
  readonly exit: Effect.Effect<number | null>
}

/** Starts it. It is ended with the test, whatever happens. */
export const hyparview = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync((): Command => {
      const child = spawn(process.execPath, ["--conditions=source", main, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...environment }
      })
      let output = ""
      const collect = (chunk: string): void => {
        output += chunk
      }
      child.stdout.setEncoding("utf8").on("data", collect)
      child.stderr.setEncoding("utf8").on("data", collect)
      const exit = Effect.callback<number | null>((resume) => {
        if (child.exitCode !== null) return resume(Effect.succeed(child.exitCode))
        child.once("exit", (code) => resume(Effect.succeed(code)))
      })
      return { child, output: () => output, exit }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

export const waitFor = Effect.fnUntraced(function* (command: Command, text: string) {
  while (!command.output().includes(text)) {
    if (command.child.exitCode !== null) return yield* Effect.die(new Error(`it ended:\n${command.output()}`))
    yield* Effect.sleep("20 millis")
  }
})
