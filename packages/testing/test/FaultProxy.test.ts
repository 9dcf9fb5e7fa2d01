/** The fault proxy, by what plain sockets see through it. */
import { assert, describe, it } from "@effect/vitest"
import * as FaultProxy from "@hyparview/testing/FaultProxy"
import { Cause, Deferred, Effect, Exit, Fiber, type Scope } from "effect"
import type { Server, Socket } from "node:net"
import { connect, createServer } from "node:net"

/** A side of a connection, and all that it has received. */
interface Side {
  readonly socket: Socket
  readonly chunks: Array<Buffer>
  readonly count: () => number
  readonly received: () => Buffer
  /** How it ended. */
  readonly ended: Effect.Effect<"fin" | "rst">
}

const watch = (socket: Socket): Side => {
  const chunks: Array<Buffer> = []
  let count = 0
  const ended = Deferred.makeUnsafe<"fin" | "rst">()
  const end = (how: "fin" | "rst") => Deferred.doneUnsafe(ended, Effect.succeed(how))
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    count += chunk.length
  })
  socket.on("end", () => {
    end("fin")
    socket.end()
  })
  socket.on("error", () => end("rst"))
  return {
    socket,
    chunks,
    count: () => count,
    received: () => Buffer.concat(chunks),
    ended: Deferred.await(ended)
  }
}

const portOf = (server: Server): number => {
  const bound = server.address()
  return bound === null || typeof bound === "string" ? 0 : bound.port
}

/** A server, a proxy in front of it, and connections through it. */
const world = (options: Omit<FaultProxy.Options, "to"> = {}) =>
  Effect.gen(function* () {
    const arrived: Array<Side> = []
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => arrived.push(watch(socket)))
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          for (const { socket } of arrived) socket.destroy()
          server.close()
        })
    )
    const proxy = yield* FaultProxy.make({ ...options, to: { host: "127.0.0.1", port: portOf(server) } })
    const open: Effect.Effect<
      { readonly client: Side; readonly server: Side; readonly connection: FaultProxy.Connection },
      never,
      Scope.Scope
    > = Effect.gen(function* () {
      const number = proxy.accepted()
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => watch(connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true, noDelay: true }))),
        ({ socket }) => Effect.sync(() => socket.destroy())
      )
      const connection = yield* proxy.connection(number)
      while (arrived.length <= number) yield* Effect.sleep(1)
      const side = arrived[number]
      return side === undefined ? yield* Effect.die("no connection") : { client, server: side, connection }
    })
    return { proxy, open }
  })

/** Of no period that a buffer's size could hide. */
const pattern = Buffer.from(Array.from({ length: 251 }, (_, at) => (at * 7) % 251))

const bytes = (count: number): Buffer => Buffer.alloc(count, pattern)

const arrives = (side: Side, count: number) =>
  Effect.gen(function* () {
    while (side.count() < count) yield* Effect.sleep(1)
    return side.received()
  })

