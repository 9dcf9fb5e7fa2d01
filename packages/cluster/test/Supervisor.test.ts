import { assert, describe, it } from "@effect/vitest"
import { Overview, Supervisor } from "@hyparview/cluster"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import { Effect, Fiber, Stream } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { joinedCluster, pidsOf, until } from "./live.ts"
import { isRunning, survivors } from "./processes.ts"

/** Real processes on a machine that does other things too. */
const patience = 60_000

/** Six nodes that must all hold each other: the last links are found by shuffles, which are not waited for half a minute each. */
const options: Supervisor.Options = { nodes: 6, processes: 2, seed: 1, cycleMillis: 500 }

/** A directory for temporary files of this test alone. */
const ownTemporary = Effect.acquireRelease(
  Effect.sync(() => {
    const before = process.env["TMPDIR"]
    const directory = mkdtempSync(join(tmpdir(), "hyparview-test-"))
    process.env["TMPDIR"] = directory
    return { before, directory }
  }),
  ({ before, directory }) =>
    Effect.sync(() => {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
      rmSync(directory, { recursive: true })
    })
)

/** Plain bytes get no answer from a node that speaks TLS. */
const assertSecured = Effect.fnUntraced(function* (address: string) {
  const transport = yield* TcpTransport.make({})
  const link = yield* transport.dial(address)
  yield* link.send([[new TextEncoder().encode("hello")]])
  assert.strictEqual((yield* Effect.flip(link.receive))._tag, "LinkClosed")
}, Effect.scoped)

