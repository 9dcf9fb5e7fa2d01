/**
 * The node's links: kept, read, sent over, and let go; how a link comes to a peer is in `greetings.ts`. This is the part of the
 * driver contract (`Driver.ts` of `@hyparview/core`) that is about links; what to send, and to whom, is decided there. One link
 * with each peer is in use; where there are others (`peerLinks.ts`), they are read as well, close when they have been idle, and
 * nothing is reported of them.
 */
import { HyParView, Node, type Peer, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Link, OutgoingFrame, Transport } from "../Transport.ts"
import { makeClaims } from "./claims.ts"
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
import { causeOfEnding, endedBy, type Ending, type Farewell, isFarewell, isFault } from "./ending.ts"
import { type Converse, makeGreetings, type Why } from "./greetings.ts"
import { type Claim, type Greeted, type Ourselves, turnAway } from "./handshake.ts"
import { decodeLikeness, differenceOf, encodeLikeness, frameTaken, type Likeness, likenessOf } from "./likeness.ts"
import type { Meter } from "./metrics.ts"
import { makePeerLinks } from "./peerLinks.ts"
import { type Digest, reading } from "./reading.ts"
import type { Run } from "./run.ts"
import { makeSeldom } from "./seldom.ts"
import type { Settings } from "./settings.ts"

type Report =
  | { readonly _tag: "SendFailed"; readonly to: Peer.Peer; readonly cause: HyParView.DialCause }
  | { readonly _tag: "LinkClosed"; readonly peer: Peer.Peer; readonly cause: HyParView.LinkCause }
  | { readonly _tag: "LinkOpened"; readonly address: string; readonly peer: Peer.Peer }
  | { readonly _tag: "DialFailed"; readonly address: string; readonly cause: HyParView.DialCause }
  | { readonly _tag: "EpochConflict"; readonly epoch: number }
  | { readonly _tag: "EpochClaimed"; readonly claim: Claim }

/** What the links ask of the driver. */
export interface Host {
  readonly now: () => number
  readonly state: () => Node.State
  readonly report: (report: Report) => void
  /** `looked` is called when the node has looked at all of them. */
  readonly receive: (from: Peer.Peer, messages: ReadonlyArray<Node.Message>, looked: () => void) => void
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

/**
 * For how many answers to shuffles in a cycle a link is dialled. Who passes a walk on says where it began, and may say anything: so
 * nobody can have this node dial addresses of theirs without end. An honest node ends one walk a cycle, on average.
 */
const walksAnswered = 32

/**
 * How many messages of one link may wait for the node: others wait behind no more of them, however many it sends and however long
 * each takes. Above it its reader pauses, and so slows its sender down.
 */
const waitingOfALink = 128

/** How often the log says that strangers are turned away since there are too many links. */
const limitSaidMillis = 60_000

export interface Links {
  readonly send: (to: Peer.Peer, message: Node.Message) => void
  readonly dial: (address: string) => void
  /** Looks who answers at this node's own address. Contacts there are skipped (rule 1e): where it is another node, nobody would tell. */
  readonly lookAtOwn: () => void
  /** Sends what has been queued since the last time: one flush for each link, however many messages. */
  readonly flush: (now: number) => void
  /** Looks whether it is true that another incarnation of this node is where a peer says, and reports an `EpochConflict` if so. */
  readonly verify: (claim: Claim) => void
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
  /** Every link that has not ended, those included to which goodbye was said. */
  const alive = new Set<Connection>()
  const unflushed = new Set<Connection>()
  const traffic = { payloadFrames: 0, payloadBytes: 0, controlFrames: 0, controlBytes: 0 }
  const likeness = likenessOf(settings, transport.maxFrameBytes)
  const likenessText = encodeLikeness(likeness)
  const largestFrame = Math.min(settings.outboxBytes, transport.maxFrameBytes)
  /** Of two links that are as fast as each other the one has no more than that left to send when the other is done. */
  const batchBytes = Math.floor(settings.outboxBytes / 8)
  const walks = { answered: 0, since: 0 }
  /** Whether it is being looked at who answers at this node's own address, or it is this node. */
  let ownLooked = false
  let saidLimitAt = -limitSaidMillis

