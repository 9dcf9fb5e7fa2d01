/**
 * The links of a controlled transport, and what a block does to them. A link knows at any time whether it is blocked, so
 * that a frame on a link that is not costs no look-up: blocks are looked at when they change, and when a link opens or
 * learns who its far end is.
 */
import { Wire } from "@hyparview/core"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { DialError, type Link, LinkClosed, type OutgoingFrame, type Transport } from "../Transport.ts"

/**
 * How a peer is blocked.
 *
 * - `silent`: frames vanish, and so does the news that the far end has closed a link; dials get no answer, and fail when
 *   their time-out is over. A link from which a frame has vanished is reset when the block ends: a link has no gaps.
 * - `reset`: links are broken at once, and dials refused.
 *
 * `direction` says what suffers. Silent: what the peer sends (`inbound`), what is sent to it (`outbound`; dials too), or
 * both. Reset: the links that the peer has opened and will open (`inbound`), those that this node has and will
 * (`outbound`), or both.
 *
 * @category models
 * @since 0.1.0
 */
export interface How {
  readonly mode: "silent" | "reset"
  /** Default `both`. */
  readonly direction?: "both" | "inbound" | "outbound" | undefined
}

/**
 * A peer that is blocked, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block {
  /** An address or an id. */
  readonly name: string
  readonly mode: How["mode"]
  readonly direction: NonNullable<How["direction"]>
}

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const framesVanished = counter("hyparview_blocked_frames", "frames that vanished because their peer is blocked")
const dialsBlocked = counter("hyparview_blocked_dials", "dials that failed because the peer is blocked")
const linksBroken = counter("hyparview_blocked_links", "links broken by a block, or by its end after frames vanished")

type Blocks = ReadonlyMap<string, Block>

/** What the blocks say about somebody of these names. Of several the worst holds. */
const judge = (blocks: Blocks, names: Iterable<string>, dialled: boolean) => {
  let inbound = false
  let outbound = false
  let reset = false
  for (const name of names) {
    const block = blocks.get(name)
    if (block === undefined) continue
    if (block.mode === "silent") {
      inbound ||= block.direction !== "outbound"
      outbound ||= block.direction !== "inbound"
    } else reset ||= block.direction !== (dialled ? "inbound" : "outbound")
  }
  return { inbound, outbound, reset }
}

export interface Controlled {
  readonly transport: Transport["Service"]
  readonly blocks: () => Blocks
  readonly replace: (blocks: Blocks) => Effect.Effect<void>
}

export const makeControlled = (
  inner: Transport["Service"],
  dialTimeoutMillis: number,
  context: Context.Context<never>
): Controlled => {
  let blocks: Blocks = new Map()
  const links = new Set<ControlledLink>()
  const gate: Gate = {
    blocks: () => blocks,
    vanished: (frames) => framesVanished.updateUnsafe(frames, context),
    broken: () => linksBroken.updateUnsafe(1, context),
    forget: (link) => links.delete(link)
  }

  const open = (link: Link, address: string | undefined): ControlledLink => {
    const controlled = new ControlledLink(gate, link, address)
    links.add(controlled)
    return controlled
  }

  const blocked = (address: string, reason: "refused" | "timeout") => {
    dialsBlocked.updateUnsafe(1, context)
    return new DialError({ address, reason, detail: "the peer is blocked" })
  }

  const dial: Transport["Service"]["dial"] = (address) =>
    Effect.suspend(() => {
      const { outbound, reset } = judge(blocks, [address], true)
      if (reset) return Effect.fail(blocked(address, "refused"))
      if (outbound) {
        return Effect.andThen(
          Effect.sleep(dialTimeoutMillis),
          Effect.suspend(() => Effect.fail(blocked(address, "timeout")))
        )
      }
      return Effect.flatMap(inner.dial(address), (link) => {
        const controlled = open(link, address)
        return Effect.addFinalizer(() => Effect.sync(() => links.delete(controlled))).pipe(
          // It may have been blocked while the dial was under way.
          Effect.andThen(controlled.look),
          Effect.andThen(
            Effect.suspend(() =>
              controlled.isBroken ? Effect.fail(blocked(address, "refused")) : Effect.succeed(controlled)
            )
          )
        )
      })
    })

  return {
    transport: {
      address: inner.address,
      maxFrameBytes: inner.maxFrameBytes,
      dial,
      accepted: Stream.mapEffect(inner.accepted, (link) => {
        const controlled = open(link, undefined)
        return Effect.as(controlled.look, controlled)
      })
    },
    blocks: () => blocks,
    replace: (after) =>
      Effect.suspend(() => {
        blocks = after
        return Effect.forEach(links, (link) => link.look, { discard: true })
      })
  }
}

/** What a link asks of the transport that it belongs to. */
interface Gate {
  readonly blocks: () => Blocks
  readonly vanished: (frames: number) => void
  readonly broken: () => void
  readonly forget: (link: ControlledLink) => void
}

