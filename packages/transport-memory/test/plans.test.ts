import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { seeded } from "@hyparview/core/Random"
import { chaosKinds, draw } from "@hyparview/faults/FaultDraw"
import type { FaultPlan } from "@hyparview/faults/FaultPlan"
import { Fault } from "@hyparview/faults/FaultPlan"
import type { Link } from "@hyparview/runtime/Transport"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
import * as VirtualClock from "@hyparview/testing/VirtualClock"
import { frame, start, text } from "./kit.ts"

const addresses = Array.from({ length: 6 }).map((_, index) => `n${index}`)

/**
 * Six chatterboxes: each dials another now and then, says so many words, answers what it hears, and closes. Everything
 * that any of them hears is logged, with its instant.
 */
const chatter = (network: MemoryNetwork.MemoryNetwork["Service"], log: Array<string>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const note = (line: string) => Effect.map(Clock.currentTimeMillis, (now) => log.push(`${now - began} ${line}`))
    const hear = (me: string, link: Link) =>
      link.receive.pipe(
        Effect.tap((frames) => note(`${me} < ${link.remoteAddress}: ${frames.map(text).join(",")}`)),
        Effect.tap((frames) =>
          link.remoteAddress.includes("#") ? link.send(frames.map((bytes) => [bytes])) : Effect.void
        ),
        Effect.forever,
        Effect.catch((end) => note(`${me} | ${link.remoteAddress}: ${end.reason}`))
      )
    const listen = (me: string) =>
      Effect.gen(function* () {
        const transport = yield* network.transport(me)
        yield* transport.accepted.pipe(
          Stream.runForEach((link) => Effect.forkScoped(hear(me, link))),
          Effect.forkScoped
        )
        return transport
      })
    const talk = (me: number) =>
      Effect.gen(function* () {
        const address = addresses[me] ?? ""
        let transport = yield* listen(address)
        for (let turn = 1; turn <= 20; turn++) {
          yield* Effect.sleep(100 + 7 * me)
          const other = addresses[(me + turn) % 6] ?? ""
          const conversation = Effect.gen(function* () {
            const link = yield* transport.dial(other)
            yield* Effect.forkScoped(hear(address, link))
            for (let word = 0; word < 5; word++) {
              yield* link.send([frame(`${address}.${turn}.${word}`)])
              yield* Effect.sleep("20 millis")
            }
            yield* link.close("flush")
          })
          yield* conversation.pipe(
            Effect.catchTags({
              LinkClosed: (end) => note(`${address} cut off: ${end.reason}`),
              // A crashed node comes back the next time it wants to talk.
              DialError: (error) =>
                Effect.andThen(
                  note(`${address} cannot reach ${other}: ${error.reason}`),
                  error.reason === "closed"
                    ? Effect.map(listen(address), (fresh) => {
                        transport = fresh
                      })
                    : Effect.void
                )
            }),
            Effect.scoped
          )
        }
      }).pipe(Effect.orDie)
    yield* Effect.forEach(addresses.keys(), (me) => Effect.forkScoped(talk(me)), { discard: true })
  })

const logOf = <E = never>(
  seed: number,
  plan: FaultPlan,
  advance: (time: "30 seconds") => Effect.Effect<void, E> = TestClock.adjust
) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const network = yield* MemoryNetwork.make({
      seed,
      latency: { _tag: "LogNormal", medianMicros: 8_000, sigma: 0.6 },
      receiveLimitBytes: 64,
      dialTimeout: "700 millis"
    })
    yield* chatter(network, log)
    yield* Effect.forkScoped(Effect.orDie(network.applyPlan(plan, { addresses })))
    yield* advance("30 seconds")
    return { log, statistics: structuredClone(network.statistics) }
  }).pipe(Effect.scoped)

const plan = (seed: number) => draw(seeded(seed), { nodes: 6, durationMillis: 4_000, faults: 12, kinds: chaosKinds })