  const ourselves = (): Ourselves => {
    const { membership } = host.state()
    return {
      cluster: settings.cluster,
      self: membership.self,
      settings: likenessText,
      knownEpoch: (id) => HyParView.knownEpoch(membership, id),
      knownAddress: (id) => HyParView.knownAddress(membership, id)
    }
  }

  const { expire, within } = makeDeadlines(settings.handshakeMillis, host.now, host.watchHandshakes)

  const seldom = makeSeldom(host.now, settings.membership.memorySize)

  const greetings = makeGreetings({
    seldom,
    transport,
    handshakeMillis: settings.handshakeMillis,
    within,
    ourselves,
    run,
    meter,
    onConflict: (conflict) =>
      host.report(
        conflict._tag === "Met"
          ? { _tag: "EpochConflict", epoch: conflict.epoch }
          : { _tag: "EpochClaimed", claim: conflict }
      )
  })

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
    // A later incarnation answers in place of the one that is meant; what is about an old link is stale by its name. Of one that is
    // later than the link's there may only be talk: it is dialled, and takes the link's place once it has said Hello itself.
    if (connection !== undefined && connection.peer.epoch >= to.epoch) return sendOver(connection, message)
    if (message._tag === "ShuffleReply" && !mayAnswerWalk()) return meter.count("answersWithheld")
    const under = dialing.get(to.id)
    if (under === undefined) return dialPeer(to, message)
    // Bounded by what the core asks at most before it hears of the dial: one request, and shuffles and their answers.
    under.waiting.push(message)
  }

