/** `hyparview node` as a user runs it: real processes, real sockets. */
import { assert, describe, it } from "@effect/vitest"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { Effect, Redacted, Schedule } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Command, hyparview, waitFor } from "./command.ts"

/** Real processes on a machine that does other things too. */
const patience = 90_000

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hyparview-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A field of the line that says where the node listens. */
const told = Effect.fnUntraced(function* (command: Command, field: "address" | "admin") {
  yield* waitFor(command, "listening")
  const [, value] = new RegExp(`"${field}": ?"([^"]+)"`).exec(command.output()) ?? []
  return value ?? (yield* Effect.die(new Error(`no ${field} in:\n${command.output()}`)))
})

const get = (url: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, text: await response.text() }
  })

const local = ["--listen", "127.0.0.1:0", "--log-format", "json"]

describe("hyparview node", () => {
  it.live(
    "joins through its contacts, publishes and shows by its admin side, and leaves at SIGTERM with exit code 0",
    () =>
      Effect.gen(function* () {
        const parameters = ["--membership", '{"cycleMillis":50}', "--broadcast", '{"topicsSize":1}']
        const first = yield* hyparview(["node", "--id", "a", "--admin", "127.0.0.1:0", ...parameters, ...local])
        const contact = yield* told(first, "address")
        const admin = yield* told(first, "admin")
        assert.strictEqual((yield* get(`${admin}/readyz`)).status, 503)
        const second = yield* hyparview(["node", ...local], { HYPARVIEW_ID: "b", HYPARVIEW_CONTACTS: contact })
        yield* waitFor(second, "joined")
        yield* waitFor(first, "joined")
        assert.strictEqual((yield* get(`${admin}/readyz`)).status, 200)
        assert.include((yield* get(`${admin}/view`)).text, `"id":"b"`)
        assert.match((yield* get(`${admin}/metrics`)).text, /^hyparview_/m)
        const published = yield* get(`${admin}/publish?topic=t`, { method: "POST", body: "hello" })
        assert.strictEqual(published.status, 200)
        const refused = yield* get(`${admin}/publish?topic=u`, { method: "POST", body: "hello" })
        assert.strictEqual(refused.status, 400)
        assert.include(refused.text, "topicsSize")
        // Of every 30 s, as usual, there would be one shuffle at most.
        const sent = Effect.map(get(`${admin}/view`), ({ text }) => Number(/"sent":(\d+)/.exec(text)?.[1]))
        yield* sent.pipe(
          Effect.repeat({ until: (count) => count >= 20, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("10 seconds")
        )
        second.child.kill("SIGTERM")
        assert.strictEqual(yield* second.exit, 0, second.output())
        assert.include(second.output(), "leaving")
        // A goodbye, no failure: the first one knows why.
        yield* waitFor(first, "the last neighbour is lost")
        assert.match(first.output(), /"reason": ?"left"/)
        first.child.kill("SIGINT")
        assert.strictEqual(yield* first.exit, 0, first.output())
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "warns where its contacts are on other machines, and others are given an address of its own machine",
    () =>
      Effect.gen(function* () {
        // No loopback address by its name, but nothing leaves this machine.
        const elsewhere = ["--contacts", "0.0.0.0:1"]
        const node = yield* hyparview(["node", "--id", "a", ...elsewhere, ...local])
        yield* waitFor(node, "other machines cannot reach this node")
        const advertised = ["--advertise", "10.0.0.2:7946"]
        const advertising = yield* hyparview(["node", "--id", "b", ...advertised, ...elsewhere, ...local])
        yield* waitFor(advertising, "a contact cannot be joined")
        assert.notInclude(advertising.output(), "other machines cannot reach this node")
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "finds back to its peers from its memory, as a new start of the same node",
    () =>
      Effect.gen(function* () {
        const data = join(yield* folder, "deep", "data")
        const first = yield* hyparview(["node", "--id", "a", ...local])
        const contact = yield* told(first, "address")
        const args = ["node", "--id", "b", "--data", data, ...local]
        const second = yield* hyparview([...args, "--contacts", contact])
        yield* waitFor(second, "joined")
        second.child.kill("SIGTERM")
        assert.strictEqual(yield* second.exit, 0, second.output())
        const memory = () => JSON.parse(readFileSync(join(data, "peers.json"), "utf8"))
        assert.deepStrictEqual(
          memory().peers.map(({ id }: { readonly id: string }) => id),
          ["a"]
        )
        // As if the clock had been a year ahead.
        const ahead = memory().epoch + 365 * 86_400_000
        writeFileSync(join(data, "peers.json"), JSON.stringify({ ...memory(), epoch: ahead }))
        const again = yield* hyparview(args)
        yield* waitFor(again, "joined")
        assert.strictEqual(memory().epoch, ahead + 1)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "joins over mutual TLS, and starts with no certificate but its own",
    () =>
      Effect.gen(function* () {
        const place = yield* folder
        const authority = yield* Certificates.makeAuthority()
        writeFileSync(join(place, "ca.pem"), authority.certificate)
        const secured = Effect.fnUntraced(function* (id: string, certified = id) {
          const { certificate, key } = yield* Certificates.issue(authority, { id: certified, cluster: "test" })
          writeFileSync(join(place, `${id}.pem`), certificate)
          writeFileSync(join(place, `${id}-key.pem`), Redacted.value(key))
          const file = (name: string) => join(place, name)
          const tls = ["--tls-cert", file(`${id}.pem`), "--tls-key", file(`${id}-key.pem`), "--tls-ca", file("ca.pem")]
          return ["node", "--id", id, "--cluster", "test", ...tls, ...local]
        })
        const first = yield* hyparview(yield* secured("a"))
        const contact = yield* told(first, "address")
        const second = yield* hyparview([...(yield* secured("b")), "--contacts", contact])
        yield* waitFor(second, "joined")
        // Plain TCP does not get in.
        const plain = yield* hyparview(["node", "--id", "p", "--cluster", "test", "--contacts", contact, ...local])
        yield* waitFor(plain, "cannot be joined")
        // For programs that read logs: one text, and fields.
        const [line = ""] = /^.*cannot be joined.*$/m.exec(plain.output()) ?? []
        const { annotations, message } = JSON.parse(line)
        assert.strictEqual(message, "a contact cannot be joined; asking others, and it again later")
        assert.strictEqual(annotations.address, contact)
        const other = yield* hyparview(yield* secured("c", "d"))
        assert.strictEqual(yield* other.exit, 2, other.output())
        assert.include(other.output(), `--tls-cert ${join(place, "c.pem")}: `)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "exports by OTLP what it has to say, before it ends",
    () =>
      Effect.gen(function* () {
        const paths: Array<string> = []
        const server = createServer((request, response) => {
          paths.push(request.url ?? "")
          request.resume().on("end", () => response.end("{}"))
        })
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        const port = yield* Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        })
        const file = join(yield* folder, "node.json")
        writeFileSync(file, JSON.stringify({ id: "a", listen: "127.0.0.1:0", otlp: `http://127.0.0.1:${port}` }))
        const command = yield* hyparview(["node", "--config", file])
        yield* waitFor(command, "listening")
        command.child.kill("SIGTERM")
        assert.strictEqual(yield* command.exit, 0, command.output())
        assert.deepStrictEqual([...new Set(paths)].sort(), ["/v1/logs", "/v1/metrics", "/v1/traces"])
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "says once that nothing of what it exports arrives",
    () =>
      Effect.gen(function* () {
        const server = createServer((_, response) => response.writeHead(404).end())
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        const port = yield* Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        })
        const absent = yield* hyparview(["node", "--id", "a", "--otlp", "http://127.0.0.1:1", ...local])
        const wrong = yield* hyparview(["node", "--id", "b", "--otlp", `http://127.0.0.1:${port}`, ...local])
        yield* waitFor(absent, "telemetry does not arrive")
        yield* waitFor(wrong, "it answers 404")
        assert.match(absent.output(), /"url": ?"http:\/\/127\.0\.0\.1:1\/v1\//)
        const lines = wrong.output().match(/telemetry does not arrive.*\/v1\/logs/g) ?? []
        assert.isAtMost(lines.length, 1)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "leaves where whoever read its log has gone, but not as if it had been told to stop",
    () =>
      Effect.gen(function* () {
        const first = yield* hyparview(["node", "--id", "a", ...local])
        const contact = yield* told(first, "address")
        first.child.stdout.destroy()
        // It has something to say now.
        yield* hyparview(["node", "--id", "b", "--contacts", contact, ...local])
        assert.strictEqual(yield* first.exit, 1)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "says what is wrong with exit code 2, and which port is in use with 3",
    () =>
      Effect.gen(function* () {
        const file = join(yield* folder, "file")
        writeFileSync(file, "")
        const data = yield* hyparview(["node", "--id", "a", "--data", file, ...local])
        const nowhere = yield* hyparview(["node", "--id", "a", "--data", "/proc/nope", ...local])
        const first = yield* hyparview(["node", "--id", "a", "--admin", "127.0.0.1:0", ...local])
        const address = yield* told(first, "address")
        const admin = new URL(yield* told(first, "admin")).host
        const taken = yield* hyparview(["node", "--id", "b", "--listen", address])
        const beside = yield* hyparview(["node", "--id", "b", "--admin", admin, ...local])
        assert.strictEqual(yield* data.exit, 2, data.output())
        assert.include(data.output(), `--data ${file}: cannot be made: it is a file`)
        assert.strictEqual(yield* nowhere.exit, 2, nowhere.output())
        assert.include(nowhere.output(), "--data /proc/nope: cannot be made: /proc takes no directories")
        assert.strictEqual(yield* taken.exit, 3)
        assert.include(taken.output(), `cannot listen on ${address}`)
        assert.strictEqual(yield* beside.exit, 3)
        assert.include(beside.output(), `no admin server on ${admin}`)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "ends with exit code 1 when another process has its id",
    () =>
      Effect.gen(function* () {
        const contact = yield* hyparview(["node", "--id", "c", ...local])
        const address = yield* told(contact, "address")
        const args = ["node", "--id", "a", "--contacts", address, ...local]
        const first = yield* hyparview(args)
        yield* waitFor(first, "joined")
        const second = yield* hyparview(args)
        const loser = yield* Effect.raceFirst(
          Effect.map(first.exit, (code) => ({ code, output: first.output() })),
          Effect.map(second.exit, (code) => ({ code, output: second.output() }))
        )
        assert.strictEqual(loser.code, 1, loser.output)
        assert.include(loser.output, `another process uses the id "a"`)
      }).pipe(Effect.scoped),
    patience
  )
})
