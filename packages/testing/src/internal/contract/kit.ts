/**
 * What the cases of the transport contract are written with: hosts on a fresh network, links between them, and waits that
 * end.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CloseReason, Link, LinkClosed, OutgoingFrame, Transport } from "@hyparview/runtime/Transport"

/** A case may fail with whatever its harness fails with: it is reported, not handled. */
export type Run<A = void> = Effect.Effect<A, unknown, Scope.Scope>

/**
 * The limits under which a case runs. Times are on the clock of the case.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly maxFrameBytes: number
  readonly receiveLimitBytes: number
  readonly dialTimeoutMillis: number
  readonly handshakeTimeoutMillis: number
  readonly closeTimeoutMillis: number
}

/** Small frames and buffers keep the cases quick; the times are long enough never to strike by chance. */
export const usualSettings: Settings = {
  maxFrameBytes: 64 * 1024,
  receiveLimitBytes: 128 * 1024,
  dialTimeoutMillis: 30_000,
  handshakeTimeoutMillis: 30_000,
  closeTimeoutMillis: 30_000
}

/**
 * The far end of a connection that does not keep to the protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawEnd {
  readonly write: (bytes: Uint8Array) => Run
  /** Closes in order. */
  readonly end: Run
  /** Closes at once. */
  readonly reset: Run
}

/**
 * How a case gets at connections below a transport: it is the far end of one itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawAccess {
  readonly connect: (to: Transport["Service"]) => Run<RawEnd>
  /** The bytes of a frame on the wire; `announcedBytes` is what the wire says its length is. */
  readonly encode: (frame: Uint8Array, announcedBytes: number) => Uint8Array
}

/** One network, and what it can do. */
export interface Kit {
  readonly settings: Settings
  readonly transport: Run<Transport["Service"]>
  readonly refusingAddress: Run<string>
  readonly invalidAddresses: ReadonlyArray<string>
  readonly stallBytes: number
}

/** What only some transports can show. */
export interface HangingKit extends Kit {
  readonly hangingAddress: Run<string>
}
export interface SilentKit extends Kit {
  readonly silentLink: (dialer: Transport["Service"]) => Run<Link>
}
export interface RawKit extends Kit {
  readonly raw: RawAccess
}

/** One sentence of the contract. */
export interface Case<K extends Kit> {
  readonly name: string
  readonly settings?: Partial<Settings>
  readonly run: (kit: K) => Run
}

/** What does not hang takes less than this, on a busy machine too, and far less than any time-out of `usualSettings`. */
const boundMillis = 10_000

/** The effect's outcome, within bounded time: what is late is a failure that says what it waited for. */
export const within = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.timeoutOrElse(effect, {
    duration: boundMillis,
    orElse: () => Effect.die(new Error(`not within ${boundMillis} ms: ${what}`))
  })

/** Long enough for anything under way on an idle network to arrive. */
export const settle: Effect.Effect<void> = Effect.sleep(100)

/** A transport, with the links that others open to it. */
export interface Host {
  readonly transport: Transport["Service"]
  readonly address: string
  readonly dial: (to: string) => Run<Link>
  readonly nextAccepted: Run<Link>
  /** Links accepted and not looked at yet. */
  readonly accepted: Queue.Queue<Link>
}

export const host = (kit: Kit): Run<Host> =>
  Effect.gen(function* () {
    const transport = yield* kit.transport
    const accepted = yield* Queue.unbounded<Link>()
    yield* transport.accepted.pipe(
      Stream.runForEach((link) => Queue.offer(accepted, link)),
      Effect.forkScoped({ startImmediately: true })
    )
    return {
      transport,
      address: transport.address,
      dial: (to) => within(`a dial to ${to}`, transport.dial(to)),
      nextAccepted: within("a link is accepted", Queue.take(accepted)),
      accepted
    }
  })

/** The next link that others open, by a consumer that takes no more. */
export const firstAccepted = (transport: Transport["Service"]) =>
  Effect.flatMap(Stream.runHead(transport.accepted), Effect.fromOption)

/**
 * The same transports, used as the runtime uses them: `trySend` where a link has it, and `send` where that takes nothing; and
 * `tryReceive` in place of `receive`.
 */
export const withoutFibers = (kit: Kit): Kit => {
  const eager = (link: Link): Link => {
    const calls = { sending: false }
    const trySend = (frames: ReadonlyArray<OutgoingFrame>): boolean => {
      calls.sending = true
      const taken = link.trySend?.(frames) === true
      calls.sending = false
      return taken
    }
    return {
      remoteAddress: link.remoteAddress,
      authenticatedId: link.authenticatedId,
      receive: receiveByTry(link, calls),
      close: (mode) => link.close(mode),
      closed: link.closed,
      get bytes() {
        return link.bytes
      },
      send: (frames) => Effect.suspend(() => (trySend(frames) ? Effect.void : link.send(frames)))
    }
  }
  return {
    ...kit,
    transport: Effect.map(kit.transport, (transport) => ({
      address: transport.address,
      maxFrameBytes: transport.maxFrameBytes,
      dial: (address) => Effect.map(transport.dial(address), eager),
      accepted: Stream.map(transport.accepted, eager)
    }))
  }
}

/**
 * `receive`, made of `tryReceive` where there is one. A link must wake who was told of nothing, once, and not for nothing, nor from
 * within a `trySend`.
 */
