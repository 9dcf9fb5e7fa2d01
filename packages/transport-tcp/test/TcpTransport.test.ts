import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { execFile, spawn } from "node:child_process"
import type { Socket } from "node:net"
import { promisify } from "node:util"
import { Transport } from "@hyparview/runtime/Transport"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import { addressOf, deafAddress, nextAccepted, openSockets, prefixed, rawConnect, rawServer, rawWrite } from "./kit.ts"

type Service = Transport["Service"]

const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(7)

/** How a raw socket's connection ended: by FIN or by RST. */
const endOf = (socket: Socket) =>
  Effect.callback<"fin" | "rst">((resume) => {
    // It may have come already.
    if (socket.readableEnded) return resume(Effect.succeed("fin"))
    if (socket.errored !== null) return resume(Effect.succeed("rst"))
    socket.on("end", () => resume(Effect.succeed("fin")))
    socket.on("error", () => resume(Effect.succeed("rst")))
    socket.resume()
  })

/** What `sh` is to be told for a script to run in a process of a hundred descriptors. */
const withFewDescriptors = (script: string): ReadonlyArray<string> => [
  "-c",
  `ulimit -n 100; exec "$0" "$@"`,
  process.execPath,
  "--conditions=source",
  "--input-type=module",
  "-e",
  script
]

/** Takes all descriptors that its process may have, and dials a name and an address. */
const poor = `
  import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
  import * as Effect from "effect/Effect"
  import { openSync } from "node:fs"
  const dial = Effect.gen(function* () {
    const transport = yield* TcpTransport.make({})
    try {
      for (;;) openSync("/dev/null", "r")
    } catch {}
    for (const address of ["localhost:7946", "127.0.0.1:7946"]) {
      const { detail, reason } = yield* Effect.flip(transport.dial(address))
      console.log(reason + ": " + detail)
    }
  })
  await Effect.runPromise(Effect.scoped(dial))
`

/** Takes all descriptors but one, and those back when it is told to; says who comes, and what is logged. */
const full = `
  import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
  import * as Effect from "effect/Effect"
  import * as Stream from "effect/Stream"
  import { closeSync, openSync } from "node:fs"
  const serve = Effect.gen(function* () {
    const { accepted, address } = yield* TcpTransport.make({})
    const taken = []
    process.once("SIGUSR2", () => {
      taken.forEach(closeSync)
      console.log("free")
    })
    try {
      for (;;) taken.push(openSync("/dev/null", "r"))
    } catch {}
    closeSync(taken.pop())
    console.log("at " + address)
    yield* Stream.runForEach(accepted, () => Effect.sync(() => console.log("taken")))
  })
  await Effect.runPromise(Effect.scoped(serve))
`

