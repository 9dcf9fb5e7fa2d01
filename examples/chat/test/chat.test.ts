/** Real processes, real sockets, real time: what three people do who follow the README. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Somebody at a terminal. */
class Person {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #waiting = new Set<() => void>()
  readonly ended: Promise<number | null>
  output = ""

  constructor(nick: string, contacts: ReadonlyArray<string>) {
    const flags = contacts.flatMap((contact) => ["--contact", contact])
    this.#process = spawn(process.execPath, ["--conditions=source", main, "--nick", nick, ...flags])
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text
        for (const look of this.#waiting) look()
      })
    }
    this.ended = new Promise((resolve) => {
      this.#process.on("close", (code) => resolve(code))
    })
  }

  say(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  signal(signal: "SIGINT" | "SIGKILL"): Effect.Effect<number | null> {
    return Effect.promise(() => {
      this.#process.kill(signal)
      return this.ended
    })
  }

  /** Waits until the terminal shows this; what the expression has captured first. */
  sees(what: RegExp): Effect.Effect<string> {
    return Effect.callback<string>((resume) => {
      const look = (): void => {
        const found = what.exec(this.output)
        if (found === null) return
        this.#waiting.delete(look)
        resume(Effect.succeed(found[1] ?? ""))
      }
      this.#waiting.add(look)
      look()
      return Effect.sync(() => this.#waiting.delete(look))
    }).pipe(
      Effect.timeoutOrElse({
        duration: "30 seconds",
        orElse: () => Effect.die(new Error(`never saw ${what}, but:\n${this.output}`))
      })
    )
  }
}

const comes = (nick: string, contacts: ReadonlyArray<string> = []) =>
  Effect.acquireRelease(
    Effect.sync(() => new Person(nick, contacts)),
    (person) => person.signal("SIGKILL")
  )

describe("the chat over TCP", () => {
  it.live("is heard by all, has a history for who was away, and ends with Ctrl-C", () =>
    Effect.gen(function* () {
      const anna = yield* comes("anna")
      const address = yield* anna.sees(/anna listens at (\S+)/)
      const bela = yield* comes("bela", [address])
      const cleo = yield* comes("cleo", [address])
      yield* bela.sees(/linked with cleo/)
      yield* cleo.sees(/linked with bela/)

      bela.say("hello from bela")
      for (const person of [anna, bela, cleo]) yield* person.sees(/bela: hello from bela/)

      assert.isNull(yield* bela.signal("SIGKILL"))
      anna.say("where is bela?")
      yield* cleo.sees(/anna: where is bela\?/)
      cleo.say("gone, I think")
      yield* anna.sees(/cleo: gone, I think/)

      const back = yield* comes("bela", [address])
      yield* back.sees(/cleo: gone, I think/)
      yield* back.sees(/linked with cleo/)
      yield* cleo.sees(/\* linked with bela[^]*\* linked with bela/)
      back.say("here again")
      for (const person of [anna, back, cleo]) yield* person.sees(/bela: here again/)
      const lines = back.output.split("\n").flatMap((line) => /^\d\d:\d\d (.*)$/.exec(line)?.[1] ?? [])
      assert.deepStrictEqual(lines, [
        "bela: hello from bela",
        "anna: where is bela?",
        "cleo: gone, I think",
        "bela: here again"
      ])

      for (const person of [anna, back, cleo]) {
        yield* person.signal("SIGINT")
        assert.notInclude(person.output, "Error")
      }
    }).pipe(Effect.scoped)
  )

  it.live("says what is wrong with its flags", () =>
    Effect.gen(function* () {
      const nobody = yield* comes("")
      yield* nobody.sees(/id is "": expected 1 to 255 bytes/)
      assert.notStrictEqual(yield* Effect.promise(() => nobody.ended), 0)
    }).pipe(Effect.scoped)
  )
})
