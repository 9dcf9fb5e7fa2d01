/** Links through the fault proxy, frames that show whether they are whole and in order, and a look at what is left behind. */
import { assert } from "@effect/vitest"
import * as FaultProxy from "@hyparview/testing/FaultProxy"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpMetrics from "@hyparview/transport-tcp/TcpMetrics"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import type { Link, LinkClosed, Transport } from "@hyparview/runtime/Transport"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { addressOf, alone, openSockets } from "./kit.ts"
import { member } from "./tlsKit.ts"

const someone = await Effect.runPromise(
  Effect.flatMap(Certificates.makeAuthority(), (authority) => member(authority, "someone"))
)

export const transports = [
  ["TCP", (options: TcpOptions) => TcpTransport.make(options)],
  ["TLS", (options: TcpOptions) => TlsTransport.make({ ...options, ...someone })]
] as const

export type Make = (typeof transports)[number][1]

/** The frame of this number: its size follows from it, and so does every byte. */
export const numbered = (number: number, bytes = 8 + ((number * 7_919) % 3_000)): Uint8Array => {
  const frame = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) frame[at] = (number >>> (8 * (at % 4))) + 31 * (at >>> 2)
  return frame
}

export const batch = (from: number, count: number, bytes?: number) =>
  Array.from({ length: count }, (_, index) => [numbered(from + index, bytes)])

/** These are the frames from this number on: each whole, none missing, none twice. */
export const assertNumbered = (frames: ReadonlyArray<Uint8Array>, from = 0, bytes?: number): void => {
  for (const [index, frame] of frames.entries()) {
    const expected = numbered(from + index, bytes)
    if (Buffer.compare(frame, expected) === 0) continue
    assert.fail(`frame ${from + index} of ${expected.length} bytes is another, of ${frame.length}`)
  }
}

/** What does not hang takes less than this, on a busy machine too. */
const boundMillis = 30_000

export const within = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.timeoutOrElse(effect, {
    duration: boundMillis,
    orElse: () => Effect.die(new Error(`not within ${boundMillis} ms: ${what}`))
  })

/** The next frames, at least this many. */
export const receive = (link: Link, count: number): Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed> =>
  within(
    `${count} frames`,
    Effect.gen(function* () {
      const received: Array<Uint8Array> = []
      while (received.length < count) received.push(...(yield* link.receive))
      return received
    })
  )

/** Everything until the end, and the end. */
export const drain = (link: Link) =>
  Effect.gen(function* () {
    const received: Array<Uint8Array> = []
    while (true) {
      const next = yield* Effect.result(link.receive)
      if (next._tag === "Failure") return { received, end: next.failure }
      received.push(...next.success)
    }
  })

export interface Ends {
  readonly near: Link
  readonly far: Link
  readonly connection: FaultProxy.Connection
}

/** A dialing transport and an accepting one, and a proxy in front of that. */
export const world = Effect.fnUntraced(function* (make: Make, options: TcpOptions = {}) {
  const near = yield* make({})
  const far = yield* make(options)
  const proxy = yield* FaultProxy.make({ to: addressOf(far.address) })
  const accepted = yield* Queue.unbounded<Link>()
  yield* far.accepted.pipe(
    Stream.runForEach((link) => Queue.offer(accepted, link)),
    Effect.forkScoped
  )
  /** A link over which a frame has gone either way: all handshakes are behind it. */
  const open = Effect.fnUntraced(function* (from: Transport["Service"], address: string) {
    const link = yield* within("a dial", from.dial(address))
    yield* link.send([[numbered(0, 1)]])
    const other = yield* within("a link is accepted", Queue.take(accepted))
    yield* receive(other, 1)
    yield* other.send([[numbered(0, 1)]])
    yield* receive(link, 1)
    return { near: link, far: other }
  })
  const through = Effect.gen(function* () {
    const number = proxy.accepted()
    const ends = yield* open(near, `${proxy.host}:${proxy.port}`)
    const connection = yield* proxy.connection(number)
    return { ...ends, connection } satisfies Ends
  })
  return { near, far, proxy, accepted, open, through, direct: open(near, far.address) }
})

class FiberCount implements Metric.FiberRuntimeMetricsService {
  alive = 0

  recordFiberStart(): void {
    this.alive++
  }

  recordFiberEnd(): void {
    this.alive--
  }
}

/** Runs it in a scope of its own, after which no socket, no slot and no fiber is left. */
export const leavesNothing = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const before = yield* openSockets
    const fibers = new FiberCount()
    const result = yield* Effect.scoped(effect).pipe(Effect.provideService(Metric.FiberRuntimeMetrics, fibers))
    assert.deepStrictEqual(yield* openSockets, before)
    assert.strictEqual((yield* Metric.value(TcpMetrics.links)).value, 0, "slots of links")
    assert.strictEqual((yield* Metric.value(TcpMetrics.handshakes)).value, 0, "slots of handshakes")
    assert.strictEqual(fibers.alive, 0, "fibers")
    return result
  }).pipe(alone)
