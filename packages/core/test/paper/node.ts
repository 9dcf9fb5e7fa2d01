/**
 * One node under test, and the words in which its tests are written: what it hears, loses and waits for, and what it then
 * holds and says.
 */
import { assert } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import type { LinkId, Peer, Sample } from "@hyparview/core/Peer"
import { seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { step } from "./frozen.ts"

type Message = HyParView.Message<number, number>
type Input = HyParView.Input<number, number>
type Output = HyParView.Output<number, number>
type State = HyParView.State<number, number>

// --- names -----------------------------------------------------------------------------------------------------------

/** Peer 3 in its first incarnation; it is dialled at 103. */
export const peer = (id: number, epoch = 1): Peer<number, number> => ({ id, epoch, address: 100 + id })

/** The passive view of these peers, each of age 0 since cycle 0 unless given. */
export const passiveOf = (
  peers: ReadonlyArray<Peer<number, number>>,
  since: ReadonlyArray<number> = peers.map(() => 0)
): HyParView.Passive<number, number> => ({ ...gravesOf(peers), since })

/** A graveyard of these. */
export const gravesOf = (peers: ReadonlyArray<Peer<number, number>>): HyParView.Peers<number, number> => ({
  ids: peers.map(({ id }) => id),
  epochs: peers.map(({ epoch }) => epoch),
  addresses: peers.map(({ address }) => address)
})

/** Peers and their ages: all 0 unless given. */
export const sample = (ids: ReadonlyArray<number>, ages?: ReadonlyArray<number>): Sample<number, number> => ({
  peers: ids.map((id) => peer(id)),
  ages: ages ?? ids.map(() => 0)
})

/** The link that a request of the asker has made. */
export const linkOf = (asker: number, requestId: number, epoch = 1): LinkId<number> => ({ asker, epoch, requestId })

/** The link by which a node of the fixture holds neighbour `id`: neighbour `id` asked for it by request 500 + `id`. */
export const linkTo = (id: number): LinkId<number> => linkOf(id, 500 + id)

// --- messages --------------------------------------------------------------------------------------------------------

export const join = (requestId: number): Message => ({ _tag: "Join", requestId })

export const neighbor = (requestId: number, reason: HyParView.NeighborReason): Message => ({
  _tag: "Neighbor",
  requestId,
  reason
})

/** A `bridge` for a hole that will have moved so often. */
export const bridge = (requestId: number, moves: number): Message => ({
  _tag: "Neighbor",
  requestId,
  reason: "bridge",
  moves
})

export const reply = (
  requestId: number,
  answer: HyParView.NeighborAnswer,
  retryAfterMillis = 0,
  offered: Sample<number, number> = sample([])
): Message => ({ _tag: "NeighborReply", requestId, answer, retryAfterMillis, sample: offered })

export const forwardJoin = (link: LinkId<number>, joiner: Peer<number, number>, ttl: number): Message => ({
  _tag: "ForwardJoin",
  link,
  joiner,
  ttl
})

export const disconnect = (
  link: LinkId<number>,
  reason: HyParView.DisconnectReason,
  offered: Sample<number, number> = sample([])
): Message => ({ _tag: "Disconnect", link, reason, sample: offered })

/** The eviction that a `bridge` brings, for a hole that has moved so often. */
export const evictedForBridge = (link: LinkId<number>, offered: Sample<number, number>, moves: number): Message => ({
  _tag: "Disconnect",
  link,
  reason: "evicted",
  sample: offered,
  moves
})

export const shuffle = (
  link: LinkId<number> | undefined,
  requestId: number,
  origin: Peer<number, number>,
  ttl: number,
  offered: Sample<number, number>
): Message => ({ _tag: "Shuffle", link, requestId, origin, ttl, sample: offered })

export const shuffleReply = (requestId: number, offered: Sample<number, number>): Message => ({
  _tag: "ShuffleReply",
  requestId,
  sample: offered
})

export const heartbeat = (link: LinkId<number>, nonce: number): Message => ({ _tag: "Heartbeat", link, nonce })

export const heartbeatReply = (link: LinkId<number>, nonce: number): Message => ({
  _tag: "HeartbeatReply",
  link,
  nonce
})

export const probe = (nonce: number): Message => ({ _tag: "Probe", nonce })

export const probeReply = (nonce: number): Message => ({ _tag: "ProbeReply", nonce })

export const notNeighbor = (link: LinkId<number>): Message => ({ _tag: "NotNeighbor", link })

// --- the fixture -----------------------------------------------------------------------------------------------------

/** A = 3, P = 6, ka = kp = 2, F = 1: small enough to see everything, large enough to have a choice. */
export const smallConfig: HyParView.Config = Result.getOrThrow(
  HyParView.forClusterSize(100, { activeSize: 3, passiveSize: 6, shuffleActive: 2, shufflePassive: 2 })
)

/**
 * What a node holds when its test begins. The fixture starts it by a real step (Join, without contacts), and then puts
 * these peers into its views, none of its slots asked for and no repair round begun: the next step does that, if there
 * is cause.
 */
export interface Given {
  /** Neighbours that asked for their links (`linkTo`). */
  readonly active?: ReadonlyArray<number>
  /** Neighbours that this node asked itself. They stand before the others. */
  readonly chosen?: ReadonlyArray<number>
  /** The passive view, each entry of age 0. */
  readonly passive?: ReadonlyArray<number>
  readonly graveyard?: ReadonlyArray<number>
  readonly config?: Partial<HyParView.Config>
  readonly epoch?: number
  readonly seed?: number
}

const start = (id: number, given: Given): State => {
  const config = Result.getOrThrow(HyParView.validate({ ...smallConfig, ...given.config }))
  const self = peer(id, given.epoch)
  const idle = HyParView.init({ config, self, random: seeded(given.seed ?? 1) })
  const { state } = step(idle, { _tag: "Join", now: 0, contacts: [] })
  const chosen = (given.chosen ?? []).map((id) => ({
    id,
    peer: peer(id),
    link: linkOf(self.id, 500 + id, self.epoch),
    chosen: true,
    heardIn: 0,
    unbiased: true
  }))
  const others = (given.active ?? []).map((id) => ({
    id,
    peer: peer(id),
    link: linkTo(id),
    chosen: false,
    heardIn: 0,
    unbiased: true
  }))
  const active = [...chosen, ...others]
  return {
    ...state,
    status: active.length > 0 ? "joined" : "joining",
    active,
    passive: passiveOf((given.passive ?? []).map((id) => peer(id))),
    memory: { ...state.memory, graveyard: gravesOf((given.graveyard ?? []).map((id) => peer(id))) },
    round: { tried: [], busy: [], retried: [], waiting: false, waitMillis: 0, lead: undefined },
    // Slots that are free from the beginning stay where they are: no hole is moved on their account (4k).
    hole: { since: Number.MAX_SAFE_INTEGER, moves: 0 },
    timers: { ...state.timers, Repair: { nonce: 0, at: 0 }, Discovery: { nonce: 0, at: 0 } },
    contacts: { ...state.contacts, discoveryWaitMillis: 0 }
  }
}

/** A node with these views. */
export const node = (id: number, given: Given = {}): Subject => new Subject(start(id, given))

/** A node that has been made and not told to join. */
export const idleNode = (id: number, override: Partial<HyParView.Config> = {}): Subject =>
  new Subject(HyParView.init({ config: { ...smallConfig, ...override }, self: peer(id), random: seeded(1) }))

/** A node under test. Every verb is one step; the nouns speak of the state and the outputs after the last one. */
export class Subject {
  state: State
  outputs: ReadonlyArray<Output> = []
  now = 0

  constructor(state: State) {
    this.state = state
  }

  step(input: Input): this {
    const { outputs, state } = step(this.state, input)
    this.state = state
    this.outputs = outputs
    return this
  }

  // --- verbs ---

  joins(...contacts: ReadonlyArray<number>): this {
    return this.step({ _tag: "Join", now: this.now, contacts })
  }

  leaves(): this {
    return this.step({ _tag: "Leave", now: this.now })
  }

  hears(from: number | Peer<number, number>, message: Message): this {
    return this.step({ _tag: "Received", now: this.now, from: typeof from === "number" ? peer(from) : from, message })
  }

  /** The open link to a peer ends, by no wish of this node. */
  loses(id: number | Peer<number, number>, cause: HyParView.LinkCause = "reset"): this {
    return this.step({ _tag: "LinkClosed", now: this.now, peer: typeof id === "number" ? peer(id) : id, cause })
  }

  /** What was to be sent to a peer found no link and could open none. */
  cannotReach(who: number | Peer<number, number>, cause: HyParView.DialCause = "refused"): this {
    return this.step({ _tag: "SendFailed", now: this.now, to: typeof who === "number" ? peer(who) : who, cause })
  }

  /** The dial to a contact's address is answered, by the peer whose address it is unless another is given. */
  opens(address: number, answering: Peer<number, number> = peer(address - 100)): this {
    return this.step({ _tag: "LinkOpened", now: this.now, address, peer: answering })
  }

  cannotDial(address: number, cause: HyParView.DialCause = "refused"): this {
    return this.step({ _tag: "DialFailed", now: this.now, address, cause })
  }

  /** Discovery's answer. */
  isTold(...contacts: ReadonlyArray<number>): this {
    return this.step({ _tag: "ContactsFound", now: this.now, contacts })
  }

  hasConflict(epoch: number): this {
    return this.step({ _tag: "EpochConflict", now: this.now, epoch })
  }

  /** The driver says what the peers cost for whom it was just asked; no cost is none. */
  weighs(costs: Readonly<Record<number, number>>): this {
    const [measure] = this.gives("Measure")
    assert.isDefined(measure, "nothing was to be weighed")
    return this.step({
      _tag: "CostsMeasured",
      now: this.now,
      nonce: measure?.nonce ?? 0,
      costs: measure?.peers.map(({ id }) => costs[id]) ?? []
    })
  }

  /** The timer in this slot fires, when it is due. */
  fires(kind: HyParView.Timer): this {
    const { at, nonce } = this.state.timers[kind]
    assert.notStrictEqual(nonce, 0, `no ${kind} timer is set`)
    this.now = Math.max(this.now, at)
    return this.step({ _tag: "TimerFired", now: this.now, kind, nonce })
  }

  /** Time passes in which nothing happens. */
  waits(millis: number): this {
    this.now += millis
    return this
  }

  // --- nouns ---

  get active(): ReadonlyArray<number> {
    return this.state.active.map((neighbor) => neighbor.peer.id)
  }

  get passive(): ReadonlyArray<number> {
    return this.state.passive.ids
  }

  get graveyard(): ReadonlyArray<number> {
    return this.state.memory.graveyard.ids
  }

  /** Whom it has asked for a link and has no answer from. */
  get asking(): ReadonlyArray<number> {
    return this.state.pending.map((asking) => asking.peer.id)
  }

  /** The request under way to a peer. */
  requestTo(id: number): number {
    const asking = this.state.pending.find((asking) => asking.peer.id === id)
    assert.isDefined(asking, `${id} is not being asked`)
    return asking?.requestId ?? 0
  }

  /** Everything it sends, in order: to whom, and what. */
  get sent(): ReadonlyArray<readonly [to: number, message: Message]> {
    return this.outputs.flatMap((output) => (output._tag === "Send" ? [[output.to.id, output.message] as const] : []))
  }

  /** What it sends to one peer. */
  saysTo(id: number): ReadonlyArray<Message> {
    return this.sent.flatMap(([to, message]) => (to === id ? [message] : []))
  }

  /** The messages of one kind that it sends, each with its receiver. */
  says<Tag extends Message["_tag"]>(
    tag: Tag
  ): ReadonlyArray<Extract<Message, { _tag: Tag }> & { readonly to: number }> {
    return this.sent.flatMap(([to, message]) => (isTagged(message, tag) ? [{ ...message, to }] : []))
  }

  /** The outputs of one kind. */
  gives<Tag extends Output["_tag"]>(tag: Tag): ReadonlyArray<Extract<Output, { _tag: Tag }>> {
    return this.outputs.filter((output): output is Extract<Output, { _tag: Tag }> => output._tag === tag)
  }

  /** What it tells the application of its neighbours: `+3`, `-4 evicted`. */
  get news(): ReadonlyArray<string> {
    return this.outputs.flatMap((output) =>
      output._tag === "NeighborUp"
        ? [`+${output.peer.id}`]
        : output._tag === "NeighborDown"
          ? [`-${output.peer.id} ${output.reason}`]
          : []
    )
  }
}

const isTagged = <M extends Message, Tag extends Message["_tag"]>(
  message: M,
  tag: Tag
): message is M & Extract<Message, { _tag: Tag }> => message._tag === tag

/** Numbers in ascending order, for comparing what has no order. */
export const sorted = (ids: Iterable<number>): ReadonlyArray<number> => [...ids].sort((a, b) => a - b)

/** What a question about a fresh node answers for each of the seeds 1 … count: for what must hold whatever is drawn. */
export const overSeeds = <T>(count: number, question: (seed: number) => T): ReadonlyArray<T> =>
  Array.from({ length: count }, (_, index) => question(index + 1))

/** Waits that begin with `first`, double up to `longest`, and are each up to half longer or shorter than that. */
export const assertDoubling = (waits: ReadonlyArray<number>, first: number, longest: number): void => {
  waits.forEach((wait, index) => {
    const due = Math.min(longest, first * 2 ** index)
    assert.isTrue(wait >= due / 2 && wait <= due * 1.5, `wait ${index} is ${wait}, due are ${due} ± half`)
  })
  assert.isAbove(new Set(waits).size, waits.length / 2, "waits without jitter")
}
