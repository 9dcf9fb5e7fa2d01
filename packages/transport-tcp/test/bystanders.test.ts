/**
 * What a fault on one link does to the others of the same transport: their round trips while it lasts, against the same
 * traffic without it, in the same run.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as FaultProxy from "@hyparview/testing/FaultProxy"
import * as TcpMetrics from "@hyparview/transport-tcp/TcpMetrics"
import * as TlsMetrics from "@hyparview/transport-tcp/TlsMetrics"
import type { Link } from "@hyparview/runtime/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import { batch, type Ends, leavesNothing, numbered, receive, transports, within, world } from "./faultKit.ts"
import { addressOf, median } from "./kit.ts"

/** Pings of one turn; turns without and with the fault follow each other, so that a busy machine is busy in both. */
const pings = 18
const turns = 10

/** Between two pings: what is measured is a peer that speaks now and then, not one that waits in a queue of its own. */
const pauseMillis = 5

/**
 * What two medians may differ by whatever they are. A ping takes a few tenths of a millisecond here, four turns of one event
 * loop; a core that another process has taken is back after some milliseconds, which half of the pings may meet in one
 * turn and not in the next.
 */
const floorMillis = 1

/** Gives every frame back. */
const echo = (link: Link) =>
  Effect.forever(Effect.flatMap(link.receive, (frames) => link.send(frames.map((frame) => [frame])))).pipe(
    Effect.ignore
  )

const ping = (link: Link) =>
  Effect.gen(function* () {
    const began = performance.now()
    yield* link.send([[numbered(1, 64)]])
    yield* within("an echo", link.receive)
    const took = performance.now() - began
    yield* Effect.sleep(pauseMillis)
    return took
  })

/** The medians of round trips without and with a fault. */
const compare = <E, R>(
  link: Link,
  fault: { readonly begin: Effect.Effect<void, E, R>; readonly end: Effect.Effect<void, E, R> }
) =>
  Effect.gen(function* () {
    const without: Array<number> = []
    const during: Array<number> = []
    const some = Effect.forEach(Array.from({ length: pings }), () => ping(link))
    for (let turn = 0; turn < turns; turn++) {
      without.push(...(yield* some))
      yield* fault.begin
      during.push(...(yield* some))
      yield* fault.end
    }
    return { without: median(without), during: median(during) }
  })

const assertUnharmed = (what: string, { during, without }: { readonly during: number; readonly without: number }) => {
  console.log(`${what}: ${without.toFixed(3)} ms without, ${during.toFixed(3)} ms during (medians of ${pings * turns})`)
  assert.isAtMost(during, 2 * without + floorMillis, what)
}

/** About 300 kB a second, in frames of all sizes. Whoever does not take them holds up only this. */
const stream = (link: Link) =>
  Effect.gen(function* () {
    for (let number = 0; ; number += 10) {
      yield* link.send(batch(number, 10))
      yield* Effect.sleep(50)
    }
  }).pipe(Effect.ignore)

const discard = (link: Link) => Effect.ignore(Effect.forever(link.receive))

/**
 * For each number that it reads, opens so many connections that never say anything, so many a second; says when the last of
 * them has been closed. Ends with its input.
 */
const mutes = `
  const [port, perSecond] = process.argv.slice(1).map(Number)
  const burst = (connections) => {
    let opened = 0, closed = 0
    const timer = setInterval(() => {
      for (let count = 0; count < perSecond / 50 && opened < connections; count++, opened++) {
        const socket = require("node:net").connect(port, "127.0.0.1")
        socket.on("error", () => {})
        socket.on("close", () => {
          if (++closed === connections) console.log("all closed")
        })
      }
      if (opened >= connections) clearInterval(timer)
    }, 20)
  }
  require("node:readline").createInterface({ input: process.stdin })
    .on("line", (line) => burst(Number(line)))
    .on("close", () => process.exit(0))
`

const connections = 2_500
const perSecond = 500
const maxHandshakes = 64
const handshakeTimeoutMillis = 300

/** Opens and keeps, in each turn, its share of the mute connections, until every one has been ended by the far end. */
const makeMutes = (port: number) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, ["-e", mutes, `${port}`, `${perSecond}`])),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.stdin.end()
        })
    )
    const closed = yield* Queue.unbounded<void>()
    child.stdout.on("data", () => Queue.offerUnsafe(closed, undefined))
    return {
      begin: Effect.sync(() => child.stdin.write(`${connections / turns}\n`)),
      end: within("every mute connection is ended", Queue.take(closed))
    }
  })

const counted = <A, B>(metric: Metric.Metric<A, B>, attributes: Readonly<Record<string, string>>) =>
  Metric.value(Metric.withAttributes(metric, attributes))

const shapes: ReadonlyArray<readonly [string, FaultProxy.Shape]> = [
  ["stalls", { _tag: "Stall" }],
  ["is throttled to 20 kB a second", { _tag: "Throttle", bytesPerSecond: 20_000 }],
  ["is split into small segments", { _tag: "Split", segmentBytes: 1_000 }],
  ["is merged into large ones", { _tag: "Merge", segmentBytes: 100_000, holdMillis: 200 }]
]

