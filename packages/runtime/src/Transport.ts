/**
 * The transport: what the runtime knows of a network. A transport knows links and frames, not protocols; whatever
 * frames say is decided above it, whatever carries them below.
 *
 * A **link** is one connection between two nodes. It delivers frames in order, at most once, without gaps, until it
 * closes; the close reaches both ends, or heartbeats (above) find it. Loss means that the link breaks. A **frame** is a
 * run of bytes up to `maxFrameBytes`; how its length travels is the transport's affair.
 *
 * Implementations are Layers: `@hyparview/transport-memory` (an in-process network with faults, on Effect's Clock) and
 * `@hyparview/transport-tcp`. A third-party transport that passes the contract suite of `@hyparview/testing` is a full
 * replacement.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * Why a link closed, as far as its transport can tell:
 *
 * - `closed`: the far end closed it in an orderly way; everything it sent before was received
 * - `reset`: it broke (connection reset, network gone, process killed); frames under way may be lost
 * - `local`: this end closed it
 * - `frameTooLarge`: the far end announced a frame above `maxFrameBytes`, or an empty one
 * - `handshakeTimeout`: accepted, but no first frame arrived within the transport's limit
 *
 * @category models
 * @since 0.1.0
 */
export type CloseReason = "closed" | "reset" | "local" | "frameTooLarge" | "handshakeTimeout"

/**
 * The link is closed. Frames handed to `send` before may or may not have arrived; nothing else is affected.
 *
 * @category errors
 * @since 0.1.0
 */
export class LinkClosed extends Data.TaggedError("LinkClosed")<{
  readonly reason: CloseReason
  readonly detail: string
}> {
  constructor(closed: { readonly reason: CloseReason; readonly detail: string }) {
    // Links close all the time, and where in the code one did says nothing: no stack trace, which is most of the cost.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(closed)
    Error.stackTraceLimit = stackTraceLimit
  }

  override get message(): string {
    return this.detail === "" ? `link closed: ${this.reason}` : `link closed: ${this.reason} (${this.detail})`
  }
}

/**
 * Why a dial failed:
 *
 * - `refused`: nobody listens there, or the far end refused at once
 * - `timeout`: no answer within the transport's dial time-out
 * - `unreachable`: no route, name not found, network down
 * - `invalidAddress`: the address is not of the transport's form
 * - `limit`: this end has reached its own limit of links, or has no descriptor, local port or memory for one
 * - `closed`: the transport itself has been shut down
 * - `untrusted`: somebody listens there, but has not proved to be of this cluster
 *
 * @category models
 * @since 0.1.0
 */
export type DialFailure = "refused" | "timeout" | "unreachable" | "invalidAddress" | "limit" | "closed" | "untrusted"

/**
 * A dial failed. No link exists; nothing else is affected.
 *
 * @category errors
 * @since 0.1.0
 */
export class DialError extends Data.TaggedError("DialError")<{
  readonly address: string
  readonly reason: DialFailure
  readonly detail: string
}> {
  override get message(): string {
    return `cannot dial ${this.address}: ${this.reason}${this.detail === "" ? "" : ` (${this.detail})`}`
  }
}

/**
 * The transport could not start: the port is in use, or the host does not exist. Options that make no sense are errors of
 * the transport's own (`TcpConfigError` and `CertificateError` of TCP and TLS, `InvalidOptions` of the memory network).
 *
 * @category errors
 * @since 0.1.0
 */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly address: string
  readonly detail: string
}> {
  override get message(): string {
    return `cannot listen on ${this.address}: ${this.detail}`
  }
}

/**
 * One frame on its way out: chunks whose concatenation is the frame. A broadcast payload is encoded once and stands as
 * the same chunk in the frames of every neighbour. Neither the chunks nor their bytes may change after `send`.
 *
 * @category models
 * @since 0.1.0
 */
export type OutgoingFrame = ReadonlyArray<Uint8Array>

