/** Lines from and to the terminal, or whatever stands in its place. */
import { createInterface } from "node:readline"
import { Effect, Queue, Stream } from "effect"
import type { Cause } from "effect"

/** What is typed ends with the input's end (Ctrl-D) and with Ctrl-C. */
export const makeTerminal = Effect.gen(function* () {
  const lines = yield* Queue.bounded<string, Cause.Done>(1_024)
  const terminal = yield* Effect.acquireRelease(
    Effect.sync(() => createInterface({ input: process.stdin, output: process.stdout, prompt: "> " })),
    (terminal) => Effect.sync(() => terminal.close())
  )
  terminal.on("line", (line) => {
    // Reading waits while the lines before are being said.
    if (Queue.offerUnsafe(lines, line) && Queue.isFullUnsafe(lines)) terminal.pause()
  })
  terminal.on("SIGINT", () => terminal.close())
  terminal.on("close", () => Queue.endUnsafe(lines))

  const isTerminal = process.stdin.isTTY
  const next = Effect.tap(Queue.take(lines), () => Effect.sync(() => terminal.resume()))
  return {
    input: Stream.fromPull(Effect.succeed(Effect.map(next, (line) => [line] as const))),
    /** Prints above the line that is being typed. */
    print: (line: string) =>
      Effect.sync(() => {
        process.stdout.write(isTerminal ? `\r\u001b[2K${line}\n` : `${line}\n`)
        if (isTerminal) terminal.prompt(true)
      })
  }
})