describe("a transport", () => {
  it.live("as a layer has the address that it bound, and its options", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const { host, port } = addressOf(transport.address)
      assert.strictEqual(host, "127.0.0.1")
      assert.isAbove(port, 0)
      assert.strictEqual(transport.maxFrameBytes, 5_000)
    }).pipe(Effect.provide(TcpTransport.layer({ maxFrameBytes: 5_000 })))
  )

  it.live("says the address that it was told to advertise", () =>
    Effect.gen(function* () {
      const named = yield* TcpTransport.make({ host: "0.0.0.0", advertiseHost: "node-7.example", advertisePort: 1 })
      assert.strictEqual(named.address, "node-7.example:1")
      const { address } = yield* TcpTransport.make({ advertiseHost: "::1" })
      assert.match(address, /^\[::1\]:[1-9]\d*$/)
    })
  )

  it.live("does not start on a port in use, and says so", () =>
    Effect.gen(function* () {
      const { address } = yield* TcpTransport.make({})
      const { port } = addressOf(address)
      const error = yield* Effect.flip(TcpTransport.make({ port }))
      assert.strictEqual(error._tag, "TransportError")
      assert.include(error.message, `cannot listen on 127.0.0.1:${port}: the port is in use`)
    })
  )

  it.live("does not start on an address of another machine, and says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TcpTransport.make({ host: "192.0.2.1" }))
      assert.strictEqual(error._tag, "TransportError")
      assert.include(error.message, "not an address of this machine")
    })
  )

  it.live("does not start with options that make no sense", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TcpTransport.make({ maxLinks: 0 }))
      assert.strictEqual(error._tag, "TcpConfigError")
    })
  )

  it.live("is reached by the name of its host", () =>
    Effect.gen(function* () {
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({})
      const link = yield* near.dial(`localhost:${addressOf(far.address).port}`)
      yield* link.send([[bytes(3)]])
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(far), (other) => other.receive), [bytes(3)])
    })
  )

  it.live.runIf(process.platform === "linux")(
    "without a descriptor left cannot dial, not even a name, and says that this is why, and what to do",
    () =>
      Effect.gen(function* () {
        const said = yield* Effect.promise(() =>
          promisify(execFile)("sh", withFewDescriptors(poor), { cwd: import.meta.dirname })
        )
        assert.include(said.stdout, "limit: getaddrinfo")
        assert.match(said.stdout, /limit: no file descriptor is left; let this process open more files.*connect EMFILE/)
      })
  )

  it.live.runIf(process.platform === "linux")(
    "with its last descriptor taken says so, once, cuts off who comes, and serves again when there are some",
    () =>
      Effect.gen(function* () {
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn("sh", withFewDescriptors(full), { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        let said = ""
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          said += text
        })
        const until = Effect.fnUntraced(function* (text: RegExp) {
          while (!text.test(said)) yield* Effect.sleep("10 millis")
        })
        yield* until(/at .*\n/)
        const address = /at (.*)\n/.exec(said)?.[1] ?? ""
        // The process may have closed one of its own since it counted: as many as it takes.
        while (!/no file descriptor is left.*ulimit -n/.test(said)) {
          yield* rawConnect(address)
          yield* Effect.sleep("20 millis")
        }
        for (let others = 0; others < 3; others++) {
          assert.strictEqual(yield* Effect.flatMap(rawConnect(address), endOf), "fin")
        }
        child.kill("SIGUSR2")
        yield* until(/^free$/m)
        yield* rawConnect(address)
        yield* until(/taken[^]*taken/)
        assert.lengthOf(said.match(/no file descriptor is left/g) ?? [], 1)
      })
  )

  it.live("cannot reach an address without a route", () =>
    Effect.gen(function* () {
      const transport = yield* TcpTransport.make({})
      // The kernel knows no way to connect to everybody.
      assert.strictEqual((yield* Effect.flip(transport.dial("255.255.255.255:80"))).reason, "unreachable")
    })
  )

  it.live("leaves nothing open when it ends, and frees the port", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      const address = yield* Effect.scoped(
        Effect.gen(function* () {
          const near = yield* TcpTransport.make({})
          const far = yield* TcpTransport.make({})
          const dialed = yield* Effect.all(Array.from({ length: 20 }, () => near.dial(far.address)))
          const busy = dialed[0]
          assert.isDefined(busy)
          if (busy === undefined) return far.address
          yield* Effect.forkScoped(Effect.forever(busy.send([[bytes(60_000)]])))
          yield* Effect.forkScoped(near.dial(yield* deafAddress("127.0.0.1")))
          const closing = yield* nextAccepted(far)
          yield* Effect.forkScoped(closing.close("flush"))
          yield* Effect.sleep(20)
          return far.address
        })
      )
      assert.deepStrictEqual(yield* openSockets, before)
      const again = yield* TcpTransport.make({ port: addressOf(address).port })
      assert.strictEqual(again.address, address)
    })
  )

  it.live("leaves nothing open of links aborted while they flush, however far they are", () =>
    Effect.gen(function* () {
      const before = yield* openSockets
      yield* Effect.scoped(
        Effect.gen(function* () {
          const near = yield* TcpTransport.make({})
          const far = yield* TcpTransport.make({})
          for (let turns = 0; turns < 10; turns++) {
            const link = yield* near.dial(far.address)
            yield* link.send([[bytes(turns % 2 === 0 ? 5 : 9_000_000)]])
            yield* Effect.forkChild(link.close("flush"), { startImmediately: true })
            for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
            yield* link.close("abort")
          }
        })
      )
      assert.deepStrictEqual(yield* openSockets, before)
    })
  )

  it.live("that ends lets a dial under way fail as closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const transport = yield* TcpTransport.make({}).pipe(Scope.provide(scope))
      const address = yield* deafAddress("127.0.0.1")
      const dial = yield* Effect.forkChild(Effect.flip(transport.dial(address)))
      yield* Effect.sleep(20)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(dial)).reason, "closed")
      assert.isTrue(Option.isNone(yield* Stream.runHead(transport.accepted)))
    })
  )
})

