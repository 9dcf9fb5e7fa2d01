/** Real processes, real sockets, real terminals, real time: what people do who follow the README. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createServer, type Server } from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Nobody listens there. */
const nobody = "127.0.0.1:1"

/** Somebody who types into a pipe, or into a terminal (`script` of util-linux makes one). */
class Person {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #waiting = new Set<() => void>()
  readonly ended: Promise<number | null>
  output = ""

  constructor(flags: ReadonlyArray<string>, input: "pipe" | "terminal") {
    const command = [process.execPath, "--conditions=source", main, ...flags]
    this.#process =
      input === "terminal"
        ? spawn("script", ["--quiet", "--return", "--command", command.join(" "), "/dev/null"])
        : spawn(process.execPath, command.slice(1))
    // It may be gone before it has read all.
    this.#process.stdin.on("error", () => undefined)
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
    this.type(`${line}\n`)
  }

  type(keys: string): void {
    this.#process.stdin.write(keys)
  }

  /** The input ends after this. */
  end(keys: string): void {
    this.#process.stdin.end(keys)
  }

  signal(signal: "SIGINT" | "SIGKILL"): Effect.Effect<number | null> {
    return Effect.promise(() => {
      this.#process.kill(signal)
      return this.ended
    })
  }

  /** Waits until the process has ended, and gives its exit code. */
  get leaves(): Effect.Effect<number | null> {
    return Effect.promise(() => this.ended).pipe(
      Effect.timeoutOrElse({
        duration: "30 seconds",
        orElse: () => Effect.die(new Error(`never left, but:\n${this.output}`))
      })
    )
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

const starts = (flags: ReadonlyArray<string>, input: "pipe" | "terminal" = "pipe") =>
  Effect.acquireRelease(
    Effect.sync(() => new Person(flags, input)),
    (person) => person.signal("SIGKILL")
  )

const comes = (nick: string, contacts: ReadonlyArray<string> = [], input: "pipe" | "terminal" = "pipe") =>
  starts(["--nick", nick, ...contacts.flatMap((contact) => ["--contact", contact])], input)

/** What somebody has said, as another one saw it. */
const saidBy = (nick: string, { output }: Person): ReadonlyArray<string> =>
  output.split(/\r?\n/).flatMap((line) => new RegExp(`\\d\\d:\\d\\d ${nick}: (.*)$`).exec(line)?.[1] ?? [])

/** A port on which somebody else listens. */
const taken = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })
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

  it.live("says all lines of an input that has ended before anybody was reached, and leaves", () =>
    Effect.gen(function* () {
      const anna = yield* comes("anna")
      const address = yield* anna.sees(/anna listens at (\S+)/)
      const pipe = yield* comes("pipe", [address])
      pipe.end("one\n\ntwo\nthree")
      assert.strictEqual(yield* pipe.leaves, 0)
      yield* anna.sees(/no longer linked with pipe/)
      assert.deepStrictEqual(saidBy("pipe", anna), ["one", "two", "three"])
    }).pipe(Effect.scoped)
  )

  it.live("says all of more lines at once than may wait", () =>
    Effect.gen(function* () {
      const anna = yield* comes("anna")
      const address = yield* anna.sees(/anna listens at (\S+)/)
      const pipe = yield* comes("pipe", [address])
      const lines = Array.from({ length: 15_000 }).map((_, index) => String(index))
      pipe.end(lines.join("\n"))
      assert.strictEqual(yield* pipe.leaves, 0)
      yield* anna.sees(/no longer linked with pipe/)
      assert.deepStrictEqual(saidBy("pipe", anna), lines)
    }).pipe(Effect.scoped)
  )

  it.live("reads no more than may wait while nobody answers, and tells what it has not said", () =>
    Effect.gen(function* () {
      const pipe = yield* comes("pipe", [nobody])
      const lines = Array.from({ length: 500_000 }).map((_, index) => String(index))
      pipe.type(lines.join("\n"))
      yield* pipe.sees(/cannot be joined/)
      yield* pipe.signal("SIGINT")
      const told = [...pipe.output.matchAll(/\* not said: (\d+)/g)].map(([, line]) => line)
      assert.isAbove(told.length, 0)
      // And what one read brings.
      assert.isBelow(told.length, 10_000 + 65_536 / 2)
      assert.deepStrictEqual(told, lines.slice(0, told.length))
    }).pipe(Effect.scoped)
  )

  it.live("leaves at once when its input is empty, and nobody answers", () =>
    Effect.gen(function* () {
      const pipe = yield* comes("pipe", [nobody])
      pipe.end("\n")
      assert.strictEqual(yield* pipe.leaves, 0)
    }).pipe(Effect.scoped)
  )

  for (const [name, key] of [
    ["Ctrl-C", "\u0003"],
    ["Ctrl-D", "\u0004"]
  ] as const) {
    it.live(`leaves a terminal with ${name} while nobody answers, and tells what was not said`, () =>
      Effect.gen(function* () {
        const bela = yield* comes("bela", [nobody], "terminal")
        yield* bela.sees(/cannot be joined/)
        bela.type(`is somebody there?\r${key}`)
        assert.strictEqual(yield* bela.leaves, 0)
        yield* bela.sees(/\* not said: is somebody there\?/)
        assert.notInclude(bela.output, "ERROR")
      }).pipe(Effect.scoped)
    )

    it.live(`says what was typed right before ${name}`, () =>
      Effect.gen(function* () {
        const anna = yield* comes("anna")
        const address = yield* anna.sees(/anna listens at (\S+)/)
        const bela = yield* comes("bela", [address], "terminal")
        yield* bela.sees(/linked with anna/)
        bela.type(`good\rbye\r${key}`)
        assert.strictEqual(yield* bela.leaves, 0)
        yield* anna.sees(/no longer linked with bela/)
        assert.deepStrictEqual(saidBy("bela", anna), ["good", "bye"])
      }).pipe(Effect.scoped)
    )
  }

  it.live("says what is wrong with its flags, and starts nothing", () =>
    Effect.forEach(
      [
        { flags: ["--nick", ""], message: /--nick is "": expected 1 to 255 bytes/ },
        { flags: ["--nick", "a", "--contact", "nonsense"], message: /--contact: "nonsense"\. Expected: host:port/ },
        {
          flags: ["--nick", "a", "--contact", "127.0.0.1"],
          message: /--contact: "127\.0\.0\.1"\. Expected: host:port/
        },
        {
          flags: ["--nick", "a", "--contact", "[::1]:99999"],
          message: /--contact: "\[::1]:99999"\. Expected: host:port/
        },
        { flags: ["--nick", "a", "--history", "-3"], message: /--history: "-3"\. Expected: 0 or more/ },
        { flags: ["--nick", "a", "--port", "99999"], message: /--port: 99999 is not a whole number from 0 to 65535/ },
        { flags: ["--nick", "a", "--host", "0.0.0.0"], message: /--advertise: others cannot dial 0\.0\.0\.0/ }
      ],
      Effect.fnUntraced(function* ({ flags, message }) {
        const somebody = yield* starts(flags)
        assert.strictEqual(yield* somebody.leaves, 2)
        assert.match(somebody.output, message)
        assert.notMatch(somebody.output, /listens|^ +at /m)
      }),
      { concurrency: 2, discard: true }
    ).pipe(Effect.scoped)
  )

  it.live("says that its port is in use", () =>
    Effect.gen(function* () {
      const port = yield* taken
      const anna = yield* starts(["--nick", "anna", "--port", String(port)])
      assert.strictEqual(yield* anna.leaves, 1)
      yield* anna.sees(/cannot listen on 127\.0\.0\.1:\d+: the port is in use/)
      assert.notMatch(anna.output, /^ +at /m)
    }).pipe(Effect.scoped)
  )
})