class ControlledLink implements Link {
  /** A block has broken it: whatever ends it, the node sees a reset. */
  isBroken = false
  readonly receive: Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed>
  readonly closed: Effect.Effect<LinkClosed>
  readonly #gate: Gate
  readonly #inner: Link
  readonly #dialled: boolean
  readonly #names: Set<string>
  /** The first frame has told who the far end is, or that it will not. */
  #isNamed = false
  /** Whether frames vanish. */
  #inbound = false
  #outbound = false
  /** Some have vanished already. */
  #hasGap = false
  /** This end has closed it: nothing of the far end is hidden from it any more. */
  #isClosed = false
  /** Open unless what the far end does is hidden. */
  readonly #visible = Latch.makeUnsafe(true)

  constructor(gate: Gate, inner: Link, address: string | undefined) {
    this.#gate = gate
    this.#inner = inner
    this.#dialled = address !== undefined
    this.#names = new Set([address, inner.authenticatedId].filter((name) => name !== undefined))
    this.receive = Effect.matchEffect(inner.receive, {
      onSuccess: (frames) => (this.#isNamed ? this.#pass(frames) : this.#name(frames)),
      onFailure: (closed) => Effect.flatMap(this.#surface(closed), Effect.fail)
    })
    this.closed = Effect.flatMap(inner.closed, (closed) => this.#surface(closed))
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress
  }

  get authenticatedId(): string | undefined {
    return this.#inner.authenticatedId
  }

  get bytes(): Link["bytes"] {
    return this.#inner.bytes
  }

  send(frames: ReadonlyArray<OutgoingFrame>): Effect.Effect<void, LinkClosed> {
    return Effect.suspend(() => {
      if (this.isBroken) return Effect.fail(broken())
      if (this.#outbound) return this.#vanish(frames.length)
      return Effect.catch(this.#inner.send(frames), (closed) => {
        if (this.isBroken) return Effect.fail(broken())
        // That the far end has closed the link is hidden, and so is that it takes nothing any more.
        return this.#inbound && closed.reason !== "local" ? this.#vanish(frames.length) : Effect.fail(closed)
      })
    })
  }

  trySend(frames: ReadonlyArray<OutgoingFrame>): boolean {
    return !this.isBroken && !this.#outbound && this.#inner.trySend?.(frames) === true
  }

  close(mode: "flush" | "abort"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#gate.forget(this)
      this.#isClosed = true
      this.#visible.openUnsafe()
      return this.#inner.close(mode)
    })
  }

  /** Looks at the blocks, and does what they say. */
  readonly look: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isBroken || this.#isClosed) return Effect.void
    const { inbound, outbound, reset } = judge(this.#gate.blocks(), this.#names, this.#dialled)
    const mends = (this.#inbound && !inbound) || (this.#outbound && !outbound)
    this.#inbound = inbound
    this.#outbound = outbound
    if (!reset && !(mends && this.#hasGap)) {
      if (inbound) this.#visible.closeUnsafe()
      else this.#visible.openUnsafe()
      return Effect.void
    }
    this.isBroken = true
    this.#visible.openUnsafe()
    this.#gate.broken()
    this.#gate.forget(this)
    return this.#inner.close("abort")
  })

  /** The first frame is a Hello: it says who the far end is. One that is none is the affair of those above. */
  #name(frames: ReadonlyArray<Uint8Array>): Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed> {
    this.#isNamed = true
    const [first] = frames
    const control = first === undefined ? undefined : Wire.decodeControl(first)
    if (control === undefined || Result.isFailure(control) || control.success._tag !== "Hello") {
      return this.#pass(frames)
    }
    const { address, id } = control.success.peer
    this.#names.add(id).add(address)
    return Effect.andThen(
      this.look,
      Effect.suspend(() => this.#pass(frames))
    )
  }

  #pass(frames: ReadonlyArray<Uint8Array>): Effect.Effect<ReadonlyArray<Uint8Array>, LinkClosed> {
    if (this.isBroken) return Effect.fail(broken())
    if (!this.#inbound) return Effect.succeed(frames)
    return Effect.andThen(this.#vanish(frames.length), this.receive)
  }

  #vanish(frames: number): Effect.Effect<void> {
    this.#hasGap = true
    this.#gate.vanished(frames)
    return Effect.void
  }

  /** How the end of the link below looks from above, and when. */
  #surface(closed: LinkClosed): Effect.Effect<LinkClosed> {
    return Effect.suspend(() => {
      if (this.isBroken) return Effect.succeed(broken())
      if (this.#isClosed && this.#inbound) return Effect.succeed(new LinkClosed({ reason: "local", detail: "" }))
      if (!this.#inbound || closed.reason === "local") {
        this.#gate.forget(this)
        return Effect.succeed(closed)
      }
      this.#hasGap = true
      return Effect.andThen(
        this.#visible.await,
        Effect.suspend(() => this.#surface(closed))
      )
    })
  }
}

const broken = () => new LinkClosed({ reason: "reset", detail: "blocked" })
