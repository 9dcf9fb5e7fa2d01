/** `hyparview cluster` as `npm start` runs it: real processes, and the address that it prints. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { CannotRun } from "./Browser.ts"

const root = join(import.meta.dirname, "../../..")

/** Starts it, and ends it with the scope as Ctrl-C does. */
export const liveCluster = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const main = join(root, "packages/cli/src/main.ts")
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=source", main, "cluster", ...args], { stdio: ["ignore", "pipe", "pipe"] })
    ),
    (running) =>
      Effect.callback<void>((resume) => {
        if (running.exitCode !== null || running.signalCode !== null) return resume(Effect.void)
        running.once("exit", () => resume(Effect.void))
        running.kill("SIGINT")
        return undefined
      })
  )
  let output = ""
  const url = yield* Effect.callback<string, CannotRun>((resume) => {
    const read = (chunk: string): void => {
      output += chunk
      const [, address] = /^dashboard (http:\S+)$/m.exec(output) ?? []
      if (address !== undefined) resume(Effect.succeed(address))
    }
    child.stdout.setEncoding("utf8").on("data", read)
    child.stderr.setEncoding("utf8").on("data", read)
    child.once("exit", (code) =>
      resume(Effect.fail(new CannotRun({ detail: `it ended with ${code} instead:\n${output}` })))
    )
  })
  return { url, output: () => output }
})

/** A result of the simulator and its links, written as a user would have them written. */
export const simulate = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const main = join(root, "packages/cli/src/main.ts")
  yield* Effect.callback<void, CannotRun>((resume) => {
    const child = spawn(process.execPath, ["--conditions=source", main, "simulate", ...args], { stdio: "ignore" })
    child.once("exit", (code) =>
      resume(code === 0 ? Effect.void : Effect.fail(new CannotRun({ detail: `the simulator ended with ${code}` })))
    )
    return Effect.sync(() => child.kill())
  })
})
