import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
import * as MemoryTransport from "@hyparview/transport-memory/MemoryTransport"
import { connect, frame, host, read, reasonOf, start, text } from "./kit.ts"

const pairOn = (options?: MemoryNetwork.Options) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options)
    const a = yield* host(network, "a")
    const b = yield* host(network, "b")
    const [near, far] = yield* connect(a, b, "1 second")
    return { network, a, b, near, far }
  })

describe("a frame", () => {
  it.effect("arrives when its delay has passed, and not before", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ latency: { _tag: "Constant", micros: 1_500 }, resolution: "1 micros" })
      const seen = yield* read(far)
      yield* near.send([frame("x")])
      yield* TestClock.adjust("1499 micros")
      assert.deepStrictEqual(seen.frames, [])
      yield* TestClock.adjust("1 micros")
      assert.deepStrictEqual(seen.frames, ["x"])
    })
  )

  it.effect("of one chunk is the very bytes that were sent; several chunks are joined", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn()
      const whole = new Uint8Array([1, 2, 3])
      yield* near.send([[whole], [whole, new Uint8Array(), new Uint8Array([4])]])
      yield* TestClock.adjust("1 millis")
      const [first, second] = yield* far.receive
      assert.strictEqual(first, whole)
      assert.deepStrictEqual(second, new Uint8Array([1, 2, 3, 4]))
    })
  )

  it.effect("counts its bytes and four for its length, at both ends", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn()
      yield* near.send([frame("hello"), frame("!")])
      assert.deepStrictEqual([near.bytes.sent, near.bytes.received, far.bytes.received], [14, 0, 0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([far.bytes.sent, far.bytes.received], [0, 14])
      assert.strictEqual(network.statistics.bytesDelivered, 14)
    })
  )

  it.effect("above the limit, or empty, closes the link at the far end, after the frames before it", () =>
    Effect.gen(function* () {
      for (const bad of [[new Uint8Array(101)], [new Uint8Array(50), new Uint8Array(51)], [], [new Uint8Array()]]) {
        const { near, far } = yield* pairOn({ maxFrameBytes: 100 })
        const seen = yield* read(far)
        yield* near.send([frame("good"), bad, frame("never")])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(seen.frames, ["good"])
        assert.strictEqual(seen.end?.reason, "frameTooLarge")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* near.closed).reason, "reset")
      }
    })
  )

  it.effect("of exactly the limit passes", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ maxFrameBytes: 100 })
      yield* near.send([[new Uint8Array(100)]])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.receive)[0]?.length, 100)
    })
  )
})

describe("frames", () => {
  it.effect("arrive on whole milliseconds, rounded up, unless told otherwise", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ latency: { _tag: "Constant", micros: 1_001 } })
      const seen = yield* read(far)
      yield* near.send([frame("x")])
      yield* TestClock.adjust("1999 micros")
      assert.deepStrictEqual(seen.frames, [])
      yield* TestClock.adjust("1 micros")
      assert.deepStrictEqual(seen.frames, ["x"])
    })
  )

  it.effect("keep their order whatever their delays", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ latency: { _tag: "Uniform", minMicros: 0, maxMicros: 50_000 } })
      const seen = yield* read(far)
      const numbers = Array.from({ length: 200 }).map((_, index) => `${index}`)
      for (const number of numbers) {
        yield* near.send([frame(number)])
        yield* TestClock.adjust("100 micros")
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen.frames, numbers)
    })
  )

  it.effect("that are due at one instant come as one batch", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn()
      const seen = yield* read(far)
      yield* near.send([frame("a"), frame("b")])
      yield* near.send([frame("c")])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.batches, [3])
    })
  )

  it.effect("that are due at one instant on many links arrive in the order in which they were sent", () =>
    Effect.gen(function* () {
      const { a, b } = yield* pairOn()
      const heard: Array<string> = []
      const links = yield* Effect.forEach(Array.from({ length: 40 }), () => connect(a, b))
      for (const [, far] of links) {
        yield* far.receive.pipe(
          Effect.map((frames) => heard.push(...frames.map(text))),
          Effect.forkScoped({ startImmediately: true })
        )
      }
      const order = links.map((_, index) => (index * 27) % 40)
      for (const index of order) yield* links[index]?.[0].send([frame(`${index}`)]) ?? Effect.void
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(heard, order.map(String))
    })
  )

  it.effect("share instants on a coarser resolution, without coming early", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({
        latency: { _tag: "Uniform", minMicros: 1_000, maxMicros: 9_000 },
        resolution: "10 millis"
      })
      const seen = yield* read(far)
      const before = network.statistics.clockWakes
      for (let count = 0; count < 50; count++) yield* near.send([frame("x")])
      yield* TestClock.adjust("9 millis")
      assert.deepStrictEqual(seen.batches, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.batches, [50])
      assert.strictEqual(network.statistics.clockWakes - before, 1)
    })
  )

  it.effect("sent in reaction are delivered within the same adjustment of the clock", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ latency: { _tag: "Constant", micros: 300 }, resolution: "1 micros" })
      const times: Array<number> = []
      const echo = (link: typeof near) =>
        link.receive.pipe(
          Effect.tap((frames) => Effect.map(Clock.currentTimeMillis, (now) => times.push(now * 1_000 * frames.length))),
          Effect.flatMap((frames) => link.send(frames.map((bytes) => [bytes]))),
          Effect.forever,
          Effect.ignore,
          Effect.forkScoped
        )
      yield* echo(near)
      yield* echo(far)
      yield* near.send([frame("ping")])
      yield* TestClock.adjust("3 millis")
      assert.deepStrictEqual(
        times.map((time) => Math.round(time) - 1_000_000),
        [300, 600, 900, 1_200, 1_500, 1_800, 2_100, 2_400, 2_700, 3_000]
      )
    })
  )

  it.effect("without delay need no clock", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ latency: { _tag: "Constant", micros: 0 } })
      yield* near.send([frame("x")])
      assert.deepStrictEqual((yield* far.receive).map(text), ["x"])
    })
  )

  it.live("take real time under the real clock", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ latency: { _tag: "Constant", micros: 20_000 } })
      const a = yield* network.transport("a")
      yield* host(network, "b")
      const before = performance.now()
      const link = yield* a.dial("b")
      assert.isAtLeast(performance.now() - before, 39)
      yield* link.close("flush")
    })
  )
})

