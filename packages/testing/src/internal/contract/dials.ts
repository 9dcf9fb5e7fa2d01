/** How links come to be, and how they do not. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { DialError, DialFailure, Link } from "@hyparview/runtime/Transport"
import type { Case, HangingKit, Host, Kit } from "./kit.ts"
import {
  assertEnds,
  assertFrames,
  assertWorks,
  carry,
  connect,
  firstAccepted,
  frame,
  host,
  outgoing,
  pair,
  receive,
  settle,
  within
} from "./kit.ts"

/** The reason for which a dial fails. */
const dialFailure = (from: Host, address: string): Effect.Effect<DialError, unknown, Scope.Scope> =>
  within(
    `a dial to ${JSON.stringify(address)} fails`,
    Effect.matchEffect(from.transport.dial(address), {
      onFailure: Effect.succeed,
      onSuccess: () => Effect.die(new Error(`a dial to ${address} succeeded`))
    })
  )

const assertFails = (from: Host, address: string, reason: DialFailure) =>
  Effect.map(dialFailure(from, address), (error) => {
    assert.strictEqual(error.reason, reason)
    assert.strictEqual(error.address, address)
  })

/** Numbers what it sends, so that the other ends can be told apart. */
const introduce = (link: Link, number: number) => link.send([[frame(number)]])