describe("a link", () => {
  it.live("that is aborted resets the connection, one that is flushed ends it", () =>
    Effect.gen(function* () {
      const transport = yield* TcpTransport.make({})
      const sockets: Array<Socket> = []
      const address = yield* rawServer("127.0.0.1", (socket) => sockets.push(socket))
      for (const [mode, expected] of [
        ["abort", "rst"],
        ["flush", "fin"]
      ] as const) {
        const link = yield* transport.dial(address)
        while (sockets.length === 0) yield* Effect.sleep(1)
        const socket = sockets.pop()
        assert.isDefined(socket)
        if (socket === undefined) return
        const closing = yield* Effect.forkChild(link.close(mode))
        assert.strictEqual(yield* endOf(socket), expected)
        socket.end()
        yield* Fiber.join(closing)
      }
    })
  )

  it.live("that cannot flush in time resets the connection: what is missing must not pass for an end", () =>
    Effect.gen(function* () {
      const transport = yield* TcpTransport.make({ closeTimeout: 100 })
      const sockets: Array<Socket> = []
      const link = yield* transport.dial(yield* rawServer("127.0.0.1", (socket) => sockets.push(socket)))
      const sending = yield* Effect.forkChild(Effect.flip(Effect.forever(link.send([[bytes(60_000)]]))))
      let before = -1
      while (link.bytes.sent !== before) {
        before = link.bytes.sent
        yield* Effect.sleep(50)
      }
      yield* link.close("flush")
      assert.include((yield* link.closed).detail, "did not take everything in time")
      assert.strictEqual((yield* Fiber.join(sending)).reason, "local")
      const [socket] = sockets
      assert.isDefined(socket)
      if (socket !== undefined) assert.strictEqual(yield* endOf(socket), "rst")
    })
  )

  it.live("whose reader is idle takes its receive limit and one read, no more", () =>
    Effect.gen(function* () {
      const receiveLimitBytes = 100_000
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ receiveLimitBytes })
      const link = yield* near.dial(far.address)
      yield* Effect.forkScoped(Effect.forever(link.send([[bytes(1_000)]])))
      const slow = yield* nextAccepted(far)
      let before = -1
      while (slow.bytes.received !== before) {
        before = slow.bytes.received
        yield* Effect.sleep(50)
      }
      assert.isAtLeast(before, receiveLimitBytes)
      assert.isAtMost(before, receiveLimitBytes + 64 * 1024)
      // What was held is given in one piece, and reading goes on.
      const first = yield* slow.receive
      assert.isAtLeast(first.length, 99)
      assert.isAtLeast((yield* slow.receive).length, 1)
    })
  )

  it.live("receives a frame above its receive limit", () =>
    Effect.gen(function* () {
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ receiveLimitBytes: 1 })
      const link = yield* near.dial(far.address)
      const accepted = yield* nextAccepted(far)
      for (const size of [1, 500_000, 7]) {
        yield* link.send([[bytes(size)]])
        assert.deepStrictEqual(
          (yield* accepted.receive).map((frame) => frame.length),
          [size]
        )
      }
    })
  )

  it.live("sends what many sends of one turn have taken in few packets, in order", () =>
    Effect.gen(function* () {
      const transport = yield* TcpTransport.make({})
      const seen = { reads: 0, bytes: 0 }
      const address = yield* rawServer("127.0.0.1", (socket) => {
        socket.on("data", (chunk) => {
          seen.reads++
          seen.bytes += chunk.length
        })
        socket.resume()
      })
      const link = yield* transport.dial(address)
      for (let count = 0; count < 300; count++) yield* link.send([[bytes(60)]])
      while (seen.bytes < 300 * 64) yield* Effect.sleep(1)
      assert.isAtMost(seen.reads, 3)
    })
  )
})