describe("a reader that does not read", () => {
  it.effect("makes the sender wait once the limit is reached, and only then", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({ receiveLimitBytes: 1_000 })
      // 96 bytes and the length prefix: ten of them fill the limit to the byte.
      const filler = [new Uint8Array(96)]
      yield* near.send(Array.from({ length: 10 }).map(() => filler))
      assert.strictEqual(network.statistics.stalledSends, 0)
      const waiting = yield* start(near.send([filler, filler]))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(network.statistics.stalledSends, 1)
      assert.strictEqual(network.statistics.framesSent, 10)
      assert.strictEqual((yield* far.receive).length, 10)
      yield* Fiber.join(waiting)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.receive).length, 2)
    })
  )

  it.effect("has the same room after any number of rounds", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({ receiveLimitBytes: 1_000 })
      const filler = [new Uint8Array(96)]
      for (let round = 0; round < 5; round++) {
        for (let count = 0; count < 10; count++) yield* near.send([filler])
        assert.strictEqual(network.statistics.stalledSends, round)
        const waiting = yield* start(near.send([filler]))
        yield* TestClock.adjust("1 millis")
        assert.isUndefined(waiting.pollUnsafe())
        assert.strictEqual((yield* far.receive).length, 10)
        yield* Fiber.join(waiting)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* far.receive).length, 1)
      }
    })
  )

  it.effect("lets one frame above the limit pass alone", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ receiveLimitBytes: 100 })
      const waiting = yield* start(near.send([[new Uint8Array(500)], frame("x")]))
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual((yield* far.receive).length, 1)
      yield* Fiber.join(waiting)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* far.receive).map(text), ["x"])
    })
  )

  it.effect("of one link does not slow another down", () =>
    Effect.gen(function* () {
      const { a, b, near, network } = yield* pairOn({ receiveLimitBytes: 100 })
      yield* start(near.send(Array.from({ length: 50 }).map(() => frame("0123456789"))))
      const [other, otherFar] = yield* connect(a, b)
      const seen = yield* read(otherFar)
      yield* other.send([frame("free")])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.frames, ["free"])
      assert.strictEqual(network.statistics.stalledSends, 1)
    })
  )

  it.effect("that closes its end frees the sender with an error", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ receiveLimitBytes: 100 })
      const waiting = yield* start(reasonOf(near.send(Array.from({ length: 50 }).map(() => frame("0123456789")))))
      yield* TestClock.adjust("1 millis")
      yield* far.close("abort")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(waiting), "reset")
    })
  )
})

describe("bandwidth", () => {
  it.effect("of the network lets each frame through when its bytes are", () =>
    Effect.gen(function* () {
      const { near, far } = yield* pairOn({ bytesPerSecond: 1_000, latency: { _tag: "Constant", micros: 0 } })
      const seen = yield* read(far)
      yield* near.send([[new Uint8Array(96)], [new Uint8Array(46)]])
      yield* TestClock.adjust("99 millis")
      assert.strictEqual(seen.frames.length, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(seen.frames.length, 1)
      yield* TestClock.adjust("49 millis")
      assert.strictEqual(seen.frames.length, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(seen.frames.length, 2)
    })
  )

  it.effect("of a slow reader holds up what it is sent, not what it sends, until it is fast again", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({ receiveLimitBytes: 2_000 })
      const seen = yield* read(far)
      const back = yield* read(near)
      yield* network.setBandwidth("b", 100)
      const waiting = yield* start(near.send(Array.from({ length: 40 }).map(() => [new Uint8Array(96)])))
      yield* far.send([frame("fast")])
      yield* TestClock.adjust("3001 millis")
      assert.strictEqual(seen.frames.length, 3)
      assert.deepStrictEqual(back.frames, ["fast"])
      assert.isUndefined(waiting.pollUnsafe())
      yield* network.setBandwidth("b", undefined)
      yield* TestClock.adjust("20 millis")
      assert.strictEqual(seen.frames.length, 40)
      yield* Fiber.join(waiting)
      assert.deepInclude(network.statistics.faults, { SlowReader: 1, NormalReader: 1 })
    })
  )

  it.effect("that falls slows down what is under way", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({ latency: { _tag: "Constant", micros: 10_000 } })
      const seen = yield* read(far)
      yield* near.send([[new Uint8Array(96)]])
      yield* network.setBandwidth("b", 100)
      yield* TestClock.adjust("1009 millis")
      assert.strictEqual(seen.frames.length, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(seen.frames.length, 1)
    })
  )
})