export const dialCases: ReadonlyArray<Case<Kit>> = [
  {
    name: "a dial is accepted once, at the address that the transport gives",
    run: (kit) =>
      Effect.gen(function* () {
        const { a, b, far, near } = yield* pair(kit)
        assert.notStrictEqual(a.address, b.address)
        assert.isNotEmpty(near.remoteAddress)
        assert.isNotEmpty(far.remoteAddress)
        yield* assertWorks({ near, far })
        assert.strictEqual(yield* Queue.size(b.accepted), 0)
        assert.strictEqual(yield* Queue.size(a.accepted), 0)
      })
  },
  {
    name: "the links that wait when a consumer of accepted goes are those of the next",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* kit.transport
        const numbers = [1, 2, 3]
        for (const number of numbers) yield* introduce(yield* a.dial(b.address), number)
        yield* settle
        const seen: Array<number> = []
        for (const _ of numbers) {
          const far = yield* within("a link is accepted", firstAccepted(b))
          const [first] = yield* receive(far, 1)
          seen.push(first?.[0] ?? -1)
        }
        assert.deepStrictEqual(seen.toSorted(), numbers)
      })
  },
  {
    name: "a second consumer of accepted dies, and the first goes on",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        for (const _ of [1, 2]) {
          const exit = yield* within("it dies", Effect.exit(Stream.runDrain(b.transport.accepted)))
          assert.isTrue(Exit.hasDies(exit), "a second consumer of accepted does not die")
        }
        yield* assertWorks(yield* connect(a, b))
      })
  },
  {
    name: "a dial to an address where nobody listens is refused at once",
    run: (kit) =>
      Effect.gen(function* () {
        yield* assertFails(yield* host(kit), yield* kit.refusingAddress, "refused")
      })
  },
  {
    name: "a dial to what is no address fails as invalidAddress",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        assert.isNotEmpty(kit.invalidAddresses)
        for (const address of kit.invalidAddresses) yield* assertFails(a, address, "invalidAddress")
      })
  },
  {
    name: "two dials to one address give two independent links",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const first = yield* connect(a, b)
        const second = yield* connect(a, b)
        yield* assertWorks(first)
        yield* assertWorks(second)
        yield* first.near.close("abort")
        yield* assertEnds(first.far, "reset")
        yield* assertWorks(second)
      })
  },
  {
    name: "two transports that dial each other at once get two links",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const [ab, ba] = yield* Effect.all([a.dial(b.address), b.dial(a.address)], { concurrency: 2 })
        const [atB, atA] = yield* Effect.all([b.nextAccepted, a.nextAccepted])
        yield* assertWorks({ near: ab, far: atB })
        yield* assertWorks({ near: ba, far: atA })
      })
  },
  {
    name: "a hundred links at once, each with its own frames",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const numbers = Array.from({ length: 100 }, (_, number) => number)
        const dial = (number: number) => Effect.tap(a.dial(b.address), (link) => introduce(link, number))
        const links = yield* Effect.forEach(numbers, dial, { concurrency: "unbounded" })
        const seen = new Set<number>()
        for (const _ of numbers) {
          const far = yield* b.nextAccepted
          const [first] = yield* receive(far, 1)
          const number = first?.[0] ?? -1
          seen.add(number)
          const near = links[number]
          assert.isDefined(near)
          if (near !== undefined) assertFrames(yield* carry(far, near, [frame(number, 40)]), [frame(number, 40)])
        }
        assert.strictEqual(seen.size, numbers.length)
      })
  },
  {
    name: "a transport that dials itself gets a link or is refused, and does not hang",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const dialed = yield* within("a dial to oneself", Effect.result(a.transport.dial(a.address)))
        if (dialed._tag === "Failure") return assert.include(["refused", "invalidAddress"], dialed.failure.reason)
        const far = yield* a.nextAccepted
        yield* assertWorks({ near: dialed.success, far })
        yield* dialed.success.close("abort")
        yield* assertEnds(far, "reset")
      })
  },
  {
    name: "interrupted dials leave nothing behind",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        for (let turns = 0; turns < 20; turns++) {
          const dialing = yield* Effect.forkChild(Effect.scoped(a.transport.dial(b.address)))
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(dialing)
        }
        const { far, near } = yield* lastOf(a, b)
        yield* assertWorks({ near, far })
        assert.strictEqual(yield* Queue.size(a.accepted), 0)
      })
  },
  {
    name: "a dialed link is aborted with the scope of its dial, and no other",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const scope = yield* Scope.make()
        const first = yield* connect(a, b).pipe(Scope.provide(scope))
        const second = yield* connect(a, b)
        yield* Scope.close(scope, Exit.void)
        yield* assertEnds(first.near, "local")
        yield* assertEnds(first.far, "reset")
        yield* assertWorks(second)
      })
  },
  {
    name: "a transport ends with its scope: links break, waits end, dials fail",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const scope = yield* Scope.make()
        const b = yield* host(kit).pipe(Scope.provide(scope))
        const out = yield* connect(a, b)
        const into = yield* connect(b, a)
        const waiting = yield* Effect.forkChild(Effect.flip(out.far.receive))
        yield* Effect.yieldNow
        yield* within("the transport ends", Scope.close(scope, Exit.void))
        yield* within("receive fails", Fiber.join(waiting))
        yield* assertEnds(out.near, "closed", "reset")
        yield* assertEnds(into.far, "closed", "reset")
        yield* within("the link of the ended transport has ended", out.far.closed)
        yield* within("the dialed link of the ended transport has ended", into.near.closed)
        yield* assertFails(a, b.address, "refused")
        yield* assertFails(b, a.address, "closed")
      })
  }
]

/** A link after others that may have been accepted and abandoned: each of those has ended or ends by itself. */
const lastOf = (a: Host, b: Host) =>
  Effect.gen(function* () {
    const near = yield* a.dial(b.address)
    yield* near.send(outgoing([frame(99)]))
    while (true) {
      const far = yield* b.nextAccepted
      const received = yield* within("an accepted link ends or speaks", Effect.exit(far.receive))
      if (Exit.isSuccess(received)) return { near, far }
    }
  })

export const hangingCases: ReadonlyArray<Case<HangingKit>> = [
  {
    name: "a dial without an answer fails as timeout, when its time is up",
    settings: { dialTimeoutMillis: 300 },
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        yield* assertFails(a, yield* kit.hangingAddress, "timeout")
      })
  },
  {
    name: "a dial without an answer can be interrupted, and others pass it",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const hanging = yield* Effect.forkChild(Effect.scoped(a.transport.dial(yield* kit.hangingAddress)))
        yield* assertWorks(yield* connect(a, b))
        yield* within("the dial is interrupted", Fiber.interrupt(hanging))
      })
  }
]