describe("a supervisor", () => {
  it.live.each([{ tls: false }, { tls: true }])(
    "starts nodes in processes, joins, broadcasts, kills, restarts, leaves and stops: %o",
    ({ tls }) =>
      Effect.gen(function* () {
        const { directory } = yield* ownTemporary
        let pids: ReadonlyArray<number> = []
        yield* Effect.gen(function* () {
          const supervisor = yield* Supervisor.Supervisor
          const nodes = yield* supervisor.start
          assert.deepStrictEqual(
            nodes.map(({ id, process }) => [id, process]),
            [
              ["n1", 0],
              ["n2", 0],
              ["n3", 0],
              ["n4", 1],
              ["n5", 1],
              ["n6", 1]
            ]
          )
          pids = yield* pidsOf(supervisor)
          assert.strictEqual(new Set(pids).size, 2)
          if (tls) yield* assertSecured(nodes[0]?.address ?? "")
          assert.strictEqual(readdirSync(directory).length, tls ? 1 : 0)

          yield* supervisor.join
          // Full too: before that a survivor may know only those that are about to die, and would have nobody left to ask.
          const joined = yield* until(supervisor.overview, Overview.isFull)
          assert.strictEqual(joined.alive, 6)

          const first = yield* supervisor.broadcast({ from: "n5", text: "one", within: "10 seconds" })
          assert.deepStrictEqual([first.missing, first.repeated, first.expected], [[], [], 6])
          assert.strictEqual(first.deliveries.find(({ node }) => node === "n5")?.hops, 0)

          // The contact's whole process, and one node of the other.
          yield* supervisor.kill({ processes: [0], nodes: ["n4"] })
          assert.isFalse(isRunning(pids[0] ?? 0))
          assert.isTrue(isRunning(pids[1] ?? 0))
          const healed = yield* until(supervisor.overview, Overview.isWhole)
          assert.strictEqual(healed.alive, 2)
          const second = yield* supervisor.broadcast({ from: "n6", text: "two", within: "10 seconds" })
          assert.deepStrictEqual(second.deliveries.map(({ node }) => node).sort(), ["n5", "n6"])
          const dead = yield* Effect.flip(supervisor.broadcast({ from: "n4", text: "?", within: "1 second" }))
          assert.strictEqual(dead.message, "n4 does not run")

          yield* supervisor.restart(["n1", "n2", "n3", "n4"])
          const whole = yield* until(
            supervisor.overview,
            (overview) => overview.joined === 6 && Overview.isWhole(overview)
          )
          assert.strictEqual(whole.alive, 6)
          pids = [...pids, ...(yield* pidsOf(supervisor))]
          assert.strictEqual(new Set(pids).size, 3)
          const third = yield* supervisor.broadcast({ from: "n1", text: "three", within: "10 seconds" })
          assert.deepStrictEqual(third.missing, [])

          yield* supervisor.leave
          const { nodes: left } = yield* supervisor.poll({ passive: false })
          assert.isTrue(left.every(({ active, status }) => status === "left" && active.length === 0))
          const endings = yield* supervisor.stop
          assert.deepStrictEqual(
            endings.map(({ code }) => code),
            [0, 0]
          )
        }).pipe(Effect.provide(Supervisor.layer({ ...options, tls })))
        assert.deepStrictEqual(yield* survivors(pids), [])
        assert.deepStrictEqual(readdirSync(directory), [])
      }),
    patience
  )

  it.live(
    "reports a process that ends unasked, and goes on with the others",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const event = yield* supervisor.events.pipe(
          Stream.filter((event) => event._tag === "WorkerLost"),
          Stream.runHead,
          Effect.forkChild({ startImmediately: true })
        )
        const [, pid = 0] = yield* pidsOf(supervisor)
        process.kill(pid, "SIGKILL")
        const lost = yield* Effect.flip(supervisor.untilLoss)
        assert.deepStrictEqual(lost.nodes, ["n4", "n5", "n6"])
        assert.strictEqual(
          lost.message,
          `process 1 (pid ${pid}, 3 nodes) ended unexpectedly, by SIGKILL. It wrote nothing.`
        )
        assert.strictEqual((yield* Fiber.join(event))._tag, "Some")
        const healed = yield* until(supervisor.overview, Overview.isWhole)
        assert.strictEqual(healed.alive, 3)
      }).pipe(Effect.provide(Supervisor.layer(options))),
    patience
  )

  it.live(
    "shows what the others answer, and what it last saw of a process that does not answer",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const before = yield* supervisor.status({ passive: false })
        assert.deepStrictEqual([before.silent, before.views.length], [[], 6])
        const [, pid = 0] = yield* pidsOf(supervisor)
        process.kill(pid, "SIGSTOP")
        const during = yield* supervisor.status({ passive: false })
        process.kill(pid, "SIGCONT")
        assert.deepStrictEqual(
          during.silent.map((silent) => [silent.process, silent.pid]),
          [[1, pid]]
        )
        assert.strictEqual(during.overview.alive, 6)
        let after = during
        while (after.silent.length > 0) after = yield* supervisor.status({ passive: false })
        assert.strictEqual(after.views.length, 6)
      }).pipe(Effect.provide(Supervisor.layer(options))),
    patience
  )

  it.live(
    "says how far a message has got though a process does not answer, whose nodes are then missing",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const [, pid = 0] = yield* pidsOf(supervisor)
        process.kill(pid, "SIGSTOP")
        const reach = yield* supervisor.broadcast({ from: "n1", text: "hello", within: "1 second" })
        process.kill(pid, "SIGCONT")
        assert.deepStrictEqual(reach.deliveries.map(({ node }) => node).sort(), ["n1", "n2", "n3"])
        assert.deepStrictEqual([reach.expected, reach.missing], [6, ["n4", "n5", "n6"]])
      }).pipe(Effect.provide(Supervisor.layer(options))),
    patience
  )

  it.live(
    "has its nodes broadcast as it is told: in a flood nobody is pruned",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        // Each of the six has five neighbours, or nearly: some twenty copies of each message are too many. A tree has as many of the first.
        for (let count = 0; count < 10; count++) {
          yield* supervisor.broadcast({ from: "n1", text: "hello", within: "10 seconds" })
        }
        yield* until(supervisor.overview, ({ broadcasts }) => broadcasts.duplicates >= 100)
      }).pipe(Effect.provide(Supervisor.layer({ ...options, broadcast: { strategy: "flood" } }))),
    patience
  )

  it.live(
    "has them keep a thicket, with more neighbours",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const { fullness } = yield* supervisor.overview
        assert.strictEqual(fullness.degree, 6)
        yield* supervisor.kill({ processes: [], nodes: ["n2"] })
        yield* supervisor.restart(["n2"])
        const [added] = yield* supervisor.add(1)
        yield* until(supervisor.overview, (overview) => overview.joined === 19 && Overview.isFull(overview))
        for (const from of ["n1", "n2", added?.id ?? "?"]) {
          const reach = yield* supervisor.broadcast({ from, text: "hello", within: "10 seconds" })
          assert.deepStrictEqual(reach.missing, [])
        }
      }).pipe(Effect.provide(Supervisor.layer({ ...options, nodes: 18, broadcast: { strategy: "thicket" } }))),
    patience
  )

  it.live(
    "says which port is in use, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const server = createServer()
        const port = yield* Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
          })
        })
        const error = yield* Effect.gen(function* () {
          const supervisor = yield* Supervisor.Supervisor
          return yield* Effect.flip(supervisor.start)
        }).pipe(Effect.provide(Supervisor.layer({ ...options, port })))
        server.close()
        assert.strictEqual(error._tag, "NodeNotStarted")
        assert.match(error.message, new RegExp(`^n1 could not start: .*${port}.*use`))
      }),
    patience
  )

  it.live(
    "does not leave a process behind when it is itself killed",
    () =>
      Effect.gen(function* () {
        const fixture = fileURLToPath(new URL("./fixtures/parent.ts", import.meta.url))
        const parent = spawn(process.execPath, ["--conditions=source", fixture], {
          stdio: ["ignore", "pipe", "inherit"]
        })
        const text = yield* Effect.callback<string>((resume) => {
          parent.stdout.setEncoding("utf8").once("data", (chunk: string) => resume(Effect.succeed(chunk)))
        })
        const pids: ReadonlyArray<number> = JSON.parse(text)
        assert.strictEqual(pids.filter(isRunning).length, 2)
        parent.kill("SIGKILL")
        assert.deepStrictEqual(yield* survivors(pids), [])
      }),
    patience
  )
})
