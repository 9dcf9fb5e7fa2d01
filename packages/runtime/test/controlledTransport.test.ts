/** What a block does to links and dials, and what its end does. */
import { assert, describe, it } from "@effect/vitest"
import { Wire } from "@hyparview/core"
import { MemoryNetwork } from "@hyparview/transport-memory"
import { Effect, Fiber, Result, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ControlledTransport, type Transport } from "../src/index.ts"

type Service = Transport.Transport["Service"]

const bytes = (...text: ReadonlyArray<string>) => text.map((each) => [new TextEncoder().encode(each)])

const hello = (id: string, address: string) =>
  Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster: "test",
      peer: { id, epoch: 1, address },
      knownEpoch: undefined,
      knownAddress: undefined,
      settings: undefined,
      to: undefined
    })
  )

const read = (frames: ReadonlyArray<Uint8Array>) => frames.map((frame) => new TextDecoder().decode(frame))

/** Lets the network do its work. */
const later = TestClock.adjust("100 millis")

/** Runs an effect that waits for the network while the clock goes on. */
const advance = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkScoped(effect, { startImmediately: true })
  yield* later
  return yield* Fiber.join(fiber)
})

/** What an effect has come to after a while, undefined if to nothing yet. */
const outcome = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkScoped(Effect.result(effect), { startImmediately: true })
  yield* later
  const exit = fiber.pollUnsafe()
  if (exit === undefined) yield* Fiber.interrupt(fiber)
  return exit === undefined ? undefined : yield* exit
})

const errorOf = <A, E>(result: Result.Result<A, E> | undefined): E | undefined =>
  result !== undefined && Result.isFailure(result) ? result.failure : undefined

/** `a` is under control; `b` and `c` are not. */
const setUp = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make({ seed: 1 })
  const { control, transport: a } = yield* ControlledTransport.make(yield* network.transport("host-a"))
  const b = yield* network.transport("host-b")
  const c = yield* network.transport("host-c")
  const accepting = (transport: Service) =>
    Effect.map(transport.accepted.pipe(Stream.take(1), Stream.runHead), (head) => head)
  /** Opens a link and greets over it. Returns both its ends. */
  const open = Effect.fnUntraced(function* (from: Service, to: Service, id: string) {
    const waiting = yield* Effect.forkScoped(accepting(to))
    const near = yield* advance(from.dial(to.address))
    yield* near.send([[hello(id, from.address)]])
    yield* later
    const far = yield* Effect.fromOption(yield* Fiber.join(waiting))
    return { near, far }
  })
  return { a, b, c, control, open }
})

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(body))

