/**
 * What these tests share: hosts that take every link offered to them, and links between them.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { DialError, Link, LinkClosed, Transport, TransportError } from "@hyparview/runtime/Transport"
import type { MemoryNetwork } from "@hyparview/transport-memory/MemoryNetwork"

export type Network = MemoryNetwork["Service"]

/** A transport whose accepted links are taken at once, into a queue. */
export interface Host {
  readonly transport: Transport["Service"]
  readonly links: Queue.Queue<Link>
}

export const host = (network: Network, address: string): Effect.Effect<Host, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* network.transport(address)
    const links = yield* Queue.unbounded<Link>()
    yield* transport.accepted.pipe(
      Stream.runForEach((link) => Queue.offer(links, link)),
      Effect.forkScoped
    )
    return { transport, links }
  })

/** A link from one host to another: the dialler's end and the accepter's. Lets `wait` pass, 2 ms by default. */
export const connect = (
  from: Host,
  to: Host,
  wait: "2 millis" | "1 second" = "2 millis"
): Effect.Effect<readonly [Link, Link], DialError, Scope.Scope> =>
  Effect.gen(function* () {
    const dialling = yield* Effect.forkChild(from.transport.dial(to.transport.address), { startImmediately: true })
    yield* TestClock.adjust(wait)
    const near = yield* Fiber.join(dialling)
    const far = yield* Queue.take(to.links)
    return [near, far] as const
  })

/** A frame of one chunk that is its text. */
export const frame = (text: string): ReadonlyArray<Uint8Array> => [new TextEncoder().encode(text)]

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What a reader of a link has seen so far, and how the link ended. */
export interface Seen {
  readonly frames: Array<string>
  readonly batches: Array<number>
  end: LinkClosed | undefined
}

/** Reads a link to its end, in a fiber of the test's scope. */
export const read = (link: Link): Effect.Effect<Seen, never, Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Seen = { frames: [], batches: [], end: undefined }
    yield* link.receive.pipe(
      Effect.tap((frames) =>
        Effect.sync(() => {
          seen.batches.push(frames.length)
          seen.frames.push(...frames.map(text))
        })
      ),
      Effect.forever,
      Effect.catch((end) =>
        Effect.sync(() => {
          seen.end = end
        })
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    return seen
  })

/** Starts an effect that may wait; the fiber tells by `pollUnsafe` whether it still does. */
export const start = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.Fiber<A, E>, never, R> =>
  Effect.forkChild(effect, { startImmediately: true })

export const reasonOf = <A, E extends { readonly reason: string }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<string, A, R> => Effect.map(Effect.flip(effect), (error) => error.reason)