describe("latency", () => {
  it.effect("changes for what is sent later, and never the order", () =>
    Effect.gen(function* () {
      const { near, far, network } = yield* pairOn({ latency: { _tag: "Constant", micros: 50_000 } })
      const seen = yield* read(far)
      yield* near.send([frame("slow")])
      yield* network.setLatency({ _tag: "Constant", micros: 1_000 })
      yield* near.send([frame("behind")])
      yield* far.send([frame("back")])
      const back = yield* read(near)
      yield* TestClock.adjust("49 millis")
      assert.deepStrictEqual([seen.frames, back.frames], [[], ["back"]])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.frames, ["slow", "behind"])
    })
  )

  it.effect("of a geographic model depends on the order in which addresses were first mentioned", () =>
    Effect.gen(function* () {
      const matrixMicros = [
        [500, 7_000],
        [9_000, 500]
      ]
      const { near, far } = yield* pairOn({ latency: { _tag: "Geographic", matrixMicros, jitterShare: 0 } })
      const [there, back] = [yield* read(far), yield* read(near)]
      yield* near.send([frame("x")])
      yield* far.send([frame("y")])
      yield* TestClock.adjust("7 millis")
      assert.deepStrictEqual([there.frames, back.frames], [["x"], []])
      yield* TestClock.adjust("2 millis")
      assert.deepStrictEqual(back.frames, ["y"])
    })
  )
})

describe("options", () => {
  it.effect("that contradict themselves are told which", () =>
    Effect.gen(function* () {
      const invalid: ReadonlyArray<MemoryNetwork.Options> = [
        { seed: Number.NaN },
        { latency: { _tag: "Constant", micros: -1 } },
        { bytesPerSecond: 0 },
        { maxFrameBytes: 0.5 },
        { receiveLimitBytes: 0 },
        { maxLinks: 0 },
        { acceptBacklog: -1 },
        { dialTimeout: 0 },
        { handshakeTimeout: 0 },
        { resolution: "2 seconds" },
        // @ts-expect-error: a configuration read from elsewhere need not be of the type.
        { dialTimeout: "soon" },
        // @ts-expect-error: the same.
        { bytesPerSecond: "5" },
        // @ts-expect-error: the same.
        { maxLinks: 5n }
      ]
      for (const options of invalid) {
        const error = yield* Effect.flip(Effect.scoped(MemoryNetwork.make(options)))
        assert.strictEqual(error._tag, "InvalidOptions")
        assert.deepStrictEqual([error.option], Object.keys(options))
        if (error.option === "latency") continue
        assert.include(error.detail, `${Formatter.format(Object.values(options)[0])} is not a`)
      }
      // @ts-expect-error: the same.
      const error = yield* Effect.flip(Effect.scoped(MemoryNetwork.make({ lattency: 5 })))
      assert.include(error.message, "lattency: no such option. Options are seed, latency, ")
    })
  )

  it.effect("of a transport, where there are none such, are an error", () =>
    Effect.gen(function* () {
      const refusal = (options: MemoryTransport.Options) =>
        Layer.build(MemoryTransport.layer(options)).pipe(
          Effect.provide(MemoryNetwork.layer()),
          Effect.scoped,
          Effect.flip,
          Effect.map(({ message }) => message)
        )
      // @ts-expect-error: whoever has no types may give anything.
      const misspelt = yield* refusal({ adress: "a" })
      assert.strictEqual(misspelt, "memory network, adress: no such option. Options are address, authenticatedId")
      // @ts-expect-error: the same.
      assert.strictEqual(yield* refusal({ address: 7 }), "memory network, address: 7 is not a text")
      // @ts-expect-error: the same.
      const proved = yield* refusal({ address: "a", authenticatedId: 7 })
      assert.strictEqual(proved, "memory network, authenticatedId: 7 is not a text")
      // @ts-expect-error: the same.
      const nothing = yield* refusal(undefined)
      assert.strictEqual(nothing, "memory network, options: undefined is not an object of options")
    })
  )
})
