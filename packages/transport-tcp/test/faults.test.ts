/** Links of both transports through a proxy that hurts them: what is delivered, how each end learns, and what is left. */
import { assert, describe, it } from "@effect/vitest"
import { Random } from "@hyparview/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FaultProxy from "@hyparview/testing/FaultProxy"
import {
  assertNumbered,
  batch,
  drain,
  type Ends,
  leavesNothing,
  receive,
  transports,
  within,
  world
} from "./faultKit.ts"

/** Sends for as long as the link lives, so that something is under way whenever it is hurt. */
const sendForEver = ({ send }: Ends["near"]) =>
  Effect.gen(function* () {
    for (let number = 0; ; number += 10) yield* send(batch(number, 10))
  })

/** Waits until a count has not changed for a while, and gives it. */
const stops = (count: () => number) =>
  Effect.gen(function* () {
    let before = -1
    while (before !== count()) {
      before = count()
      yield* Effect.sleep(100)
    }
    return before
  })

describe.each(transports)("a link over %s", (name, make) => {
  it.live("that is cut anywhere in a frame delivers the frames before it, whole, and ends as reset", () =>
    leavesNothing(
      Effect.gen(function* () {
        const { through } = yield* world(make)
        // Two frames of 10 bytes behind their lengths; TLS adds 22 bytes for its record.
        const total = name === "TCP" ? 28 : 50
        for (let cut = 0; cut < total; cut++) {
          const { connection, far, near } = yield* through
          yield* connection.cutAfter("toServer", cut, "fin")
          // Cut before anything was sent, the sender may know already.
          yield* Effect.ignore(near.send(batch(0, 2, 10)))
          const { end, received } = yield* within(`an end after ${cut} bytes`, drain(far))
          assertNumbered(received, 0, 10)
          assert.strictEqual(received.length, name === "TCP" ? Math.floor(cut / 14) : 0, `cut after ${cut} bytes`)
          // Between two frames plain TCP cannot tell a cut from an end; TLS can, always.
          assert.strictEqual(
            end.reason,
            name === "TCP" && cut % 14 === 0 ? "closed" : "reset",
            `cut after ${cut} bytes`
          )
          assert.strictEqual((yield* within("the sender learns", near.closed)).reason, "reset")
          yield* connection.ended
        }
      })
    )
  )

  it.live("that is reset while both ends send delivers whole frames in order up to it, and both ends learn", () =>
    leavesNothing(
      Effect.gen(function* () {
        const { through } = yield* world(make)
        const random = Random.seeded(7)
        for (let round = 0; round < 20; round++) {
          const { connection, far, near } = yield* through
          const direction = round % 2 === 0 ? "toServer" : "toClient"
          yield* connection.cutAfter(direction, Random.nextBelow(random, 400_000), "rst")
          const all = yield* within(
            "both ends learn",
            Effect.all([Effect.exit(sendForEver(near)), Effect.exit(sendForEver(far)), drain(near), drain(far)], {
              concurrency: "unbounded"
            })
          )
          for (const { end, received } of [all[2], all[3]]) {
            assertNumbered(received)
            assert.strictEqual(end.reason, "reset")
          }
        }
      })
    )
  )

  const shapes: ReadonlyArray<readonly [string, FaultProxy.Shape]> = [
    ["split into segments of 1 to 5 bytes", { _tag: "Split", segmentBytes: 5 }],
    ["split into segments of 1 to 3,000 bytes", { _tag: "Split", segmentBytes: 3_000 }],
    ["merged into segments of 100,000 bytes", { _tag: "Merge", segmentBytes: 100_000, holdMillis: 20 }],
    ["throttled to 400 kB a second", { _tag: "Throttle", bytesPerSecond: 400_000 }]
  ]

  it.live.each(shapes)(
    "whose bytes are %s carries all frames both ways, in order, its handshake too",
    ([what, shape]) =>
      leavesNothing(
        Effect.gen(function* () {
          const { proxy, through } = yield* world(make)
          yield* proxy.shapeAll("both", shape)
          const { connection, far, near } = yield* through
          const count = shape._tag === "Split" && shape.segmentBytes === 5 ? 20 : 100
          const send = (link: Ends["near"]) =>
            Effect.gen(function* () {
              for (let number = 0; number < count; number += 10) yield* link.send(batch(number, 10))
            })
          const began = performance.now()
          const [, , there, back] = yield* Effect.all(
            [send(near), send(far), receive(far, count), receive(near, count)],
            { concurrency: "unbounded" }
          )
          for (const frames of [there, back]) {
            assert.strictEqual(frames.length, count, what)
            assertNumbered(frames)
          }
          if (shape._tag === "Throttle") {
            // A lower bound that a slow machine cannot break: so many bytes cannot have come sooner.
            const least = (connection.passed.toServer / shape.bytesPerSecond) * 1_000
            assert.isAtLeast(performance.now() - began, 0.5 * least)
          }
          yield* near.close("flush")
          assert.strictEqual((yield* within("the far end learns", far.closed)).reason, "closed")
        })
      )
  )

  it.live("that stalls makes its sender wait, and delivers everything in order when it goes on", () =>
    leavesNothing(
      Effect.gen(function* () {
        const { through } = yield* world(make)
        const { connection, far, near } = yield* through
        yield* connection.shape("toServer", { _tag: "Stall" })
        let sent = 0
        const sending = yield* Effect.forkChild(
          Effect.gen(function* () {
            for (; sent < 60_000; sent += 100) yield* near.send(batch(sent, 100))
          })
        )
        const stuck = yield* within(
          "the sender waits",
          stops(() => sent)
        )
        assert.isBelow(stuck, 60_000)
        // The other direction is none the worse.
        yield* far.send(batch(0, 10))
        assertNumbered(yield* receive(near, 10))
        yield* connection.shape("toServer", { _tag: "Through" })
        for (let expected = 0; expected < stuck;) {
          const frames = yield* receive(far, 1)
          assertNumbered(frames, expected)
          expected += frames.length
        }
        yield* Fiber.interrupt(sending)
      })
    )
  )

  it.live("that stalls both ways is given up when its flush has had its time: reset, for what is missing", () =>
    leavesNothing(
      Effect.gen(function* () {
        const { through } = yield* world(make, { closeTimeout: 200 })
        const { connection, far } = yield* through
        yield* connection.shape("both", { _tag: "Stall" })
        let sent = 0
        const sending = yield* Effect.forkChild(
          Effect.exit(
            Effect.gen(function* () {
              for (; ; sent += 100) yield* far.send(batch(sent, 100))
            })
          )
        )
        yield* within(
          "the sender waits",
          stops(() => sent)
        )
        yield* within("the flush is given up", far.close("flush"))
        const end = yield* far.closed
        assert.deepStrictEqual([end.reason, end.detail], ["local", "the far end did not take everything in time"])
        yield* within("the sender is told", Fiber.join(sending))
      })
    )
  )
})
