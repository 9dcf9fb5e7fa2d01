/**
 * The driver: one mailbox for each node, and turns. A turn is a task of the scheduler, at most one at a time. It takes
 * whatever waits, gives it to the core's `step` one input at a time, performs the outputs, and at the end flushes each
 * link once, however many messages it got. It keeps the contract of `Driver.ts` in `@hyparview/core`.
 *
 * Turns are no fiber: a fiber that waits for its mailbox costs more to suspend and to wake than a step (3 of 26 µs of a
 * heartbeat and its answer, measured over the in-process network), and everything that it does is synchronous.
 */
import { HyParView, Node, type Peer, Random } from "@hyparview/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Formatter from "effect/Formatter"
import * as Latch from "effect/Latch"
import * as RandomService from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { callAfter } from "../Alarm.ts"
import { type Discovery, DiscoveryError } from "../Discovery.ts"
import { DuplicateIdentity, EventsLost, Membership, type MembershipEvent } from "../Membership.ts"
import type { PeerStore } from "../PeerStore.ts"
import type { Transport } from "../Transport.ts"
import { makeAsk } from "./asking.ts"
import { makeBroadcasting } from "./broadcast.ts"
import { makeFanout } from "./fanout.ts"
import type { Claim } from "./handshake.ts"
import { makeLinkCosts } from "./linkCosts.ts"
import { makeLinks } from "./links.ts"
import { makeMeter } from "./metrics.ts"
import type { Publication } from "./publications.ts"
import { makeRemembering } from "./remembering.ts"
import { makeRepairSpan } from "./repairSpan.ts"
import { dieOf } from "./requests.ts"
import { makeRun } from "./run.ts"
import { makeSeldom } from "./seldom.ts"
import type { Settings } from "./settings.ts"
import { isTexts } from "./strangeness.ts"
import { makeSteadyTime } from "./steadyTime.ts"
import { makeTimers } from "./timers.ts"

/** The last of some messages: who handed them over is told when it has been looked at. */
interface Last {
  readonly _tag: "Last"
  readonly input: Node.Input
  readonly looked: () => void
}

/** A peer says that there is a later incarnation of this node. */
interface Claimed {
  readonly _tag: "EpochClaimed"
  readonly now: number
  readonly claim: Claim
}

/** What waits in the mailbox: an input, a claim that may become one, or a publication whose publisher waits for its id. */
type Item = Node.Input | Publication | Last | Claimed

/** How long a turn may take before sockets and timers have theirs, which is looked at once in so many inputs. */
const turnMillis = 50
const inputsPerLook = 64

