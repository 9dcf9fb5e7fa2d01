/**
 * The node's links: dialled, accepted, kept, and let go. This is the part of the driver contract (`Driver.ts` of
 * `@hyparview/core`) that is about links; what to send, and to whom, is decided there. One link with each peer is in use; where
 * there is a second (`peerLinks.ts`), it is read as well, closes when it has been idle, and nothing is reported of it.
 */
import { HyParView, Node, type Peer, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { DialError, Link, LinkClosed, OutgoingFrame, Transport } from "../Transport.ts"
import {
  abort,
  bytesOf,
  type Connection,
  enqueue,
  finish,
  flush,
  type Lane,
  makeConnection,
  takeQueued
} from "./connection.ts"
import { makeDeadlines } from "./deadlines.ts"
import { causeOfDial, causeOfEnding, endedBy, type Ending, type Farewell, isFarewell, isFault } from "./ending.ts"
import { dialCauseOf, hello, type Ourselves, readHello, type Refused, turnAway } from "./handshake.ts"
import type { Meter } from "./metrics.ts"
import { makePeerLinks } from "./peerLinks.ts"
import type { Run } from "./run.ts"
import type { Settings } from "./settings.ts"

type Report =
  | { readonly _tag: "SendFailed"; readonly to: Peer.Peer; readonly cause: HyParView.DialCause }
  | { readonly _tag: "LinkClosed"; readonly peer: Peer.Peer; readonly cause: HyParView.LinkCause }
  | { readonly _tag: "LinkOpened"; readonly address: string; readonly peer: Peer.Peer }
  | { readonly _tag: "DialFailed"; readonly address: string; readonly cause: HyParView.DialCause }
  | { readonly _tag: "EpochConflict"; readonly epoch: number }

/** What the links ask of the driver. */
export interface Host {
  readonly now: () => number
  readonly state: () => Node.State
  readonly report: (report: Report) => void
  readonly receive: (from: Peer.Peer, messages: ReadonlyArray<Node.Message>) => void
  /** How many messages the node can look at; readers pause while there is no room, and so slow their senders down. */
  readonly room: () => number
  readonly awaitRoom: Effect.Effect<void>
  /** Something is queued for a peer: have it flushed soon. */
  readonly flushSoon: () => void
  /** A link that may be temporary is open: look after idle ones in a while. */
  readonly watchIdle: () => void
  /** Have `expire` called at this time, in milliseconds. */
  readonly watchHandshakes: (at: number) => void
  /** Something queued for a peer has been sent: there is room again. */
  readonly onSent: () => void
  /** A link has ended altogether. */
  readonly onEnd: () => void
}

/** What was handed to links since the start. */
export interface Traffic {
  readonly payloadFrames: number
  readonly payloadBytes: number
  readonly controlFrames: number
  readonly controlBytes: number
}

/** A dial to a known peer, and what waits for it. */
interface Dialing {
  readonly peer: Peer.Peer
  readonly waiting: Array<Node.Message>
}

/** A dial, until both ends have said Hello. */
interface Greeting {
  fiber: Fiber.Fiber<void> | undefined
}

/** Why no conversation came about, in the words of the transport, of the far end, or of ours. */
interface Why {
  readonly reason: string
  readonly detail: string
}

/** How often the log says that strangers are turned away since there are too many links. */
const limitSaidMillis = 60_000

export interface Links {
  readonly send: (to: Peer.Peer, message: Node.Message) => void
  readonly dial: (address: string) => void
  /** Sends what has been queued since the last time: one flush for each link, however many messages. */
  readonly flush: (now: number) => void
  readonly close: (peer: Peer.Peer) => void
  /** Closes every link after what was sent over it. */
  readonly closeAll: (reason: Wire.ByeReason) => void
  /** Closes temporary links that have been idle; true while there are temporary ones left. */
  readonly closeIdle: () => boolean
  /** Ends the handshakes and goodbyes whose time is up. */
  readonly expire: () => void
  readonly accept: (link: Link) => void
  readonly statistics: () => { readonly links: number; readonly outboxBytes: number }
  /** Bytes that wait for the one of these peers for whom least wait; 0 for nobody. */
  readonly leastWaitingBytes: (peers: ReadonlyArray<{ readonly id: string }>) => number
  readonly traffic: () => Traffic
  /** Whether there is an open link with a peer. */
  readonly isOpen: (id: string) => boolean
  /** Whether every link has ended, those being flushed included. */
  readonly allEnded: () => boolean
}

export const makeLinks = (
  settings: Settings,
  transport: Transport["Service"],
  run: Run,
  meter: Meter,
  host: Host
): Links => {
  const dialing = new Map<string, Dialing>()
  /** Dials that have not been greeted. */
  const greeting = new Set<Greeting>()
  /** Every link that has not ended, those included to which goodbye was said. */
  const alive = new Set<Connection>()
  const unflushed = new Set<Connection>()
  const traffic = { payloadFrames: 0, payloadBytes: 0, controlFrames: 0, controlBytes: 0 }
  let handshakes = 0
  const largestFrame = Math.min(settings.outboxBytes, transport.maxFrameBytes)
  let saidTooLarge = false
  let saidLimitAt = -limitSaidMillis

  const ourselves = (): Ourselves => {
    const { membership } = host.state()
    return {
      cluster: settings.cluster,
      self: membership.self,
      knownEpoch: (id) => HyParView.knownEpoch(membership, id)
    }
  }

  const { expire, within } = makeDeadlines(settings.handshakeMillis, host.now, host.watchHandshakes)

  const connections = makePeerLinks({
    selfId: settings.id,
    now: host.now,
    handshakeMillis: settings.handshakeMillis,
    run,
    move: (from, to) => {
      const { broadcast, membership } = takeQueued(from)
      for (const frame of membership) queue(to, frame, bytesOf(frame), "membership")
      for (const frame of broadcast) queue(to, frame, bytesOf(frame), "broadcast")
    },
    onOver: ({ peer }) => host.report({ _tag: "LinkClosed", peer, cause: "reset" })
  })

  // --- sending -------------------------------------------------------------------------------------------------------

  const send = (to: Peer.Peer, message: Node.Message): void => {
    const connection = connections.get(to.id)
    if (connection !== undefined) {
      // A later incarnation answers in place of the one that is meant; what is about an old link is stale by its name.
      if (connection.peer.epoch >= to.epoch) return sendOver(connection, message)
      drop(connection, "superseded", "a later incarnation of this peer is known")
    }
    const under = dialing.get(to.id)
    if (under === undefined) return dialPeer(to, message)
    // Bounded by what the core asks at most before it hears of the dial: one request, a reply and a shuffle or two.
    under.waiting.push(message)
  }

  const sendOver = (connection: Connection, message: Node.Message): void => {
    const encoded = Wire.encode(message, { local: host.state().membership.self, remote: connection.peer })
    if (Result.isFailure(encoded)) {
      meter.count("messagesStale")
      if (encoded.failure.reason !== "stale") run(Effect.logError("a message that no frame can hold", encoded.failure))
      return
    }
    const frame = encoded.success
    const bytes = bytesOf(frame)
    if (bytes > largestFrame) return refuseFrame(connection, bytes)
    queue(connection, frame, bytes, laneOf(message))
    if (hasPayload(message)) {
      traffic.payloadFrames++
      traffic.payloadBytes += bytes
    } else {
      traffic.controlFrames++
      traffic.controlBytes += bytes
    }
    meter.count("messagesSent")
    if (connection.queuedBytes > settings.outboxBytes) relieve(connection)
  }

  /** More is queued than may be. What the link takes at once was not waiting for the peer, but for the end of the turn. */
  const relieve = (connection: Connection): void => {
    flush(connection, run)
    if (connection.queuedBytes > settings.outboxBytes) expel(connection)
  }

  const queue = (connection: Connection, frame: OutgoingFrame, bytes: number, lane: Lane): void => {
    enqueue(connection, frame, bytes, lane)
    if (unflushed.size === 0) host.flushSoon()
    unflushed.add(connection)
  }

  /** What came from a node with larger limits. The peer is not at fault, and would be sent it again if it came back. */
  const refuseFrame = (connection: Connection, bytes: number): void => {
    meter.count("framesTooLarge")
    if (saidTooLarge) return
    saidTooLarge = true
    const limits = { outboxBytes: settings.outboxBytes, maxFrameBytes: transport.maxFrameBytes }
    run(
      Effect.logWarning(
        "a message is larger than the outbox or the transport's frames, and is not sent: nodes have different limits. Logged once",
        { peer: connection.peer.id, bytes, ...limits }
      )
    )
  }

  /** The peer does not drain its link. Nobody else is affected; the core treats it as failed. */
  const expel = (connection: Connection): void => {
    meter.count("slowPeersExpelled")
    const { peer, queuedBytes } = connection
    const { outboxBytes } = settings
    run(
      Effect.logWarning("a peer does not read what it is sent: its link is closed", {
        peer: peer.id,
        queuedBytes,
        outboxBytes
      })
    )
    connections.forget(connection)
    abort(connection, run)
    connections.abortSpare(peer.id)
    host.report({ _tag: "LinkClosed", peer, cause: "slow" })
  }

  // --- dialling ------------------------------------------------------------------------------------------------------

  const dialPeer = (peer: Peer.Peer, first: Node.Message): void => {
    const under: Dialing = { peer, waiting: [first] }
    dialing.set(peer.id, under)
    const fail = (cause: HyParView.DialCause, { detail, reason }: Why) =>
      Effect.suspend(() => {
        // Meanwhile a link that the peer dialled may have taken its place.
        if (dialing.get(peer.id) !== under) return Effect.void
        const spare = connections.spareOf(peer.id)
        if (spare !== undefined) {
          connections.use(spare)
          handOver(spare)
          return Effect.void
        }
        dialing.delete(peer.id)
        meter.count("dialsFailed")
        host.report({ _tag: "SendFailed", to: peer, cause })
        return Effect.logDebug("a dial failed", { peer: peer.id, address: peer.address, cause, reason, detail })
      })
    converse(peer.address, peer.id, {
      onOpen: (link, found) =>
        Effect.suspend(() => {
          if (found.id !== peer.id || found.epoch < peer.epoch) {
            const detail = `${peer.id} was expected at ${peer.address}, not ${found.id}`
            const failed = fail("identity", { reason: "identity", detail })
            return Effect.andThen(turnAway(link, "identity", detail), Effect.as(failed, undefined))
          }
          return Effect.succeed(adopt(link, found, true))
        }),
      onFailure: fail
    })
  }

  const dialAddress = (address: string): void => {
    for (const { peer } of connections.all()) {
      if (peer.address === address) return host.report({ _tag: "LinkOpened", address, peer })
    }
    converse(address, undefined, {
      onOpen: (link, peer) =>
        Effect.suspend(() => {
          host.report({ _tag: "LinkOpened", address, peer })
          const held = connections.get(peer.id)
          if (held === undefined || held.peer.epoch !== peer.epoch || connections.isYoung(held)) {
            return Effect.succeed(adopt(link, peer, true))
          }
          return Effect.as(turnAway(link, "duplicate", "there is a link with this peer already"), undefined)
        }),
      onFailure: (cause, { detail, reason }) =>
        Effect.suspend(() => {
          meter.count("dialsFailed")
          host.report({ _tag: "DialFailed", address, cause })
          return Effect.logWarning("a contact cannot be joined; asking others, and it again later", {
            address,
            cause,
            reason,
            detail
          })
        })
    })
  }

  /** Dials, greets, and then reads until the link ends. */
  const converse = (
    address: string,
    id: string | undefined,
    handlers: {
      readonly onOpen: (link: Link, peer: Peer.Peer) => Effect.Effect<Connection | undefined>
      readonly onFailure: (cause: HyParView.DialCause, why: Why) => Effect.Effect<void>
    }
  ): void => {
    const greet = Effect.gen(function* () {
      const link = yield* transport.dial(address)
      yield* link.send([[hello(ourselves(), id)]])
      return { link, ...(yield* withRefusal(link, readHello(link, ourselves))) }
    })
    const fail = (error: DialError | LinkClosed | Refused) => {
      if (error._tag === "DialError") return handlers.onFailure(causeOfDial(error.reason), error)
      if (error._tag === "LinkClosed") return handlers.onFailure("rejected", error)
      reportRefusal(error, address, false)
      return handlers.onFailure(dialCauseOf(error.reason), error)
    }
    const late: Why = { reason: "timeout", detail: `no Hello within ${settings.handshakeMillis} ms` }
    const under: Greeting = { fiber: undefined }
    greeting.add(under)
    under.fiber = run(
      Effect.scoped(
        Effect.matchEffect(
          within(greet, () => {
            greeting.delete(under)
            under.fiber?.interruptUnsafe()
            run(handlers.onFailure("timeout", late))
          }),
          {
            onFailure: (error) => {
              greeting.delete(under)
              return fail(error)
            },
            onSuccess: ({ link, peer, rest }) => {
              greeting.delete(under)
              return Effect.flatMap(handlers.onOpen(link, peer), (connection) =>
                connection === undefined ? Effect.void : read(connection, rest)
              )
            }
          }
        )
      )
    )
  }

  /** Tells the far end why it is turned away, unless it was the far end that said so. */
  const withRefusal = <A>(link: Link, effect: Effect.Effect<A, Refused | LinkClosed>) =>
    Effect.tapError(effect, (error) =>
      error._tag === "Refused" ? turnAway(link, error.reason, error.detail) : Effect.void
    )

  /** `proven`: by the transport, so that it is no stranger who is turned away, but a member that is set up wrong. */
  const reportRefusal = ({ conflictingEpoch, detail, reason }: Refused, address: string, proven: boolean): void => {
    meter.count("handshakesRefused")
    meter.refused(reason)
    if (conflictingEpoch !== undefined) host.report({ _tag: "EpochConflict", epoch: conflictingEpoch })
    const log = proven && reason === "identity" ? Effect.logWarning : Effect.logDebug
    run(log("no conversation", { address, reason, detail }))
  }

  // --- accepting -----------------------------------------------------------------------------------------------------

  const accept = (link: Link): void => {
    const refusal = refusalOf()
    if (refusal !== undefined) {
      const [reason, detail] = refusal
      meter.count("handshakesRefused")
      meter.refused(reason)
      run(Effect.logDebug("no conversation", { address: link.remoteAddress, reason, detail }))
      run(turnAway(link, reason, detail))
      return
    }
    handshakes++
    run(
      Effect.gen(function* () {
        const greeted = yield* within(readHello(link, ourselves), () => run(link.close("abort"))).pipe(
          Effect.catchTags({
            LinkClosed: ({ detail, reason }) =>
              Effect.as(
                Effect.logDebug("no conversation", {
                  address: link.remoteAddress,
                  reason,
                  detail: reason === "local" ? `no Hello within ${settings.handshakeMillis} ms` : detail
                }),
                undefined
              ),
            Refused: Effect.fnUntraced(function* (refused) {
              reportRefusal(refused, link.remoteAddress, link.authenticatedId !== undefined)
              // A Hello all the same: it says which cluster, version and epochs are spoken of here.
              yield* Effect.ignore(link.send([[hello(ourselves(), refused.peer?.id)]]))
              yield* turnAway(link, refused.reason, refused.detail)
              return undefined
            })
          }),
          Effect.ensuring(Effect.sync(() => handshakes--))
        )
        if (greeted === undefined) return
        const { peer, rest } = greeted
        const us = ourselves()
        yield* Effect.ignore(link.send([[hello(us, peer.id)]]))
        if (ourselves().self.epoch !== us.self.epoch) {
          return yield* turnAway(link, "superseded", "the epoch of this node has been raised meanwhile")
        }
        yield* read(adopt(link, peer, false), rest)
      }).pipe(Effect.ensuring(link.close("abort")))
    )
  }

  /** Why nobody is greeted, if that is so. */
  const refusalOf = (): readonly [Wire.ByeReason, detail: string] | undefined => {
    if (host.state().membership.status === "stopped") {
      return ["identity", "this node has stopped, since another process has its id"]
    }
    let open = handshakes
    for (const { ended } of alive) if (!ended) open++
    const most = settings.membership.activeSize + settings.temporaryLinks
    if (open < most) return undefined
    if (host.now() - saidLimitAt >= limitSaidMillis) {
      saidLimitAt = host.now()
      const { temporaryLinks } = settings
      run(
        Effect.logWarning("too many links: strangers are turned away. Logged once a minute", { open, temporaryLinks })
      )
    }
    return ["limit", `there are ${open} links already`]
  }

  // --- a conversation ------------------------------------------------------------------------------------------------

  const adopt = (link: Link, peer: Peer.Peer, dialled: boolean): Connection => {
    const connection = makeConnection(peer, link, dialled, host.now(), host.onSent)
    meter.count("linksOpened")
    alive.add(connection)
    const under = dialing.get(peer.id)
    const awaited = under !== undefined && under.peer.epoch >= peer.epoch
    if (connections.add(connection, awaited)) handOver(connection)
    host.watchIdle()
    return connection
  }

  /** What waited for a dial goes over the link in use. */
  const handOver = (connection: Connection): void => {
    const { id } = connection.peer
    const under = dialing.get(id)
    if (under === undefined) return
    dialing.delete(id)
    for (const message of under.waiting) sendOver(connection, message)
  }

  const read = (connection: Connection, rest: ReadonlyArray<Uint8Array>): Effect.Effect<void> => {
    /** As many as there is room for, and then the others; why the conversation is over, once it is. */
    const digest = (frames: ReadonlyArray<Uint8Array>): Effect.Effect<Farewell, LinkClosed> => {
      const room = host.room()
      const over = understand(connection, frames.length <= room ? frames : frames.slice(0, Math.max(0, room)))
      if (over !== undefined) return Effect.succeed(over)
      if (frames.length < room) return next
      const others = frames.length === room ? next : Effect.suspend(() => digest(frames.slice(Math.max(0, room))))
      return Effect.andThen(host.awaitRoom, others)
    }
    // Made once for the link: a frame costs no effect of its own.
    const next: Effect.Effect<Farewell, LinkClosed> = Effect.flatMap(connection.link.receive, digest)
    return Effect.suspend(() => (rest.length === 0 ? next : digest(rest))).pipe(
      Effect.flatMap((ending) => {
        ended(connection, ending)
        // What is still to be said, a Bye above all, is said before the link closes.
        finish(connection, run)
        return within(Effect.asVoid(connection.link.closed), () => abort(connection, run))
      }),
      Effect.catchTag("LinkClosed", (closed) => {
        ended(connection, closed)
        // Closed from here: what is being flushed is, or its time is up.
        return closed.reason === "local" ? Effect.asVoid(connection.link.closed) : Effect.void
      }),
      Effect.ensuring(
        Effect.suspend(() => {
          alive.delete(connection)
          connections.forget(connection)
          meter.count("linksClosed")
          host.onEnd()
          return connection.link.close("abort")
        })
      )
    )
  }

  /** Decodes frames and hands the messages up. The result is why the conversation is over, if it is. */
  const understand = (connection: Connection, frames: ReadonlyArray<Uint8Array>): Farewell | undefined => {
    const messages: Array<Node.Message> = []
    const ends = { local: host.state().membership.self, remote: connection.peer }
    let over: Farewell | undefined
    for (const frame of frames) {
      const decoded = Wire.decode(frame, ends)
      if (Result.isFailure(decoded)) {
        meter.count("framesRejected")
        const detail = decoded.failure.message
        over = { said: "here", reason: "protocol", detail }
        sayBye(connection, "protocol", detail)
        break
      }
      const message = decoded.success
      if (message._tag === "Bye") {
        const { detail, reason } = message
        over = { said: "there", reason, detail }
        break
      }
      messages.push(message)
    }
    if (messages.length > 0) {
      connection.usedAt = host.now()
      meter.count("messagesReceived", messages.length)
      connections.used(connection)
      host.receive(connection.peer, messages)
    }
    return over
  }

  /**
   * The link has ended: news, unless this end ended it or another has taken its place. If the peer has let it go since there is
   * another, that is the one in use now.
   */
  const ended = (connection: Connection, ending: Ending): void => {
    const { peer } = connection
    const inUse = connections.isInUse(connection)
    const news = inUse && !connection.ended
    connection.ended = true
    connections.forget(connection)
    const { detail, reason } = ending
    const log = isFault(ending) ? Effect.logWarning : Effect.logDebug
    run(log("a link has ended", { peer: peer.id, address: peer.address, by: endedBy(ending), reason, detail }))
    if (!inUse) return
    const spare = connections.spareOf(peer.id)
    const letGo = isFarewell(ending) && (reason === "idle" || reason === "duplicate")
    if (spare !== undefined && letGo) return connections.use(spare)
    connections.abortSpare(peer.id)
    if (news) host.report({ _tag: "LinkClosed", peer, cause: causeOfEnding(ending) })
  }

  // --- ending --------------------------------------------------------------------------------------------------------

  /** After everything else that is queued. */
  const sayBye = (connection: Connection, reason: Wire.ByeReason, detail: string): void => {
    const frame = [Wire.encodeBye(reason, detail)]
    enqueue(connection, frame, bytesOf(frame), "broadcast")
  }

  /** Ends a link after what is queued for it has been sent, for which there is as much time as for a handshake. */
  const drop = (connection: Connection, reason: Wire.ByeReason, detail: string): void => {
    connections.forget(connection)
    sayBye(connection, reason, detail)
    finish(connection, run)
    run(within(Effect.asVoid(connection.link.closed), () => abort(connection, run)))
  }

  const close = (peer: Peer.Peer): void => {
    for (const connection of [connections.get(peer.id), connections.spareOf(peer.id)]) {
      if (connection?.peer.epoch === peer.epoch) drop(connection, "shutdown", "")
    }
  }

  const closeAll = (reason: Wire.ByeReason): void => {
    for (const connection of alive) if (!connection.ended) drop(connection, reason, "")
    for (const { fiber } of greeting) fiber?.interruptUnsafe()
    greeting.clear()
    dialing.clear()
  }

  const closeIdle = (): boolean => {
    const state = host.state()
    const idleSince = host.now() - settings.temporaryLinkIdleMillis
    let left = false
    for (const connection of alive) {
      const { ended, peer, usedAt } = connection
      if (ended) continue
      if (connections.isInUse(connection) && Node.keepsLink(state, peer.id)) {
        // A request that comes to nothing leaves its link behind: to be looked at again.
        if (!state.membership.active.some(({ id }) => id === peer.id)) left = true
      } else if (usedAt > idleSince) left = true
      else drop(connection, "idle", "")
    }
    return left
  }

  return {
    send,
    flush: (now) => {
      if (unflushed.size === 0) return
      for (const connection of unflushed) {
        connection.usedAt = now
        flush(connection, run)
      }
      unflushed.clear()
    },
    dial: dialAddress,
    close,
    closeAll,
    closeIdle,
    expire,
    accept,
    isOpen: (id) => connections.get(id) !== undefined,
    allEnded: () => {
      for (const { ended } of alive) if (ended) return false
      return true
    },
    statistics: () => {
      let outboxBytes = 0
      for (const connection of alive) outboxBytes += connection.queuedBytes
      return { links: alive.size, outboxBytes }
    },
    leastWaitingBytes: (peers) => {
      let least = Infinity
      for (const { id } of peers) least = Math.min(least, connections.get(id)?.queuedBytes ?? 0)
      return least === Infinity ? 0 : least
    },
    traffic: () => ({ ...traffic })
  }
}

/** Membership goes first; but for the last goodbye, after which a peer takes nothing that still comes over the link. */
const laneOf = (message: Node.Message): Lane =>
  message._tag === "Carried" || (message._tag === "Disconnect" && message.reason === "leaving")
    ? "broadcast"
    : "membership"

const hasPayload = (message: Node.Message): boolean =>
  message._tag === "Carried" && (message.body._tag === "Gossip" || message.body._tag === "Recalled")