/**
 * One connection to another node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /** The far end as the transport sees it, for logs. Not an identity, and for an accepted link not dialable. */
  readonly remoteAddress: string

  /** The id that the transport itself has proved (the owner of a certificate); undefined where it proves none. */
  readonly authenticatedId: string | undefined

  /**
   * Sends frames in order, all in one flush. Waits while the far end does not drain (backpressure); resolves once the
   * transport has taken the frames. Fails with `LinkClosed` as soon as the link ends, also while waiting. Called by one
   * fiber at a time. An interrupted `send` leaves the link unusable: close it. A frame that is empty or too large for the
   * far end is taken like any other: the far end then closes the link as `frameTooLarge`.
   */
  readonly send: (frames: ReadonlyArray<OutgoingFrame>) => Effect.Effect<void, LinkClosed>

  /**
   * What `send` does, where it need not wait and cannot fail: takes the frames and says true, at once, or takes none and
   * says false; then `send` will wait, or say what is wrong. A transport that has it spares the runtime a fiber for each
   * batch. Never called while a `send` is under way.
   */
  readonly trySend?: ((frames: ReadonlyArray<OutgoingFrame>) => boolean) | undefined

  /**
   * The next frames, at least one, as many as have arrived. Not calling it is how a reader slows the far end down: a
   * transport buffers no more than its receive limit. Frames that arrived before an orderly close are still delivered;
   * then it fails with `LinkClosed`. Called by one fiber at a time. The bytes belong to the caller.
   */
  readonly receive: Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed>

  /**
   * What `receive` does, where it need not wait: the frames that have arrived, or how the link has ended. Where it would wait, it
   * says undefined, and `wake` is called once, as soon as it would not any more; never from within `send`, `trySend` or `tryReceive`
   * of this link, but `close` may call it. A transport that has it spares the runtime a fiber that is put to sleep and woken for each
   * batch. Called by one reader at a time, not while a `receive` is under way, and after undefined not before `wake` was called.
   */
  readonly tryReceive?: ((wake: () => void) => ReadonlyArray<Uint8Array> | LinkClosed | undefined) | undefined

  /**
   * Ends the link. `flush` sends what `send` has taken, then closes in an orderly way (the far end sees `closed`), and
   * gives up after the transport's close time-out; `abort` drops it at once (the far end sees `reset`). Idempotent;
   * never fails.
   */
  readonly close: (mode: "flush" | "abort") => Effect.Effect<void>

  /**
   * Waits for the end of the link, and says why. Any number of fibers may wait. While the receive limit is reached, the
   * far end's close may go unnoticed until `receive` makes room.
   */
  readonly closed: Effect.Effect<LinkClosed>

  /** Bytes moved so far, length prefixes included. Counters only ever grow. */
  readonly bytes: { readonly received: number; readonly sent: number }
}

/**
 * A network as the runtime sees it.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /**
     * Where others can dial this node: bound already, so that port 0 has become a real port. At most 255 bytes of UTF-8,
     * since nodes tell each other.
     */
    readonly address: string

    /**
     * The largest frame that `send` may carry, in bytes; larger ones from the far end close the link. The same on all nodes
     * of a cluster.
     */
    readonly maxFrameBytes: number

    /**
     * Opens a link to an address. The link belongs to the scope: closing the scope aborts a link that is still open.
     * Interrupting a dial under way abandons it and leaks nothing. A node gives a dial up after its own
     * `handshakeTimeout`, however long the transport would wait.
     */
    readonly dial: (address: string) => Effect.Effect<Link, DialError, Scope.Scope>

    /**
     * The links that others open to this node. One consumer at a time, for a transport belongs to one node: another one
     * dies and says so, and the first goes on. A consumer that goes takes no link with it that it has not been given;
     * those that wait are the next one's. A link lives until either end closes it or the transport's own scope ends.
     * Links that nobody takes count against the transport's limits, so an idle consumer cannot exhaust the process.
     */
    readonly accepted: Stream.Stream<Link>
  }
>()("@hyparview/runtime/Transport") {}

/**
 * The `accepted` of a transport, made of the effect that takes the next link: links are given one by one, and a second
 * consumer dies while there is a first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acceptedFrom = (next: Effect.Effect<Link, Cause.Done>): Stream.Stream<Link> => {
  let isTaken = false
  const take = Effect.suspend(() => {
    if (isTaken) {
      return Effect.die(
        new Error(
          "a transport belongs to one node, and another node has this one already: give each its own (a layer that two nodes share is built once; `Layer.fresh` builds it anew)"
        )
      )
    }
    isTaken = true
    return Effect.void
  })
  const leave = Effect.sync(() => {
    isTaken = false
  })
  const pull = Effect.map(next, (link) => [link] as const)
  return Stream.unwrap(
    Effect.as(
      Effect.acquireRelease(take, () => leave),
      Stream.fromPull(Effect.succeed(pull))
    )
  )
}