  /** Whether one more answer to a shuffle may have a link dialled. One that is withheld costs its origin nothing but what it would tell. */
  const mayAnswerWalk = (): boolean => {
    const now = host.now()
    if (now - walks.since >= settings.membership.cycleMillis) {
      walks.since = now
      walks.answered = 0
    }
    return ++walks.answered <= walksAnswered
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
    if (bytes > Math.min(largestFrame, connection.takesBytes)) return refuseFrame(connection, bytes)
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
  const refuseFrame = ({ peer, takesBytes }: Connection, bytes: number): void => {
    meter.count("framesTooLarge")
    const more = seldom(peer.id, "tooLarge")
    if (more === undefined) return
    const here = { outboxBytes: settings.outboxBytes, maxFrameBytes: transport.maxFrameBytes }
    run(
      Effect.logWarning(
        "a message is larger than this node's outbox or frames, or than its peer's frames, and is not sent: nodes have different limits",
        { peer: peer.id, bytes, here, there: { maxFrameBytes: takesBytes }, ...more }
      )
    )
  }

  /** The peer does not drain its link. Nobody else is affected; the core treats it as failed. */
  const expel = (connection: Connection): void => {
    meter.count("slowPeersExpelled")
    const { peer, queuedBytes } = connection
    const { outboxBytes } = settings
    const more = seldom(peer.id, "slow")
    const log = more === undefined ? Effect.logDebug : Effect.logWarning
    run(
      log("a peer does not read what it is sent: its link is closed", {
        peer: peer.id,
        queuedBytes,
        outboxBytes,
        ...more
      })
    )
    connections.forget(connection)
    abort(connection, run)
    connections.abortSpares(peer.id)
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
        const spare = connections.sparesOf(peer.id).at(-1)
        if (spare !== undefined) {
          connections.use(spare)
          handOver(spare)
          if (dialing.get(peer.id) !== under) return Effect.void
        }
        dialing.delete(peer.id)
        meter.count("dialsFailed")
        host.report({ _tag: "SendFailed", to: peer, cause })
        return sayMissed(under, { cause, reason, detail })
      })
    const converse: Converse = (link, greeted) => {
      const { peer: found } = greeted
      if (found.id === peer.id && found.epoch >= peer.epoch) return read(adopt(link, greeted, true), greeted.rest)
      const detail = `${peer.id} was expected at ${peer.address}, not ${found.id}`
      return Effect.andThen(turnAway(link, "identity", detail), fail("identity", { reason: "identity", detail }))
    }
    greetings.dial(peer.address, peer.id, converse, fail)
  }

  /** Who has just joined was there a moment ago, and is told of; of others that cannot be reached most are no more. */
  const sayMissed = (
    { peer, waiting }: Dialing,
    why: Why & { readonly cause: HyParView.DialCause }
  ): Effect.Effect<void> => {
    const joins = waiting.some((message) => message._tag === "Neighbor" && message.reason === "joinWalk")
    // That would be the want of one end or the other, wherever the address leads.
    // A member may name any number of them.
    const more = joins && why.reason !== "limit" ? seldom("", "joiner") : undefined
    const fields = { peer: peer.id, address: peer.address, ...why }
    if (more === undefined) return Effect.logDebug("a dial failed", fields)
    const said =
      "a node that has just joined cannot be reached at the address that it gives others: it has ended, or should advertise another"
    return Effect.logWarning(said, { ...fields, ...more })
  }

  const dialAddress = (address: string): void => {
    for (const { peer } of connections.all()) {
      if (peer.address === address) return host.report({ _tag: "LinkOpened", address, peer })
    }
    const converse: Converse = (link, greeted) => {
      host.report({ _tag: "LinkOpened", address, peer: greeted.peer })
      return keepUnlessHeld(link, greeted)
    }
    greetings.dial(address, undefined, converse, (cause, { detail, isSelf, reason }) =>
      Effect.suspend(() => {
        meter.count("dialsFailed")
        host.report({ _tag: "DialFailed", address, cause })
        // Discovery may name the same contacts again at once. Where it names all nodes, it names this one: that tells why a node is
        // alone, and otherwise nothing.
        const isOrdinary = isSelf === true && host.state().membership.active.length > 0
        const more = isOrdinary ? undefined : seldom(address, reason)
        const log = more === undefined ? Effect.logDebug : Effect.logWarning
        return log("a contact cannot be joined; asking others, and it again later", {
          address,
          cause,
          reason,
          detail,
          ...more
        })
      })
    )
  }

  const lookAtOwn = (): void => {
    if (ownLooked) return
    ownLooked = true
    const { address } = transport
    const converse: Converse = (link, { peer }) =>
      Effect.suspend(() => {
        ownLooked = false
        const more = seldom(peer.id, "elsewhere")
        const log = more === undefined ? Effect.logDebug : Effect.logWarning
        const said =
          "another node answers at the address that this node gives others: it is not asked as a contact, and nobody reaches this node there. Give each node an address of its own"
        return Effect.andThen(
          log(said, { address, answers: peer.id, ...more }),
          turnAway(link, "identity", `${settings.id} gives this address as its own`)
        )
      })
    greetings.dial(address, undefined, converse, (_, { isSelf }) =>
      Effect.sync(() => {
        ownLooked = isSelf === true
      })
    )
  }

  /** Goes on with whoever has answered at an address, unless there is a link with that peer. */
  const keepUnlessHeld: Converse = (link, greeted) => {
    const { peer } = greeted
    const held = connections.get(peer.id)
    return held === undefined || held.peer.epoch !== peer.epoch || connections.isYoung(held)
      ? read(adopt(link, greeted, true), greeted.rest)
      : turnAway(link, "duplicate", "there is a link with this peer already")
  }

  const { verify } = makeClaims({
    now: host.now,
    handshakeMillis: settings.handshakeMillis,
    run,
    seldom,
    dial: (address, onOther, onFailure) =>
      greetings.dial(
        address,
        undefined,
        (link, greeted) => Effect.andThen(onOther(greeted.peer.id), keepUnlessHeld(link, greeted)),
        (_, why) =>
          Effect.suspend(() => {
            meter.count("dialsFailed")
            return onFailure(why)
          })
      )
  })

  // --- accepting -----------------------------------------------------------------------------------------------------

  const accept = (link: Link): void => {
    const refusal = refusalOf()
    if (refusal !== undefined) return greetings.refuse(link, ...refusal)
    greetings.accept(link, (accepted, greeted) => read(adopt(accepted, greeted, false), greeted.rest))
  }

  /** Why nobody is greeted, if that is so. */
  const refusalOf = (): readonly [reason: Wire.ByeReason, detail: string] | undefined => {
    if (host.state().membership.status === "stopped") {
      return ["identity", "this node has stopped, since another process has its id"]
    }
    let open = greetings.accepting()
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

  const adopt = (link: Link, greeted: Greeted, dialled: boolean): Connection => {
    const { peer } = greeted
    const theirs = decodeLikeness(greeted.settings)
    sayDifference(peer, theirs)
    const { onSent } = host
    const takesBytes = frameTaken(theirs)
    const connection = makeConnection({ peer, link, dialled, openedAt: host.now(), takesBytes, batchBytes, onSent })
    meter.count("linksOpened")
    alive.add(connection)
    const under = dialing.get(peer.id)
    const awaited = under !== undefined && under.peer.epoch >= peer.epoch
    if (connections.add(connection, awaited)) handOver(connection)
    host.watchIdle()
    return connection
  }

  /** Nothing ends for it: a change may be under way, node by node. */
  const sayDifference = (peer: Peer.Peer, theirs: Likeness): void => {
    const difference = differenceOf(likeness, theirs)
    const more = difference === undefined ? undefined : seldom(peer.id, "difference")
    if (more === undefined) return
    const said =
      "a peer is set up differently where all nodes of a cluster should be alike: messages may come late or not at all"
    run(Effect.logWarning(said, { peer: peer.id, address: peer.address, ...difference, ...more }))
  }

  /** What waited for a dial goes over the link in use, unless it is for a later incarnation than is there. */
  const handOver = (connection: Connection): void => {
    const { id } = connection.peer
    const under = dialing.get(id)
    if (under === undefined || under.peer.epoch > connection.peer.epoch) return
    dialing.delete(id)
    for (const message of under.waiting) sendOver(connection, message)
  }

  const read = (connection: Connection, rest: ReadonlyArray<Uint8Array>): Effect.Effect<void> => {
    /** As many as there is room for, and then the others; why the conversation is over, once it is. */
    const digest: Digest<Farewell> = (frames) => {
      const room = Math.min(host.room(), waitingOfALink - connection.waiting)
      const over = understand(connection, frames.length <= room ? frames : frames.slice(0, Math.max(0, room)))
      if (over !== undefined) return Effect.succeed(over)
      if (frames.length < room) return undefined
      const others = frames.slice(Math.max(0, room))
      return Effect.andThen(host.awaitRoom, others.length === 0 ? next : Effect.suspend(() => digest(others) ?? next))
    }
    const next = reading(connection.link, digest)
    return Effect.suspend(() => (rest.length === 0 ? next : (digest(rest) ?? next))).pipe(
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
      if (connections.used(connection)) handOver(connection)
      connection.waiting += messages.length
      host.receive(connection.peer, messages, () => {
        connection.waiting -= messages.length
      })
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
    const more = isFault(ending) ? seldom(peer.id, reason) : undefined
    const log = more === undefined ? Effect.logDebug : Effect.logWarning
    run(log("a link has ended", { peer: peer.id, address: peer.address, by: endedBy(ending), reason, detail, ...more }))
    if (!inUse) return
    const spare = connections.sparesOf(peer.id).at(-1)
    const letGo = isFarewell(ending) && (reason === "idle" || reason === "duplicate")
    if (spare !== undefined && letGo) return connections.use(spare)
    connections.abortSpares(peer.id)
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
    for (const connection of [connections.get(peer.id), ...connections.sparesOf(peer.id)]) {
      if (connection?.peer.epoch === peer.epoch) drop(connection, "shutdown", "")
    }
  }

  const closeAll = (reason: Wire.ByeReason): void => {
    for (const connection of alive) if (!connection.ended) drop(connection, reason, "")
    greetings.stopDialling()
    ownLooked = false
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
    lookAtOwn,
    verify,
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
      // Of a link that has just ended the core may be yet to hear. There is no room on it.
      for (const { id } of peers) least = Math.min(least, connections.get(id)?.queuedBytes ?? Infinity)
      return least === Infinity ? 0 : least
    },
    traffic: () => ({ ...traffic })
  }
}

/** Membership goes first; but what ends a link of neighbours overtakes nothing, since what came after it would not count. */
const laneOf = (message: Node.Message): Lane =>
  message._tag === "Carried" || message._tag === "Disconnect" || message._tag === "NotNeighbor"
    ? "broadcast"
    : "membership"

const hasPayload = (message: Node.Message): boolean =>
  message._tag === "Carried" && (message.body._tag === "Gossip" || message.body._tag === "Recalled")
