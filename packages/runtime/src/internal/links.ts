/**
 * The node's links: dialled, accepted, kept, and let go. At most one for each peer. This is the part of the driver
 * contract (`Driver.ts` of `@hyparview/core`) that is about links; what to send, and to whom, is decided host.
 *
 * Of two dials that cross, the one of the smaller id stays: whoever has the smaller id refuses the other's, whoever has
 * the larger abandons its own and sends what waited over the other's.
 */
import { HyParView, Node, type Peer, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { DialError, DialFailure, Link, LinkClosed, OutgoingFrame, Transport } from "../Transport.ts"
import { abort, bytesOf, type Connection, enqueue, finish, flush, type Lane, makeConnection } from "./connection.ts"
import { makeDeadlines } from "./deadlines.ts"
import { dialCauseOf, hello, type Ourselves, readHello, type Refused, turnAway } from "./handshake.ts"
import type { Meter } from "./metrics.ts"
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
  /** Whether the node can look at more; readers pause while it cannot, and so slow their senders down. */
  readonly hasRoom: () => boolean
  readonly room: Effect.Effect<void>
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
  fiber: Fiber.Fiber<void> | undefined
}

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
  const connections = new Map<string, Connection>()
  const dialing = new Map<string, Dialing>()
  const alive = new Set<Connection>()
  const unflushed = new Set<Connection>()
  const traffic = { payloadFrames: 0, payloadBytes: 0, controlFrames: 0, controlBytes: 0 }
  let handshakes = 0
  const largestFrame = Math.min(settings.outboxBytes, transport.maxFrameBytes)
  let saidTooLarge = false

  const ourselves = (): Ourselves => {
    const { membership } = host.state()
    return {
      cluster: settings.cluster,
      self: membership.self,
      knownEpoch: (id) => HyParView.knownEpoch(membership, id)
    }
  }

  const { expire, within } = makeDeadlines(settings.handshakeMillis, host.now, host.watchHandshakes)

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
    queue(connection, frame, bytes, message._tag === "Carried" ? "broadcast" : "membership")
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
    forget(connection)
    abort(connection, run)
    host.report({ _tag: "LinkClosed", peer: connection.peer, cause: "slow" })
  }

  // --- dialling ------------------------------------------------------------------------------------------------------

  const dialPeer = (peer: Peer.Peer, first: Node.Message): void => {
    const under: Dialing = { peer, waiting: [first], fiber: undefined }
    dialing.set(peer.id, under)
    const fail = (cause: HyParView.DialCause) =>
      Effect.sync(() => {
        if (dialing.get(peer.id) !== under) return
        dialing.delete(peer.id)
        meter.count("dialsFailed")
        host.report({ _tag: "SendFailed", to: peer, cause })
      })
    under.fiber = converse(peer.address, peer.id, {
      onOpen: (link, found) =>
        Effect.suspend(() => {
          if (found.id !== peer.id || found.epoch < peer.epoch) {
            const said = `${peer.id} was expected at ${peer.address}, not ${found.id}`
            return Effect.andThen(turnAway(link, "identity", said), Effect.as(fail("identity"), undefined))
          }
          dialing.delete(peer.id)
          const connection = adopt(link, found, false)
          for (const message of under.waiting) sendOver(connection, message)
          return Effect.succeed(connection)
        }),
      onFailure: (cause, refused) =>
        // The far end dials us, and its dial stands: what waits goes over that link as soon as it is open.
        refused?.reason === "duplicate"
          ? Effect.andThen(Effect.sleep(settings.handshakeMillis), fail("timeout"))
          : fail(cause)
    })
  }

  const dialAddress = (address: string): void => {
    for (const { peer } of connections.values()) {
      if (peer.address === address) return host.report({ _tag: "LinkOpened", address, peer })
    }
    converse(address, undefined, {
      onOpen: (link, peer) =>
        Effect.suspend(() => {
          host.report({ _tag: "LinkOpened", address, peer })
          if (!connections.has(peer.id)) return Effect.succeed(adopt(link, peer, false))
          return Effect.as(turnAway(link, "duplicate", "there is a link with this peer already"), undefined)
        }),
      onFailure: (cause, refused) =>
        Effect.sync(() => {
          // The far end's own dial to us stands: whoever answers there is known all the same.
          if (refused?.reason === "duplicate" && refused.peer !== undefined) {
            return host.report({ _tag: "LinkOpened", address, peer: refused.peer })
          }
          meter.count("dialsFailed")
          const detail = refused?.detail ?? ""
          run(
            Effect.logWarning("a contact cannot be joined; asking others, and it again later", {
              address,
              cause,
              detail
            })
          )
          host.report({ _tag: "DialFailed", address, cause })
        })
    })
  }

  /** Dials, greets, and then reads until the link ends. */
  const converse = (
    address: string,
    id: string | undefined,
    handlers: {
      readonly onOpen: (link: Link, peer: Peer.Peer) => Effect.Effect<Connection | undefined>
      readonly onFailure: (cause: HyParView.DialCause, refused: Refused | undefined) => Effect.Effect<void>
    }
  ): Fiber.Fiber<void> => {
    const greeting = Effect.gen(function* () {
      const link = yield* transport.dial(address)
      yield* link.send([[hello(ourselves(), id)]])
      return { link, ...(yield* withRefusal(link, readHello(link, ourselves()))) }
    })
    const fail = (error: DialError | LinkClosed | Refused) => {
      if (error._tag === "DialError") return handlers.onFailure(causeOfDial(error.reason), undefined)
      if (error._tag === "LinkClosed") return handlers.onFailure("rejected", undefined)
      reportRefusal(error, address)
      return handlers.onFailure(dialCauseOf(error.reason), error)
    }
    const fiber = run(
      Effect.scoped(
        Effect.matchEffect(
          within(greeting, () => {
            fiber.interruptUnsafe()
            run(handlers.onFailure("timeout", undefined))
          }),
          {
            onFailure: fail,
            onSuccess: ({ link, peer, rest }) =>
              Effect.flatMap(handlers.onOpen(link, peer), (connection) =>
                connection === undefined ? Effect.void : read(connection, rest)
              )
          }
        )
      )
    )
    return fiber
  }

  /** Tells the far end why it is turned away, unless it was the far end that said so. */
  const withRefusal = <A>(link: Link, effect: Effect.Effect<A, Refused | LinkClosed>) =>
    Effect.tapError(effect, (error) =>
      error._tag === "Refused" ? turnAway(link, error.reason, error.detail) : Effect.void
    )

  const reportRefusal = (refused: Refused, address: string): void => {
    meter.count("handshakesRefused")
    meter.refused(refused.reason)
    if (refused.conflictingEpoch !== undefined) {
      host.report({ _tag: "EpochConflict", epoch: refused.conflictingEpoch })
    }
    if (refused.reason === "duplicate") return
    run(Effect.logDebug("no conversation", { address, reason: refused.reason, detail: refused.detail }))
  }

  // --- accepting -----------------------------------------------------------------------------------------------------

  const accept = (link: Link): void => {
    if (connections.size + handshakes >= settings.membership.activeSize + settings.temporaryLinks) {
      meter.count("handshakesRefused")
      meter.refused("limit")
      run(turnAway(link, "limit", "too many links"))
      return
    }
    handshakes++
    run(
      Effect.gen(function* () {
        const us = ourselves()
        const greeted = yield* within(readHello(link, us), () => run(link.close("abort"))).pipe(
          Effect.catchTags({
            LinkClosed: () => Effect.undefined,
            Refused: Effect.fnUntraced(function* (refused) {
              reportRefusal(refused, link.remoteAddress)
              // A Hello all the same: it says which cluster, version and epochs are spoken of here.
              yield* Effect.ignore(link.send([[hello(us, refused.peer?.id)]]))
              yield* turnAway(link, refused.reason, refused.detail)
              return undefined
            })
          }),
          Effect.ensuring(Effect.sync(() => handshakes--))
        )
        if (greeted === undefined) return
        const { peer, rest } = greeted
        const under = dialing.get(peer.id)
        if (under !== undefined && us.self.id < peer.id) {
          yield* Effect.ignore(link.send([[hello(us, peer.id)]]))
          return yield* turnAway(link, "duplicate", "our own dial stands")
        }
        yield* Effect.ignore(link.send([[hello(us, peer.id)]]))
        const held = connections.get(peer.id)
        const connection = adopt(link, peer, held !== undefined && held.peer.epoch === peer.epoch)
        if (under !== undefined && dialing.get(peer.id) === under) {
          dialing.delete(peer.id)
          under.fiber?.interruptUnsafe()
          for (const message of under.waiting) sendOver(connection, message)
        }
        yield* read(connection, rest)
      }).pipe(Effect.ensuring(link.close("abort")))
    )
  }

  // --- a conversation ------------------------------------------------------------------------------------------------

  const adopt = (link: Link, peer: Peer.Peer, onProbation: boolean): Connection => {
    const connection = makeConnection(peer, link, host.now(), onProbation, host.onSent)
    meter.count("linksOpened")
    alive.add(connection)
    if (!onProbation) replace(connection)
    host.watchIdle()
    return connection
  }

  /** Makes a connection the one with its peer. An older incarnation's link, or one that the peer has given up, ends. */
  const replace = (connection: Connection): void => {
    connection.onProbation = false
    const held = connections.get(connection.peer.id)
    connections.set(connection.peer.id, connection)
    if (held === undefined || held === connection) return
    abort(held, run)
    if (held.peer.epoch < connection.peer.epoch) {
      host.report({ _tag: "LinkClosed", peer: held.peer, cause: "reset" })
    } else {
      // What still waits for the old link goes over the new one.
      for (const frame of held.membership) queue(connection, frame, bytesOf(frame), "membership")
      for (const frame of held.broadcast) queue(connection, frame, bytesOf(frame), "broadcast")
    }
  }

  const read = (connection: Connection, rest: ReadonlyArray<Uint8Array>): Effect.Effect<void> => {
    // Made once for the link: a frame costs no effect of its own.
    const next: Effect.Effect<string, LinkClosed> = Effect.flatMap(connection.link.receive, (frames) => {
      const over = understand(connection, frames)
      if (over !== undefined) return Effect.succeed(over)
      return host.hasRoom() ? next : Effect.andThen(host.room, next)
    })
    const over = rest.length > 0 ? understand(connection, rest) : undefined
    return (over === undefined ? next : Effect.succeed(over)).pipe(
      Effect.flatMap((reason) => {
        ended(connection, reason === "protocol" ? "protocol" : reason === "slow" ? "reset" : "closed")
        // What is still to be said, a Bye above all, is said before the link closes.
        finish(connection, run)
        return within(Effect.asVoid(connection.link.closed), () => abort(connection, run))
      }),
      Effect.catchTag("LinkClosed", ({ reason }) =>
        Effect.sync(() => ended(connection, reason === "closed" || reason === "local" ? "closed" : "reset"))
      ),
      Effect.ensuring(
        Effect.suspend(() => {
          alive.delete(connection)
          if (connections.get(connection.peer.id) === connection) connections.delete(connection.peer.id)
          meter.count("linksClosed")
          host.onEnd()
          return connection.link.close("abort")
        })
      )
    )
  }

  /** Decodes frames and hands the messages up. The result is why the conversation is over, if it is. */
  const understand = (connection: Connection, frames: ReadonlyArray<Uint8Array>): string | undefined => {
    const messages: Array<Node.Message> = []
    const ends = { local: host.state().membership.self, remote: connection.peer }
    let over: string | undefined
    for (const frame of frames) {
      const decoded = Wire.decode(frame, ends)
      if (Result.isFailure(decoded)) {
        meter.count("framesRejected")
        over = "protocol"
        const detail = decoded.failure.message
        run(Effect.logWarning("a frame that is no message: the link is closed", { peer: connection.peer.id, detail }))
        sayBye(connection, "protocol", detail)
        break
      }
      const message = decoded.success
      if (message._tag === "Bye") {
        const { detail, reason } = message
        over = reason
        run(Effect.logDebug("the peer ends the link", { peer: connection.peer.id, reason, detail }))
        break
      }
      messages.push(message)
    }
    if (messages.length > 0) {
      connection.usedAt = host.now()
      meter.count("messagesReceived", messages.length)
      if (connection.onProbation && !connection.ended) replace(connection)
      host.receive(connection.peer, messages)
    }
    return over
  }

  /** The link has ended: news, unless this end ended it or another has taken its place. */
  const ended = (connection: Connection, cause: HyParView.LinkCause): void => {
    const current = connections.get(connection.peer.id) === connection
    const news = current && !connection.ended
    connection.ended = true
    if (current) connections.delete(connection.peer.id)
    if (news) host.report({ _tag: "LinkClosed", peer: connection.peer, cause })
  }

  // --- ending --------------------------------------------------------------------------------------------------------

  const forget = (connection: Connection): void => {
    if (connections.get(connection.peer.id) === connection) connections.delete(connection.peer.id)
  }

  const sayBye = (connection: Connection, reason: Wire.ByeReason, detail: string): void => {
    const frame = [Wire.encodeBye(reason, detail)]
    enqueue(connection, frame, bytesOf(frame), "membership")
  }

  const drop = (connection: Connection, reason: Wire.ByeReason, detail: string): void => {
    forget(connection)
    sayBye(connection, reason, detail)
    finish(connection, run)
  }

  const close = (peer: Peer.Peer): void => {
    const connection = connections.get(peer.id)
    if (connection !== undefined && connection.peer.epoch === peer.epoch) drop(connection, "shutdown", "")
  }

  const closeAll = (reason: Wire.ByeReason): void => {
    for (const connection of connections.values()) drop(connection, reason, "")
    for (const { fiber } of dialing.values()) fiber?.interruptUnsafe()
    dialing.clear()
  }

  const closeIdle = (): boolean => {
    const state = host.state()
    const idleSince = host.now() - settings.temporaryLinkIdleMillis
    let left = false
    for (const connection of connections.values()) {
      if (Node.keepsLink(state, connection.peer.id)) {
        // A request that comes to nothing leaves its link behind: to be looked at again.
        if (!state.membership.active.some(({ id }) => id === connection.peer.id)) left = true
      } else if (connection.usedAt > idleSince) left = true
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
    isOpen: (id) => connections.has(id),
    allEnded: () => alive.size === 0,
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

const hasPayload = (message: Node.Message): boolean =>
  message._tag === "Carried" && (message.body._tag === "Gossip" || message.body._tag === "Recalled")

const causeOfDial = (reason: DialFailure): HyParView.DialCause => {
  if (reason === "untrusted") return "identity"
  return reason === "refused" || reason === "timeout" ? reason : "unreachable"
}