describe.each(transports)("other peers over %s", (name, make) => {
  it.live.each(shapes)("are served as fast while a peer's link %s", ([what, shape]) =>
    leavesNothing(
      Effect.gen(function* () {
        const { direct, through } = yield* world(make)
        const bystander = yield* direct
        yield* Effect.forkScoped(echo(bystander.far))
        const victim = yield* through
        for (const link of [victim.near, victim.far]) {
          yield* Effect.forkScoped(stream(link))
          yield* Effect.forkScoped(discard(link))
        }
        const { connection } = victim
        const result = yield* compare(bystander.near, {
          begin: connection.shape("both", shape),
          end: connection.shape("both", { _tag: "Through" })
        })
        assertUnharmed(`${name}, one link ${what}`, result)
      })
    )
  )

  it.live(
    "are served as fast while a peer's link is cut in mid frame or reset, and dialed again, time after time",
    () =>
      leavesNothing(
        Effect.gen(function* () {
          const { direct, through } = yield* world(make)
          const bystander = yield* direct
          yield* Effect.forkScoped(echo(bystander.far))
          let cuts = 0
          const oneLife = (ending: FaultProxy.Ending | undefined) =>
            Effect.gen(function* () {
              const { connection, far, near }: Ends = yield* through
              yield* Effect.forkScoped(discard(far))
              if (ending !== undefined) yield* connection.cutAfter("toServer", 20_000, ending)
              // Without the fault the same link carries the same bytes, and is closed in order.
              for (let number = 0; number < 40; number += 10) yield* Effect.ignore(near.send(batch(number, 10)))
              yield* ending === undefined ? near.close("flush") : near.closed
              if (ending !== undefined) cuts++
              yield* Effect.sleep(20)
            }).pipe(Effect.scoped)
          let ending: FaultProxy.Ending | undefined
          yield* Effect.forkScoped(
            Effect.forever(
              Effect.suspend(() => oneLife(ending === undefined ? undefined : cuts % 2 === 0 ? "fin" : "rst"))
            )
          )
          const set = (to: FaultProxy.Ending | undefined) =>
            Effect.sync(() => {
              ending = to
            })
          const result = yield* compare(bystander.near, { begin: set("fin"), end: set(undefined) })
          assert.isAbove(cuts, 5)
          assertUnharmed(`${name}, one link cut ${cuts} times`, result)
        })
      )
  )

  it.live(
    `keep their links and get new ones while ${connections} connections never say a word, which all end within their bounds`,
    () =>
      leavesNothing(
        Effect.gen(function* () {
          const { accepted, direct, far, near } = yield* world(make, {
            maxHandshakes,
            handshakeTimeout: handshakeTimeoutMillis
          })
          const bystander = yield* direct
          yield* Effect.forkScoped(echo(bystander.far))
          const mutes = yield* makeMutes(addressOf(far.address).port)
          let most = 0
          const watching = yield* Effect.forkScoped(
            Effect.schedule(
              Effect.map(Metric.value(TcpMetrics.handshakes), ({ value }) => {
                most = Math.max(most, value)
              }),
              Schedule.spaced(5)
            )
          )
          // Everybody who is let in is answered.
          yield* Effect.forkScoped(
            Effect.forever(Effect.flatMap(Queue.take(accepted), (link) => Effect.forkScoped(echo(link))))
          )
          // Whoever is turned away because all places are taken tries again, as every node does.
          const getIn = Effect.gen(function* () {
            const link = yield* near.dial(far.address)
            yield* link.send([[numbered(1)]])
            assert.deepStrictEqual(yield* receive(link, 1), [numbered(1)])
            yield* link.close("flush")
          }).pipe(Effect.scoped)
          // One in the midst of each turn's storm.
          const honest: Array<Fiber.Fiber<void, unknown>> = []
          const enter = Effect.map(Effect.forkScoped(Effect.retry(getIn, Schedule.spaced(50))), (fiber) => {
            honest.push(fiber)
          })
          const begin = Effect.andThen(mutes.begin, enter)
          const result = yield* compare(bystander.near, { begin, end: mutes.end })
          yield* within("honest peers get in", Fiber.joinAll(honest))
          yield* Fiber.interrupt(watching)
          assertUnharmed(`${name}, ${perSecond} mute connections a second`, result)

          assert.isAtMost(most, maxHandshakes)
          const refused = yield* counted(TcpMetrics.refusals, { cause: "maxHandshakes" })
          const stalled =
            name === "TCP"
              ? yield* counted(TcpMetrics.linksClosed, { reason: "handshakeTimeout" })
              : yield* counted(TlsMetrics.refusals, { side: "accepted", reason: "stalled" })
          // A few may have met a full backlog in the kernel, and have never reached the process.
          assert.isAtLeast(refused.count + stalled.count, 0.9 * connections)
          assert.isAbove(stalled.count, 0)
          console.log(
            `${name}: ${refused.count} reset at once, ${stalled.count} timed out, ${most} places taken at most`
          )
        })
      ),
    60_000
  )
})