describe("the fault proxy", () => {
  it.live("passes bytes both ways as they are, and an end in order each way", () =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const { client, connection, server } = yield* open
      client.socket.write(bytes(200_000))
      server.socket.write(bytes(300))
      assert.isTrue((yield* arrives(server, 200_000)).equals(bytes(200_000)))
      assert.isTrue((yield* arrives(client, 300)).equals(bytes(300)))
      assert.deepStrictEqual(connection.passed, { toServer: 200_000, toClient: 300 })
      client.socket.end()
      assert.strictEqual(yield* server.ended, "fin")
      assert.strictEqual(yield* client.ended, "fin")
      yield* connection.ended
      assert.isFalse(connection.isOpen())
    })
  )

  it.live.each([
    { ending: "fin", count: 0 },
    { ending: "fin", count: 1_234 },
    { ending: "rst", count: 1_234 }
  ] as const)("cuts after so many bytes and not one more: %o", ({ count, ending }) =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const { client, connection, server } = yield* open
      yield* connection.cutAfter("toServer", count, ending)
      client.socket.write(bytes(5_000))
      assert.strictEqual(yield* server.ended, ending)
      // A reset may overtake what has not been read; an end never does.
      if (ending === "fin") assert.isTrue(server.received().equals(bytes(count)))
      assert.strictEqual(connection.passed.toServer, count)
      assert.strictEqual(yield* client.ended, "rst")
      yield* connection.ended
    })
  )

  it.live("resets both sides", () =>
    Effect.gen(function* () {
      const { open, proxy } = yield* world()
      const { client, connection, server } = yield* open
      yield* connection.reset
      assert.deepStrictEqual(yield* Effect.all([client.ended, server.ended]), ["rst", "rst"])
      yield* connection.ended
      assert.strictEqual(proxy.connections().length, 0)
    })
  )

  it.live("hands a reset by one side on to the other", () =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const { client, server } = yield* open
      server.socket.resetAndDestroy()
      assert.strictEqual(yield* client.ended, "rst")
    })
  )

  it.live("stalls one direction and not the other, holds no more than its buffer, and loses nothing of it", () =>
    Effect.gen(function* () {
      const { open } = yield* world({ bufferBytes: 50_000 })
      const { client, connection, server } = yield* open
      yield* connection.shape("toServer", { _tag: "Stall" })
      let taken = false
      client.socket.write(bytes(20_000_000), () => {
        taken = true
      })
      server.socket.write(bytes(500))
      yield* arrives(client, 500)
      yield* Effect.sleep(100)
      assert.strictEqual(connection.passed.toServer, 0)
      assert.isFalse(taken)
      yield* connection.shape("toServer", { _tag: "Through" })
      assert.isTrue((yield* arrives(server, 20_000_000)).equals(bytes(20_000_000)))
    })
  )

  it.live("throttles to its rate: never sooner", () =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const { client, connection, server } = yield* open
      yield* connection.shape("toServer", { _tag: "Throttle", bytesPerSecond: 50_000 })
      const began = performance.now()
      client.socket.write(bytes(20_000))
      assert.isTrue((yield* arrives(server, 20_000)).equals(bytes(20_000)))
      // 400 ms, less what had been earned between the shape and the first byte.
      assert.isAtLeast(performance.now() - began, 350)
    })
  )

  it.live("delays what passes, and an end after it, in one direction or both: never less, and in order", () =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const { client, connection, server } = yield* open
      yield* connection.shape("toServer", { _tag: "Delay", delayMillis: 200 })
      const began = performance.now()
      client.socket.write(bytes(1_000))
      server.socket.write(bytes(500))
      yield* arrives(client, 500)
      assert.isBelow(performance.now() - began, 200)
      assert.strictEqual(connection.passed.toServer, 0)
      yield* Effect.sleep(100)
      client.socket.end(bytes(1_251).subarray(1_000))
      assert.isTrue((yield* arrives(server, 1_000)).subarray(0, 1_000).equals(bytes(1_000)))
      assert.isAtLeast(performance.now() - began, 200)
      assert.strictEqual(yield* server.ended, "fin")
      assert.isAtLeast(performance.now() - began, 300)
      assert.strictEqual(server.count(), 1_251)

      const there = yield* open
      yield* there.connection.shape("both", { _tag: "Delay", delayMillis: 50 })
      const sent = performance.now()
      there.client.socket.write("ping")
      yield* arrives(there.server, 4)
      there.server.socket.write("pong")
      yield* arrives(there.client, 4)
      assert.isAtLeast(performance.now() - sent, 100)
      assert.isTrue(there.connection.isOpen())
      // What waits passes at once when the shape changes, and more than the buffer holds passes in time.
      there.client.socket.write(bytes(150_000))
      yield* arrives(there.server, 150_004)
    })
  )

  it.live.each(["toServer", "toClient"] as const)(
    "leaves a connection half-open for who is not told: its bytes vanish, it hears nothing, until it gives up: %s",
    (direction) =>
      Effect.gen(function* () {
        const { open } = yield* world({ bufferBytes: 1_000 })
        const { client, connection, server } = yield* open
        const [gone, left] = direction === "toServer" ? [client, server] : [server, client]
        // Also where the proxy reads no more from who is left.
        yield* connection.shape("both", { _tag: "Stall" })
        left.socket.write(bytes(500_000))
        gone.socket.write(bytes(100))
        yield* connection.cutAfter(direction, 100, "none")
        yield* connection.shape(direction, { _tag: "Through" })
        yield* arrives(left, 100)
        assert.strictEqual(yield* gone.ended, "rst")
        yield* Effect.callback<void>((resume) => {
          left.socket.write(bytes(20_000_000), () => resume(Effect.void))
        })
        const told = yield* Effect.race(left.ended, Effect.as(Effect.sleep(50), "nothing"))
        assert.deepStrictEqual([told, left.count(), gone.count()], ["nothing", 100, 0])
        assert.isTrue(connection.isOpen())
        assert.strictEqual(connection.passed[direction], 100)
        left.socket.end()
        assert.strictEqual(yield* left.ended, "rst")
        yield* connection.ended
        assert.isFalse(connection.isOpen())
      })
  )

  it.live("takes a reset of a half-open connection, by who is left and by itself", () =>
    Effect.gen(function* () {
      const { open, proxy } = yield* world()
      const first = yield* open
      yield* first.connection.cutAfter("toClient", 0, "none")
      first.client.socket.resetAndDestroy()
      yield* first.connection.ended
      const second = yield* open
      yield* second.connection.cutAfter("toServer", 0, "none")
      assert.strictEqual(yield* second.client.ended, "rst")
      yield* second.connection.reset
      assert.strictEqual(yield* second.server.ended, "rst")
      yield* second.connection.ended
      assert.strictEqual(proxy.connections().length, 0)
    })
  )

  it.live("gives the record of a connection that has ended", () =>
    Effect.gen(function* () {
      const { open, proxy } = yield* world()
      const { client, connection, server } = yield* open
      client.socket.write(bytes(300))
      yield* arrives(server, 300)
      yield* connection.reset
      yield* connection.ended
      const record = yield* proxy.connection(0)
      assert.deepStrictEqual(
        [record.number, record.passed, record.isOpen()],
        [0, { toServer: 300, toClient: 0 }, false]
      )
      yield* record.shape("both", { _tag: "Stall" })
      yield* record.cutAfter("toServer", 0, "rst")
      yield* record.reset
      yield* record.ended
      // The next one is still waited for.
      const next = yield* Effect.forkChild(proxy.connection(1), { startImmediately: true })
      yield* open
      assert.strictEqual((yield* Fiber.join(next)).number, 1)
    })
  )

  it.live("splits into small segments, and merges into large ones", () =>
    Effect.gen(function* () {
      const { open } = yield* world()
      const split = yield* open
      yield* split.connection.shape("toServer", { _tag: "Split", segmentBytes: 10 })
      split.client.socket.write(bytes(400))
      assert.isTrue((yield* arrives(split.server, 400)).equals(bytes(400)))
      assert.isAtLeast(split.server.chunks.length, 10)

      const merged = yield* open
      yield* merged.connection.shape("toServer", { _tag: "Merge", segmentBytes: 1_000, holdMillis: 60_000 })
      for (let count = 0; count < 99; count++) {
        merged.client.socket.write(bytes(10))
        yield* Effect.sleep(1)
      }
      assert.strictEqual(merged.server.chunks.length, 0)
      merged.client.socket.write(bytes(10))
      assert.strictEqual((yield* arrives(merged.server, 1_000)).length, 1_000)
      assert.isAtMost(merged.server.chunks.length, 2)
    })
  )

  it.live("leaves no socket behind when its scope ends, whatever state its connections are in", () =>
    Effect.gen(function* () {
      const isOpen = () => process.getActiveResourcesInfo().some((kind) => /TCP|Connect|Shutdown/.test(kind))
      const allClosed = Effect.gen(function* () {
        while (isOpen()) yield* Effect.sleep(1)
      })
      // Those of the tests before are closing still.
      yield* allClosed
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { open } = yield* world()
          yield* open
          const stalled = yield* open
          yield* stalled.connection.shape("both", { _tag: "Stall" })
          stalled.client.socket.write(bytes(5_000_000))
          const half = yield* open
          half.client.socket.end()
          yield* half.server.ended
          const cut = yield* open
          yield* cut.connection.cutAfter("toClient", 0, "fin")
          const halfOpen = yield* open
          yield* halfOpen.connection.cutAfter("toServer", 0, "none")
          const delayed = yield* open
          yield* delayed.connection.shape("both", { _tag: "Delay", delayMillis: 60_000 })
          delayed.client.socket.end("late")
        })
      )
      yield* allClosed
    })
  )

  it.live("turns away what is more than its connections, and says where it cannot listen", () =>
    Effect.gen(function* () {
      const { open, proxy } = yield* world({ connections: 1 })
      yield* open
      const second = watch(connect({ host: proxy.host, port: proxy.port }))
      assert.strictEqual(yield* second.ended, "rst")
      const error = yield* Effect.flip(FaultProxy.make({ host: "192.0.2.1", to: { host: "127.0.0.1", port: 1 } }))
      assert.strictEqual(error._tag, "FaultProxyError")
      assert.include(error.message, "the fault proxy cannot listen on 192.0.2.1")
    })
  )

  it.live("is not made of options out of their bounds: the error says which, and what is wrong", () =>
    Effect.gen(function* () {
      const to = { host: "127.0.0.1", port: 1 }
      const wrong: ReadonlyArray<readonly [options: Partial<FaultProxy.Options>, message: string]> = [
        [{ bufferBytes: 0 }, "fault proxy, bufferBytes: 0 is not a whole number, 1 or more"],
        [
          { to: { host: "", port: 1 } },
          "fault proxy, to: the host and the port, 1 to 65535, of the one behind the proxy"
        ],
        [{ to: { ...to, port: 0 } }, "fault proxy, to: the host and the port, 1 to 65535, of the one behind the proxy"],
        [{ connections: 0.5 }, "fault proxy, connections: 0.5 is not a whole number, 1 or more"],
        [
          // @ts-expect-error: whoever has no types may give anything.
          { connection: 5 },
          "fault proxy, connection: no such option. Options are to, host, seed, bufferBytes, connections"
        ]
      ]
      for (const [options, message] of wrong) {
        const error = yield* Effect.flip(FaultProxy.make({ to, ...options }))
        assert.deepStrictEqual([error._tag, error.message], ["InvalidOptions", message])
      }
    })
  )

  it.live("dies of a shape or a cut that there is none of, says why, and lets bytes pass as before", () =>
    Effect.gen(function* () {
      const { open, proxy } = yield* world()
      const { client, connection, server } = yield* open
      const all = (shape: unknown) => proxy.shapeAll("both", JSON.parse(JSON.stringify(shape)))
      const wrong: ReadonlyArray<readonly [act: Effect.Effect<void>, message: string]> = [
        [all({ _tag: "Slow" }), "no shape: one is Through, Stall, Throttle, Delay, Split or Merge"],
        [all(null), "no shape"],
        [all({ _tag: "Throttle", bytesPerSecond: 0 }), "bytesPerSecond is a number above 0, not 0"],
        [all({ _tag: "Split" }), "segmentBytes is a whole number, 1 or more, not undefined"],
        [connection.shape("both", { _tag: "Split", segmentBytes: -1 }), "segmentBytes is a whole number"],
        [
          connection.shape("toServer", { _tag: "Merge", segmentBytes: 9, holdMillis: Infinity }),
          "holdMillis is from 0"
        ],
        [
          connection.shape("both", { _tag: "Delay", delayMillis: -1 }),
          "delayMillis is from 0 to 86400000, a day, not -1"
        ],
        // @ts-expect-error: whoever has no types may give anything.
        [connection.shape("toSever", { _tag: "Stall" }), 'one is "toServer" or "toClient", or "both", not "toSever"'],
        // @ts-expect-error: the same.
        [proxy.shapeAll("toSever", { _tag: "Stall" }), 'one is "toServer" or "toClient", or "both", not "toSever"'],
        // @ts-expect-error: the same.
        [connection.cutAfter("both", 1, "rst"), 'one is "toServer" or "toClient", not "both"'],
        [Effect.asVoid(proxy.connection(-1)), "a number is a whole one, 0 or more, not -1"],
        [connection.cutAfter("toServer", Number.NaN, "fin"), "bytes are a whole number, 0 or more, not NaN"],
        [connection.cutAfter("toServer", -1, "rst"), "bytes are a whole number, 0 or more, not -1"]
      ]
      for (const [act, message] of wrong) {
        const exit = yield* Effect.exit(act)
        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), message)
      }
      client.socket.write("hello")
      while (server.count() < 5) yield* Effect.sleep(1)
    })
  )
})