describe("limits", () => {
  /** The far end hangs up on a connection that it does not want, before the dial has noticed it or after. */
  const assertHangsUp = (near: Service, far: Service) =>
    Effect.gen(function* () {
      const dialed = yield* Effect.result(near.dial(far.address))
      if (dialed._tag === "Failure") assert.strictEqual(dialed.failure.reason, "refused")
      else assert.strictEqual((yield* dialed.success.closed).reason, "reset")
    })

  it.live("connections above maxLinks are reset, dials above it fail as limit, and a free slot serves again", () =>
    Effect.gen(function* () {
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ maxLinks: 2 })
      const first = yield* near.dial(far.address)
      yield* first.send([[bytes(1)]])
      const firstFar = yield* nextAccepted(far)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* far.dial(near.address)
          yield* assertHangsUp(near, far)
          assert.strictEqual((yield* Effect.flip(far.dial(near.address))).reason, "limit")
        })
      )
      // The dialed link ended with its scope; its descriptor is free a moment later.
      yield* Effect.sleep(20)
      const next = yield* near.dial(far.address)
      yield* next.send([[bytes(2)]])
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(far), (link) => link.receive), [bytes(2)])
      assert.deepStrictEqual(yield* firstFar.receive, [bytes(1)])
    })
  )

  it.live("connections above maxHandshakes are reset until a first frame frees a place", () =>
    Effect.gen(function* () {
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ maxHandshakes: 1 })
      const first = yield* near.dial(far.address)
      yield* assertHangsUp(near, far)
      yield* first.send([[bytes(1)]])
      const accepted = yield* nextAccepted(far)
      yield* accepted.receive
      const second = yield* near.dial(far.address)
      yield* second.send([[bytes(2)]])
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(far), (link) => link.receive), [bytes(2)])
    })
  )

  it.live("at a limit it says so, once, and which", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(JSON.stringify(message)))
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ maxLinks: 2, maxHandshakes: 1 }).pipe(
        Effect.provide(Logger.layer([logger]))
      )
      const first = yield* near.dial(far.address)
      for (let others = 0; others < 3; others++) yield* assertHangsUp(near, far)
      assert.lengthOf(said, 1)
      assert.include(said[0], '"limit":"maxHandshakes","value":1')
      yield* first.send([[bytes(1)]])
      yield* Effect.flatMap(nextAccepted(far), (link) => link.receive)
      yield* near.dial(far.address)
      yield* assertHangsUp(near, far)
      assert.lengthOf(said, 2)
      assert.include(said[1], '"limit":"maxLinks","value":2')
    })
  )

  it.live("a link that nobody takes holds its slot while it lives, or has frames to be read", () =>
    Effect.gen(function* () {
      const near = yield* TcpTransport.make({})
      const far = yield* TcpTransport.make({ maxLinks: 1 })
      const mute = yield* near.dial(far.address)
      yield* assertHangsUp(near, far)
      yield* mute.close("flush")
      yield* Effect.sleep(20)
      const speaking = yield* near.dial(far.address)
      yield* speaking.send([[bytes(5)]])
      yield* speaking.close("flush")
      yield* Effect.sleep(20)
      yield* assertHangsUp(near, far)
      const link = yield* nextAccepted(far)
      assert.deepStrictEqual(yield* link.receive, [bytes(5)])
      yield* Effect.sleep(20)
      const served = yield* near.dial(far.address)
      yield* served.send([[bytes(6)]])
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(far), (other) => other.receive), [bytes(6)])
    })
  )

  it.live("half a frame and then silence ends a handshake, and frees its place", () =>
    Effect.gen(function* () {
      const transport = yield* TcpTransport.make({ maxHandshakes: 1, handshakeTimeout: 100 })
      const socket = yield* rawConnect(transport.address)
      const link = yield* nextAccepted(transport)
      yield* rawWrite(socket, prefixed(bytes(10)).subarray(0, 9))
      const end = yield* link.closed
      assert.deepInclude(end, { reason: "handshakeTimeout", detail: "no first frame in 100 ms" })
      const next = yield* rawConnect(transport.address)
      yield* rawWrite(next, prefixed(bytes(10)))
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(transport), (other) => other.receive), [bytes(10)])
    })
  )
})