export const makeDriver = Effect.fnUntraced(function* (
  settings: Settings,
  transport: Transport["Service"],
  discovery: Discovery["Service"],
  store: PeerStore["Service"] | undefined
) {
  const clock = yield* Clock.Clock
  const meter = makeMeter(yield* Effect.context<never>())
  // When all else of the node has ended.
  yield* Effect.addFinalizer(() => Effect.sync(meter.ended))
  const run = yield* makeRun(settings.leaveDeadlineMillis)
  const repair = yield* makeRepairSpan(settings.id)
  const dispatcher = (yield* Scheduler.Scheduler).makeDispatcher()
  const room = Latch.makeUnsafe(true)

  const time = makeSteadyTime(clock)
  const now = time.whole

  const seed = settings.seed ?? (yield* RandomService.nextIntBetween(0, Number.MAX_SAFE_INTEGER))
  const remembering = yield* makeRemembering(settings, store, meter, () => state.membership)
  const epoch = remembering.epochAbove(settings.epoch ?? now())
  const self: Peer.Peer = { id: settings.id, epoch, address: transport.address }
  let state: Node.State = Node.init({
    config: { membership: settings.membership, broadcast: settings.broadcast },
    self,
    random: Random.seeded(seed)
  })
  // Before anybody hears of it: the next start must know of this one, however short it is.
  yield* remembering.begin

  const roundTrips = new Map<string, number>()
  const counts = { sent: 0, received: 0 }
  const isUp = () => state.membership.status === "joining" || state.membership.status === "joined"
  let duplicate: DuplicateIdentity | undefined
  /** Who waits until something is true of the node, and is to be told. */
  const waiters = new Set<{ readonly holds: () => boolean; readonly tell: () => void }>()

  const events = makeFanout<MembershipEvent, DuplicateIdentity | EventsLost>(
    settings.eventsBuffer,
    (waiting) => new EventsLost({ waiting })
  )

  // --- the mailbox ---------------------------------------------------------------------------------------------------

  let mailbox: Array<Item> = []
  let planned = false
  let stopped = false

  /** Puts an input into the mailbox. The node looks into it in its next turn, never on the stack of whoever is here. */
  const post = (item: Item): void => {
    mailbox.push(item)
    plan()
  }

  const plan = (): void => {
    if (planned || stopped) return
    planned = true
    dispatcher.scheduleTask(turn, 0)
  }

  /** When the turn that is under way, or the last one, began. */
  let turnAt = 0
  /** The most that a turn has found in the mailbox since it was last measured. */
  let mailboxInputs = 0

  const turn = (): void => {
    planned = false
    if (stopped) return
    // One look at the clock for all of it.
    turnAt = now()
    if (mailbox.length > mailboxInputs) mailboxInputs = mailbox.length
    const items = mailbox
    mailbox = []
    planned = true
    let index = 0
    for (const item of items) {
      if (++index % inputsPerLook === 0 && now() - turnAt > turnMillis) {
        mailbox = items.slice(index - 1).concat(mailbox)
        break
      }
      try {
        drive(item)
      } catch (defect) {
        // A fault of the core's own costs the input that met it, not the node.
        run(Effect.logError("an input failed", defect))
        if (item._tag === "Publication") item.died(defect)
      }
    }
    // First the links, which may take all of it at once: publishers that wait find the room that this makes.
    links.flush(turnAt)
    broadcasting.turned(turnAt)
    planned = false
    if (mailbox.length > 0) plan()
    measureSometimes()
    room.openUnsafe()
    tellWaiters()
  }

  // --- the parts that report to the node -----------------------------------------------------------------------------

  const timers = makeTimers<Node.Timer | "Idle" | "Handshake" | "History" | "Costs">(
    callAfter(clock, run),
    time,
    (kind, nonce) => {
      if (kind === "Handshake") links.expire()
      else if (kind === "History") plan()
      else if (kind === "Costs") costs.expire()
      else if (kind !== "Idle") post({ _tag: "TimerFired", now: now(), kind, nonce })
      else {
        watching = false
        if (links.closeIdle()) watchIdle()
      }
    }
  )
  let watching = false
  const watchIdle = (): void => {
    if (watching) return
    watching = true
    timers.set("Idle", 0, now() + settings.temporaryLinkIdleMillis)
  }

  const links = makeLinks(settings, transport, run, meter, {
    now,
    state: () => state,
    flushSoon: plan,
    watchIdle,
    watchHandshakes: (at) => timers.set("Handshake", 0, at),
    onSent: () => {
      if (broadcasting.isWaiting()) plan()
    },
    onEnd: () => {
      if (waiters.size > 0) plan()
    },
    report: (report) => {
      if (report._tag === "SendFailed") costs.lost(report.to.id)
      else if (report._tag === "LinkClosed") costs.lost(report.peer.id)
      post({ ...report, now: now() })
    },
    receive: (from, messages, looked) => {
      const at = now()
      if (state.membership.status === "idle") sayIdle(from, at)
      if (state.membership.active.length === 0) sayLimited(from, messages)
      counts.received += messages.length
      costs.received(from, messages)
      messages.forEach((message, index) => {
        const input = { _tag: "Received", now: at, from, message } as const
        post(index < messages.length - 1 ? input : { _tag: "Last", input, looked })
      })
    },
    // Reports are never refused.
    room: () => settings.mailboxSize - mailbox.length,
    awaitRoom: Effect.suspend(() => {
      room.closeUnsafe()
      return room.await
    })
  })

  const madeAt = now()
  const seldom = makeSeldom(now, 2)
  /** Whoever asks such a node to let it in is sent away for as long as that lasts, and waits; neither would know why. */
  const sayIdle = (from: Peer.Peer, at: number): void => {
    // It may be about to.
    if (at - madeAt < settings.membership.requestTimeoutMillis) return
    const more = seldom("", "idle")
    if (more === undefined) return
    const said =
      "others ask this node, and it has not joined itself: that is done by Membership.join, or the node's option join, if need be with no contacts"
    run(Effect.logWarning(said, { peer: from.id, address: from.address, ...more }))
  }

  /** Rule B1. A node that is started again and again has to wait for a link, or one of very many, and nothing else would tell why. */
  const sayLimited = (from: Peer.Peer, messages: ReadonlyArray<Node.Message>): void => {
    for (const message of messages) {
      if (message._tag !== "NeighborReply" || message.answer !== "limited") continue
      const more = seldom("", "limited")
      if (more === undefined) continue
      const { retryAfterMillis } = message
      const said =
        "a peer has this node wait for a link: it has joined too often of late, or all together have; asking others, and it again later"
      run(Effect.logWarning(said, { peer: from.id, address: from.address, retryAfterMillis, ...more }))
    }
  }

  const costs = makeLinkCosts(settings, {
    exact: time.exact,
    isOpen: links.isOpen,
    send: links.send,
    answer: (nonce, costs) => post({ _tag: "CostsMeasured", now: now(), nonce, costs }),
    wakeAt: (at) => timers.set("Costs", 0, at)
  })

  const broadcasting = makeBroadcasting(settings, {
    maxFrameBytes: transport.maxFrameBytes,
    run,
    meter,
    now,
    turnAt: () => turnAt,
    state: () => state,
    post,
    mailboxFull: () => mailbox.length >= settings.mailboxSize,
    waitingBytes: links.leastWaitingBytes,
    traffic: links.traffic,
    wake: plan,
    wakeAt: (at) => timers.set("History", 0, at)
  })

  const postContacts = (_tag: "Join" | "ContactsFound", contacts: ReadonlyArray<string>): void => {
    if (state.membership.active.length === 0 && contacts.includes(transport.address)) links.lookAtOwn()
    post({ _tag, now: now(), contacts })
  }

  const discover = Effect.gen(function* () {
    // Each time anew: one question that is never answered does not keep the next from being asked.
    const contacts = yield* makeAsk(settings.membership.requestTimeoutMillis)(
      () => discovery.contacts,
      (detail) => new DiscoveryError({ detail })
    ).pipe(
      Effect.filterOrFail(
        isTexts,
        (found) => new DiscoveryError({ detail: `it found ${Formatter.format(found)}, which is no list of addresses` })
      ),
      Effect.catch((error) => Effect.as(Effect.logWarning("no contacts found; asking again later", error), []))
    )
    postContacts("ContactsFound", contacts)
  })

  // --- performing outputs --------------------------------------------------------------------------------------------

  const perform = (output: Node.Output): void => {
    switch (output._tag) {
      case "Send":
        counts.sent++
        costs.sent(output.to, output.message)
        return links.send(output.to, output.message)
      case "Dial":
        return links.dial(output.address)
      case "Close":
        return links.close(output.peer)
      case "SetTimer":
        return timers.set(output.kind, output.nonce, output.at)
      case "ClearTimer":
        return timers.clear(output.kind)
      case "Measure":
        return costs.measure(output.nonce, output.peers)
      case "Discover":
        meter.count("discoveries")
        run(discover)
        return
      case "NeighborUp":
        meter.count("neighborsUp")
        repair.ended(output.peer.id)
        run(Effect.logDebug("neighbor up", { peer: output.peer.id, address: output.peer.address }))
        return events.offer(output)
      case "NeighborDown":
        meter.count("neighborsDown")
        meter.down(output.reason)
        if (isUp()) repair.began(output.peer.id, output.reason)
        roundTrips.delete(output.peer.id)
        run(Effect.logDebug("neighbor down", { peer: output.peer.id, reason: output.reason }))
        watchIdle()
        return events.offer(output)
      case "LinkRenewed":
        run(Effect.logDebug("the link with a neighbor is another now", { peer: output.peer.id }))
        return
      case "RoundTrip":
        roundTrips.set(output.peer.id, output.millis)
        return meter.roundTrip(output.millis)
      case "Joined":
        run(Effect.logDebug("joined", { through: output.peer.id }))
        return
      case "Delivered":
      case "Duplicate":
      case "Lagged":
      case "MadeRoom":
      case "Validate":
      case "Rejected":
      case "Recalled":
        return broadcasting.perform(output)
      case "EpochRaised":
        run(remembering.save)
        return links.closeAll("superseded")
      case "Left":
        repair.abandoned()
        return links.closeAll("shutdown")
      case "DuplicateIdentity":
        duplicate = new DuplicateIdentity({ id: state.membership.self.id, epoch: output.epoch })
        run(Effect.logError(duplicate.message))
        events.fail(duplicate)
        broadcasting.end()
        repair.abandoned()
        return links.closeAll("identity")
    }
  }

  const give = (input: Node.Input): ReadonlyArray<Node.Output> => {
    const next = Node.step(state, input)
    settings.observe?.(state, input, next)
    state = next.state
    for (const output of next.outputs) {
      perform(output)
      // Whoever joins again has a new epoch of its own accord.
      if (output._tag !== "EpochRaised" || input._tag === "Join") continue
      run(Effect.logWarning("a higher epoch of this id was known: ours is raised above it", { self: output.self }))
    }
    return next.outputs
  }

  const measure = (): void => {
    // Its gauges have been set to 0, or will be: nobody would do so again.
    if (stopped) return
    const { active, passive } = state.membership
    const { outboxBytes } = links.statistics()
    meter.node({ active: active.length, passive: passive.ids.length, mailboxInputs, outboxBytes })
    mailboxInputs = 0
    broadcasting.measure()
    meter.flush()
  }

  let measuredAt = 0
  /** Once a second is often enough: an update costs as much as a step. */
  const measureSometimes = (): void => {
    if (turnAt - measuredAt < 1_000) return
    measuredAt = turnAt
    measure()
  }

  const tellWaiters = (): void => {
    for (const waiter of waiters) {
      if (!waiter.holds()) continue
      waiters.delete(waiter)
      waiter.tell()
    }
  }

  const drive = (item: Item): void => {
    if (item._tag === "Publication") item.done(isUp() ? give(item.input) : [])
    else if (item._tag === "Last") {
      item.looked()
      give(item.input)
    } else if (item._tag === "EpochClaimed") hear(item)
    else give(item)
  }

  /** Looked at in its turn, when it is known what the claims before it have come to. */
  const hear = ({ claim, now }: Claimed): void => {
    if (isUp() && HyParView.wouldStop(state.membership, now, claim.epoch)) links.verify(claim)
    else give({ _tag: "EpochConflict", now, epoch: claim.epoch })
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      measure()
      stopped = true
      timers.stop()
      // Nobody waits for an answer of a node that is no more.
      broadcasting.stop()
      repair.abandoned()
      events.end()
      for (const item of mailbox) if (item._tag === "Publication") item.done([])
      for (const waiter of waiters) waiter.tell()
      waiters.clear()
    })
  )
  const accepting = yield* Effect.forkScoped(
    Stream.runForEach(transport.accepted, (link) => Effect.sync(() => links.accept(link))),
    { startImmediately: true }
  )
  // A node that shares its transport with another would be deaf, and nobody would know.
  const refused = accepting.pollUnsafe()
  if (refused !== undefined && Exit.isFailure(refused)) return yield* Effect.failCause(refused.cause)

  // --- the services --------------------------------------------------------------------------------------------------

  const join = Effect.fn("Membership.join")(function* (contacts: ReadonlyArray<string>) {
    if (!isTexts(contacts)) return yield* Effect.die(new TypeError("contacts are a list of addresses, if need be []"))
    yield* Effect.annotateCurrentSpan({ self: settings.id, contacts: contacts.length })
    if (duplicate !== undefined) return yield* duplicate
    if (stopped) return yield* Effect.interrupt
    const known = state.membership.active.length === 0 ? remembering.withRemembered(contacts) : contacts
    postContacts("Join", known)
  })

  /** Waits until a condition on the node holds, which is looked at after every turn, or the node is no more. */
  const until = (holds: () => boolean): Effect.Effect<void> =>
    Effect.callback((resume) => {
      if (stopped || holds()) return resume(Effect.void)
      const waiter = { holds, tell: () => resume(Effect.void) }
      waiters.add(waiter)
      return Effect.sync(() => waiters.delete(waiter))
    })

  const leave = Effect.gen(function* () {
    // Whoever has left knows nobody any more.
    remembering.note()
    post({ _tag: "Leave", now: now() })
    yield* until(() => !isUp())
    yield* Effect.timeoutOption(until(links.allEnded), settings.leaveDeadlineMillis)
    // Who has left may have no turn for long.
    measure()
  }).pipe(Effect.withSpan("Membership.leave", { attributes: { self: settings.id } }))

  const awaitNeighbors = (n: number): Effect.Effect<void, DuplicateIdentity> => {
    const { activeSize } = settings.membership
    // Nor is there ever a number that is not one. Whoever waited for so many would wait for ever.
    if (!(n <= activeSize)) {
      const expected = `expected a number of neighbours up to activeSize (${activeSize})`
      return dieOf({ option: "awaitNeighbors", value: n, expected })
    }
    return Effect.andThen(
      until(() => duplicate !== undefined || state.membership.active.length >= n),
      Effect.suspend(() => {
        if (duplicate !== undefined) return Effect.fail(duplicate)
        return stopped ? Effect.interrupt : Effect.void
      })
    )
  }

  const peers = (neighbors: ReadonlyArray<{ readonly peer: Peer.Peer }>) => neighbors.map(({ peer }) => peer)

  const membership = Membership.of({
    self: Effect.sync(() => state.membership.self),
    join,
    leave,
    neighbors: Effect.sync(() => peers(state.membership.active)),
    passive: Effect.sync(() => HyParView.passivePeers(state.membership)),
    awaitNeighbors,
    events: events.stream(() => state.membership.active.map(({ peer }) => ({ _tag: "NeighborUp", peer }) as const)),
    view: Effect.sync(() => {
      const { active, memory, pending, self, status } = state.membership
      return {
        self,
        status,
        active: active.map(({ peer }) => ({ peer, roundTripMillis: roundTrips.get(peer.id) })),
        passive: HyParView.passivePeers(state.membership),
        pending: pending.length,
        graveyard: memory.graveyard.ids.length,
        messages: { ...counts },
        ...links.statistics()
      }
    })
  })

  yield* Effect.addFinalizer(() => (settings.leaveOnClose ? remembering.save : Effect.void))
  yield* Effect.addFinalizer(() => Effect.suspend(() => (settings.leaveOnClose && isUp() ? leave : Effect.void)))

  return { membership, broadcast: broadcasting.service }
})