describe("a silent block", () => {
  test(
    "makes frames vanish in both directions of a dialled link, and resets it when it ends",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      assert.strictEqual((yield* far.receive).length, 1)
      yield* control.block(["host-b"], { mode: "silent" })
      yield* near.send(bytes("to b"))
      assert.isUndefined(yield* outcome(far.receive))
      yield* far.send(bytes("to a"))
      const receiving = yield* Effect.forkScoped(Effect.result(near.receive), { startImmediately: true })
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(receiving.pollUnsafe())
      yield* control.heal
      yield* later
      assert.strictEqual(errorOf(yield* Fiber.join(receiving))?.reason, "reset")
      assert.strictEqual((yield* near.closed).reason, "reset")
      assert.strictEqual(errorOf(yield* outcome(far.receive))?.reason, "reset")
    })
  )

  test(
    "leaves a link as it was when it ends before any frame has vanished",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      yield* far.receive
      yield* control.block(["host-b"], { mode: "silent" })
      yield* control.unblock(["host-b"])
      yield* near.send(bytes("still here"))
      assert.deepStrictEqual(read(yield* advance(far.receive)), ["still here"])
    })
  )

  test(
    "of one direction lets the other work",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      yield* far.receive
      yield* control.block(["host-b"], { mode: "silent", direction: "outbound" })
      yield* near.send(bytes("lost"))
      yield* far.send(bytes("arrives"))
      assert.deepStrictEqual(read(yield* advance(near.receive)), ["arrives"])
      assert.isUndefined(yield* outcome(far.receive))
      yield* control.block(["host-b"], { mode: "silent", direction: "inbound" })
      // The direction that has lost a frame is open again: the link is reset.
      assert.strictEqual((yield* near.closed).reason, "reset")
    })
  )

  test(
    "of what comes in lets frames go out",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      yield* far.receive
      yield* control.block(["host-b"], { mode: "silent", direction: "inbound" })
      yield* near.send(bytes("arrives"))
      assert.deepStrictEqual(read(yield* advance(far.receive)), ["arrives"])
      yield* far.send(bytes("lost"))
      assert.isUndefined(yield* outcome(near.receive))
    })
  )

  test(
    "hides that the far end has closed the link, until it ends",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      yield* control.block(["host-b"], { mode: "silent" })
      yield* far.close("flush")
      assert.isUndefined(yield* outcome(near.receive))
      assert.isUndefined(yield* outcome(near.closed))
      assert.isUndefined(errorOf(yield* outcome(near.send(bytes("into the void")))))
      yield* control.heal
      assert.strictEqual((yield* near.closed).reason, "reset")
    })
  )

  test(
    "does not keep this end from closing a link",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { near } = yield* open(a, b, "a")
      yield* control.block(["host-b"], { mode: "silent" })
      yield* advance(near.close("abort"))
      assert.strictEqual((yield* near.closed).reason, "local")
    })
  )

  test(
    "nor from being done with it, when the far end has closed it before",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(a, b, "a")
      yield* control.block(["host-b"], { mode: "silent" })
      const receiving = yield* Effect.forkScoped(Effect.result(near.receive), { startImmediately: true })
      yield* far.close("flush")
      yield* later
      assert.isUndefined(receiving.pollUnsafe())
      yield* advance(near.close("flush"))
      assert.strictEqual(errorOf(yield* Fiber.join(receiving))?.reason, "local")
      assert.strictEqual((yield* near.closed).reason, "local")
    })
  )

  test(
    "lets dials hang until their time-out, and reach the peer again when it ends",
    Effect.gen(function* () {
      const { a, b, control } = yield* setUp
      yield* control.block(["host-b"], { mode: "silent" })
      const dialling = yield* Effect.forkScoped(Effect.result(a.dial("host-b")), { startImmediately: true })
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(dialling.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(errorOf(yield* Fiber.join(dialling))?.reason, "timeout")
      yield* control.heal
      assert.strictEqual((yield* advance(a.dial(b.address))).remoteAddress, "host-b")
    })
  )

  for (const name of ["host-b", "b"]) {
    test(
      `finds an accepted link by the ${name === "b" ? "id" : "address"} in its first frame, which vanishes too`,
      Effect.gen(function* () {
        const { a, b, c, control, open } = yield* setUp
        yield* control.block([name], { mode: "silent" })
        const blocked = yield* open(b, a, "b")
        assert.isUndefined(yield* outcome(blocked.far.receive))
        const other = yield* open(c, a, "c")
        assert.strictEqual((yield* advance(other.far.receive)).length, 1)
      })
    )
  }

  test(
    "finds an accepted link that is open already",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const { far, near } = yield* open(b, a, "b")
      assert.strictEqual((yield* far.receive).length, 1)
      yield* control.block(["host-b"], { mode: "silent" })
      yield* near.send(bytes("lost"))
      assert.isUndefined(yield* outcome(far.receive))
    })
  )
})