export const receiveByTry = (
  link: Link,
  calls: { readonly sending: boolean } = { sending: false }
): Link["receive"] => {
  const { tryReceive } = link
  if (tryReceive === undefined) return link.receive
  let reader: (() => void) | undefined
  let wakes: "none" | "one" | "twice" | "from within trySend" | undefined
  const wake = () => {
    wakes = calls.sending ? "from within trySend" : wakes === "none" ? "one" : "twice"
    reader?.()
  }
  return Effect.callback((resume) => {
    const look = (): void => {
      // Whoever waited before was interrupted, and is to be called still.
      if (wakes === "none") return
      const received = tryReceive.call(link, wake)
      const fault = wakes === "one" ? (received === undefined ? "for nothing" : undefined) : wakes
      if (fault !== undefined) return resume(Effect.die(new Error(`tryReceive wakes ${fault}`)))
      wakes = received === undefined ? "none" : undefined
      if (received !== undefined) {
        resume(Predicate.isTagged(received, "LinkClosed") ? Effect.fail(received) : Effect.succeed(received))
      }
    }
    reader = look
    look()
    return Effect.sync(() => {
      reader = undefined
    })
  })
}

/** Each case by fibers, and without. */
export const bothWays = (cases: ReadonlyArray<Case<Kit>>): ReadonlyArray<Case<Kit>> => [
  ...cases,
  ...cases.map((one) => ({
    ...one,
    name: `without fibers: ${one.name}`,
    run: (kit: Kit) => one.run(withoutFibers(kit))
  }))
]

/** The two ends of a link. */
export interface Ends {
  readonly near: Link
  readonly far: Link
}

export const connect = (from: Host, to: Host): Run<Ends> =>
  Effect.gen(function* () {
    const near = yield* from.dial(to.address)
    return { near, far: yield* to.nextAccepted }
  })

/** Two hosts and a link from the first to the second. */
export const pair = (kit: Kit): Run<Ends & { readonly a: Host; readonly b: Host }> =>
  Effect.gen(function* () {
    const a = yield* host(kit)
    const b = yield* host(kit)
    return { a, b, ...(yield* connect(a, b)) }
  })

/** A frame of this many bytes, different for each number. */
export const frame = (number: number, bytes = 4): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => (number >>> (8 * (at % 4))) + Math.floor(at / 4) * 31)

export const frames = (count: number, bytes = 4): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, number) => frame(number, bytes))

/** As `send` takes them: each frame one chunk. */
export const outgoing = (list: ReadonlyArray<Uint8Array>): ReadonlyArray<ReadonlyArray<Uint8Array>> =>
  list.map((one) => [one])

/** The next frames, exactly this many. */
export const receive = (link: Link, count: number): Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed> =>
  within(
    `${count} frames are received`,
    Effect.gen(function* () {
      const received: Array<Uint8Array> = []
      while (received.length < count) {
        const batch = yield* link.receive
        assert.isNotEmpty(batch, "receive gives at least one frame")
        received.push(...batch)
      }
      assert.strictEqual(received.length, count, "frames received")
      return received
    })
  )

/** Everything until the end of the link, and the end. */
export const receiveAll = (
  link: Link
): Effect.Effect<{ readonly received: ReadonlyArray<Uint8Array>; readonly end: LinkClosed }> =>
  within(
    "the link ends",
    Effect.gen(function* () {
      const received: Array<Uint8Array> = []
      while (true) {
        const next = yield* Effect.result(link.receive)
        if (next._tag === "Failure") return { received, end: next.failure }
        received.push(...next.success)
      }
    })
  )

/** Sends while the far end receives, so that neither waits for the other. */
export const carry = (
  from: Link,
  to: Link,
  list: ReadonlyArray<Uint8Array>
): Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed> =>
  Effect.map(
    Effect.all([from.send(outgoing(list)), receive(to, list.length)], { concurrency: 2 }),
    ([, received]) => received
  )

/** A link that carries frames both ways. */
export const assertWorks = ({ far, near }: Ends): Effect.Effect<void, LinkClosed> =>
  Effect.gen(function* () {
    assertFrames(yield* carry(near, far, frames(3)), frames(3))
    assertFrames(yield* carry(far, near, frames(2, 9)), frames(2, 9))
  })

/**
 * Equal, or else where the first difference is. Not the frames: to compare two that share nothing, of tens of kilobytes, byte
 * by byte for a report takes a test runner minutes.
 */
export const assertFrames = (actual: ReadonlyArray<Uint8Array>, expected: ReadonlyArray<Uint8Array>): void => {
  assert.strictEqual(actual.length, expected.length, "number of frames")
  for (const [index, wanted] of expected.entries()) {
    const got = actual[index] ?? new Uint8Array(0)
    const what = `frame ${index} of ${expected.length}`
    assert.strictEqual(got.length, wanted.length, `the length of ${what}`)
    const at = wanted.findIndex((byte, at) => byte !== got[at])
    if (at !== -1) assert.strictEqual(got[at], wanted[at], `byte ${at} of ${wanted.length}, ${what}`)
  }
}

/** What an operation fails with; that it succeeds, or does neither, fails the case. */
export const failure = (what: string, effect: Effect.Effect<unknown, LinkClosed>): Effect.Effect<LinkClosed> =>
  within(
    what,
    Effect.matchEffect(effect, {
      onFailure: Effect.succeed,
      onSuccess: () => Effect.die(new Error(`should have failed: ${what}`))
    })
  )

/** The link ends, for one of these reasons, and `send` says so too; `trySend` takes nothing. */
export const assertEnds = (
  link: Link,
  ...reasons: readonly [CloseReason, ...ReadonlyArray<CloseReason>]
): Effect.Effect<LinkClosed> =>
  Effect.gen(function* () {
    const end = yield* within("the link ends", link.closed)
    assert.include(reasons, end.reason)
    const unsent = yield* failure("send on a link that has ended", link.send([[frame(1)]]))
    assert.strictEqual(unsent.reason, end.reason)
    assert.isNotTrue(link.trySend?.([[frame(1)]]), "trySend takes a frame on a link that has ended")
    return end
  })