describe("a network", () => {
  it.effect("gives the same seed the same deliveries, and another seed others", () =>
    Effect.gen(function* () {
      const { log, statistics } = yield* logOf(1, plan(1))
      assert.isAbove(log.length, 500)
      const again = yield* logOf(1, plan(1))
      assert.deepStrictEqual(again.log, log)
      assert.deepStrictEqual(again.statistics, statistics)
      assert.notDeepEqual((yield* logOf(2, plan(1))).log, log)
    })
  )

  it.effect("carries the same under TestClock and under the virtual clock", () =>
    Effect.gen(function* () {
      const under = yield* logOf(3, plan(3), VirtualClock.adjust).pipe(Effect.provide(VirtualClock.layer()))
      assert.deepStrictEqual(under, yield* logOf(3, plan(3)))
    })
  )

  it.effect("accounts for every frame and every dial, whatever goes wrong", () =>
    Effect.gen(function* () {
      const happened = new Set<string>()
      for (let seed = 1; seed <= 12; seed++) {
        const { statistics: s } = yield* logOf(seed, plan(seed))
        assert.strictEqual(
          s.framesSent + s.framesDuplicated,
          s.framesDelivered + s.framesLost + s.framesVanished + s.framesSilentlyLost,
          `seed ${seed}`
        )
        assert.strictEqual(
          s.dials,
          s.dialsAccepted + s.dialsRefused + s.dialsUnreachable + s.dialsTimedOut + s.dialsAbandoned,
          `seed ${seed}`
        )
        for (const [name, count] of Object.entries(s.faults)) if (count > 0) happened.add(name)
      }
      assert.strictEqual(happened.size, 19, [...happened].join())
    })
  )
})

describe("playing a plan", () => {
  it.effect("performs each action at its instant, and tells the owner of the nodes", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      const told: Array<readonly [number, string]> = []
      const playing = yield* start(
        network.applyPlan(
          {
            nodes: 6,
            actions: [
              { atMillis: 0, fault: Fault.HangDials({ nodes: [1] }) },
              { atMillis: 1_500, fault: Fault.Crash({ nodes: [1, 2] }) },
              { atMillis: 1_500, fault: Fault.ClockJump({ node: 3, millis: 5 }) },
              { atMillis: 9_000, fault: Fault.Restart({ nodes: [2] }) }
            ]
          },
          {
            addresses,
            onFault: (fault) =>
              Effect.map(Clock.currentTimeMillis, (now) => {
                told.push([now, fault._tag])
              })
          }
        )
      )
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.join(playing)
      assert.deepStrictEqual(told, [
        [0, "HangDials"],
        [1_500, "Crash"],
        [1_500, "ClockJump"],
        [9_000, "Restart"]
      ])
      const { faults, faultsSkipped } = network.statistics
      assert.deepInclude(faults, { HangDials: 1, Crash: 2, ClockJump: 1, Restart: 1 })
      assert.strictEqual(faultsSkipped, 0)
    })
  )

  it.effect("counts what nobody performed", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      const actions = [
        { atMillis: 0, fault: Fault.Leave({ nodes: [1] }) },
        { atMillis: 0, fault: Fault.Heal() }
      ]
      yield* network.applyPlan({ nodes: 2, actions }, { addresses })
      assert.strictEqual(network.statistics.faultsSkipped, 1)
    })
  )

  it.effect("that contradicts itself does nothing", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      const actions = [
        { atMillis: 0, fault: Fault.Heal() },
        { atMillis: 0, fault: Fault.Duplicate({ probability: 2 }) }
      ]
      const error = yield* Effect.flip(network.applyPlan({ nodes: 1, actions }, { addresses }))
      assert.strictEqual(error.defect, "probability")
      assert.strictEqual(network.statistics.faults.Heal, 0)
    })
  )

  it.effect("about more nodes than there are dies before its first action", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      const actions = [
        { atMillis: 0, fault: Fault.Heal() },
        { atMillis: 0, fault: Fault.HalfOpen({ pairs: [[0, 9]] }) }
      ]
      const exit = yield* Effect.exit(network.applyPlan({ nodes: 10, actions }, { addresses }))
      assert(Exit.isFailure(exit))
      assert.include(Cause.pretty(exit.cause), "the plan is about 10 nodes, and there are 6")
      assert.strictEqual(network.statistics.faults.Heal, 0)
    })
  )

  it.effect("one fault alone that makes no sense dies, and does nothing", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      const wrong: ReadonlyArray<readonly [fault: Fault, message: string]> = [
        [Fault.RefuseDials({ nodes: [6] }), "RefuseDials: there is no node 6"],
        [Fault.Partition({ groups: [[0, 1]], mode: "reset" }), "Partition: fewer than two groups separate nothing"],
        [Fault.ClockJump({ node: 0, millis: 0.5 }), "ClockJump: 0.5 is not a whole number of milliseconds"]
      ]
      for (const [fault, message] of wrong) {
        const exit = yield* Effect.exit(network.applyFault(fault, addresses))
        assert(Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), message)
        assert.strictEqual(network.statistics.faults[fault._tag], 0)
      }
    })
  )
})