describe("a block that resets", () => {
  test(
    "breaks links at both ends, dialled and accepted, and refuses dials at once",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const dialled = yield* open(a, b, "a")
      const accepted = yield* open(b, a, "b")
      yield* dialled.far.receive
      yield* accepted.far.receive
      yield* control.block(["host-b"], { mode: "reset" })
      for (const end of [dialled.near, dialled.far, accepted.near, accepted.far]) {
        assert.strictEqual(errorOf(yield* outcome(end.receive))?.reason, "reset")
      }
      assert.strictEqual(errorOf(yield* outcome(a.dial("host-b")))?.reason, "refused")
      // A link that the peer opens is broken as soon as it says who it is.
      const late = yield* open(b, a, "b")
      assert.strictEqual(errorOf(yield* outcome(late.far.receive))?.reason, "reset")
      assert.strictEqual(errorOf(yield* outcome(late.near.receive))?.reason, "reset")
      yield* control.heal
      const healed = yield* open(b, a, "b")
      assert.strictEqual((yield* healed.far.receive).length, 1)
    })
  )

  test(
    "of one direction breaks only the links that are opened in it",
    Effect.gen(function* () {
      const { a, b, control, open } = yield* setUp
      const dialled = yield* open(a, b, "a")
      const accepted = yield* open(b, a, "b")
      yield* dialled.far.receive
      yield* accepted.far.receive
      yield* control.block(["host-b"], { mode: "reset", direction: "inbound" })
      assert.strictEqual(errorOf(yield* outcome(accepted.far.receive))?.reason, "reset")
      yield* dialled.near.send(bytes("works"))
      assert.deepStrictEqual(read(yield* advance(dialled.far.receive)), ["works"])
      yield* control.block(["host-b"], { mode: "reset", direction: "outbound" })
      assert.strictEqual((yield* dialled.near.closed).reason, "reset")
      assert.strictEqual(errorOf(yield* outcome(a.dial("host-b")))?.reason, "refused")
      const open2 = yield* open(b, a, "b")
      assert.strictEqual((yield* open2.far.receive).length, 1)
    })
  )

  test(
    "overtakes a dial that is under way",
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ seed: 1, latency: { _tag: "Constant", micros: 50_000 } })
      const { control, transport: a } = yield* ControlledTransport.make(yield* network.transport("host-a"))
      yield* network.transport("host-b")
      const dialling = yield* Effect.forkScoped(Effect.result(a.dial("host-b")), { startImmediately: true })
      yield* TestClock.adjust("10 millis")
      yield* control.block(["host-b"], { mode: "reset" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(errorOf(yield* Fiber.join(dialling))?.reason, "refused")
    })
  )
})

describe("the list of blocks", () => {
  test(
    "holds each name once, as it was blocked last, and forgets what is unblocked",
    Effect.gen(function* () {
      const { control } = yield* setUp
      yield* control.block(["x", "y"], { mode: "silent" })
      yield* control.block(["x"], { mode: "reset", direction: "inbound" })
      yield* control.unblock(["nobody"])
      assert.deepStrictEqual(yield* control.blocked, [
        { name: "y", mode: "silent", direction: "both" },
        { name: "x", mode: "reset", direction: "inbound" }
      ])
      yield* control.unblock(["y"])
      assert.strictEqual((yield* control.blocked).length, 1)
      yield* control.heal
      assert.deepStrictEqual(yield* control.blocked, [])
    })
  )

  const wrong: ReadonlyArray<readonly [ControlledTransport.Options, string]> = [
    [{ blockedNames: 0 }, "blockedNames is 0"],
    [{ blockedNames: 1.5 }, "blockedNames is 1.5"],
    [{ dialTimeout: 0 }, "dialTimeout is 0"],
    [{ dialTimeout: "2 days" }, 'dialTimeout is "2 days"'],
    // @ts-expect-error: a configuration read from elsewhere need not be of the type.
    [{ dialTimeout: "soon" }, 'dialTimeout is "soon"'],
    // @ts-expect-error: the same.
    [{ dialTimeOut: "1 second" }, 'dialTimeOut is "1 second": no such option. Options are blockedNames, dialTimeout']
  ]
  for (const [options, said] of wrong) {
    test(
      `is refused with options out of bounds: ${JSON.stringify(options)}`,
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.make({ seed: 1 })
        const made = ControlledTransport.make(yield* network.transport("host-a"), options)
        const error = yield* Effect.flip(made)
        assert.strictEqual(error._tag, "ControlOptionsError")
        assert.include(error.message, said)
      })
    )
  }

  test(
    "is bounded: what does not fit changes nothing",
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ seed: 1 })
      const { control } = yield* ControlledTransport.make(yield* network.transport("host-a"), { blockedNames: 2 })
      yield* control.block(["x", "y"], { mode: "silent" })
      yield* control.block(["y", "x"], { mode: "reset" })
      const error = yield* Effect.flip(control.block(["y", "z"], { mode: "silent" }))
      assert.strictEqual(error.message, "3 names would be blocked: at most 2 may be")
      assert.deepStrictEqual(
        (yield* control.blocked).map(({ mode, name }) => [name, mode]),
        [
          ["y", "reset"],
          ["x", "reset"]
        ]
      )
    })
  )
})
