/** Lines from and to the terminal, or whatever stands in its place. */
import { createInterface } from "node:readline"
import { Deferred, Effect, Exit, Queue, Stream } from "effect"
import type { Cause } from "effect"

/**
 * So many lines may wait to be said. While more do, a pipe or a file is not read on; what was read before, 64 KiB at most,
 * still becomes lines. A terminal is always read, since Ctrl-C and Ctrl-D are keys: there a line beyond is told as not said.
 */
const mostWaiting = 10_000

/** Waits until all that was printed is out: the process may be ended right after. */
const printed = Effect.callback<void>((resume) => {
  process.stdout.write("", () => resume(Effect.void))
})

/** What is typed ends with the input's end (Ctrl-D) and with Ctrl-C. What waits then can still be taken. */
export const makeTerminal = Effect.gen(function* () {
  const isTerminal = process.stdin.isTTY
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  const isFull = () => Queue.sizeUnsafe(lines) >= mostWaiting
  const left = yield* Deferred.make<void>()

  let isOpen = true
  const write = (line: string): void => {
    process.stdout.write(isTerminal ? `\r\u001b[2K${line}\n` : `${line}\n`)
    if (isTerminal && isOpen) terminal.prompt(true)
  }
  const notSaid = (line: string): void => write(`* not said: ${line}`)

  const terminal = yield* Effect.acquireRelease(
    Effect.sync(() => createInterface({ input: process.stdin, output: process.stdout, prompt: "> " })),
    Effect.fnUntraced(function* (terminal) {
      terminal.close()
      for (const line of yield* Queue.clear(lines)) notSaid(line)
      yield* printed
    })
  )
  terminal.on("line", (line) => {
    const text = line.trim()
    if (text === "") return
    if (isTerminal && isFull()) return notSaid(text)
    Queue.offerUnsafe(lines, text)
    if (!isTerminal && isFull()) terminal.pause()
  })
  terminal.on("SIGINT", () => terminal.close())
  terminal.on("close", () => {
    isOpen = false
    // Whoever types sees that nobody answers, and leaves all the same. What a pipe has brought waits for somebody.
    if (isTerminal || Queue.sizeUnsafe(lines) === 0) Deferred.doneUnsafe(left, Exit.void)
    Queue.endUnsafe(lines)
  })

  const next = Effect.tap(Queue.take(lines), () =>
    Effect.sync(() => {
      if (isOpen && !isFull()) terminal.resume()
    })
  )
  return {
    isTerminal,
    input: Stream.fromPull(Effect.succeed(Effect.map(next, (line) => [line] as const))),
    /** Done when nobody waits any more to be heard: who types has left, or the input has ended and nothing of it waits. */
    left: Deferred.await(left),
    /** Prints above the line that is being typed. */
    print: (line: string) => Effect.sync(() => write(line))
  }
})
