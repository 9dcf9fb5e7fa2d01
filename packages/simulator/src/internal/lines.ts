/**
 * The lines of typed words in which states rest (`resting.ts`): where each part of a membership's state stands in one, and
 * how it is read and written.
 */
import type { HyParView } from "@hyparview/core"

export type Membership = HyParView.State<number, number>
type Peer = Membership["self"]
type Neighbor = Membership["active"][number]
type Asking = Membership["pending"][number]
type Passive = Membership["passive"]
type Timers = Membership["timers"]
type Slot = Timers["Cycle"]
export type Round = Membership["round"]
type OpenShuffle = NonNullable<Membership["shuffle"]>

/** What of a membership's state does not rest as words. */
export interface RestOfMembership extends Pick<
  Membership,
  "config" | "self" | "status" | "swap" | "contacts" | "memory" | "search" | "admission"
> {
  /** Undefined: it rests as words. */
  readonly round: Round | undefined
}

// --- where it stands: first what every step looks at ---------------------------------------------------------------

const random0 = 0
const random1 = 1
const cycle = 2
const nextRequestId = 3
const nextNonce = 4
const heartbeatRound = 5
const heartbeatSentAt = 6
/** How many entries each list has, a byte each: active, passive, pending, sent. */
const counts = 7
/** As much as a byte can say. */
const mostEntries = 255
const holeSince = 8
const holeMoves = 9
/** The id and one, 0: nobody. */
const seekerId = 10
const seekerEpoch = 11
const seekerAt = 12
/** 0: none is open. */
const shuffleId = 13
const shuffleDeadline = 14
const shuffleDirect = 15
/** Nonce and time of each slot. */
const timers = 16
const broadcastRandom0 = 26
const broadcastRandom1 = 27
const broadcastNonce = 28
/** How many entries each of its lists has, a byte each: tried, busy, retried; and whether it waits. */
const roundCounts = 29
const roundWait = 30
/** The id and one, 0: none. */
const roundLead = 31
const activeView = 32
/** Words of an active entry: id, epoch, the link's three, heardIn, flags. */
const activeWords = 7
const activeFlags = 6
const chosenFlag = 1
const optimizedFlag = 2
/** Of a flag word, from this bit on: at how many duplicates an idle broadcast prunes the neighbour. */
const pruneShift = 8
/** Words of a request under way: id, epoch, request, reason, deadline. */
const pendingWords = 5
/** Words of a peer that a shuffle has sent: id, epoch. */
const sentWords = 2
/** Room of each list of a round. */
const roundRoom = 8
const waitingFlag = 1 << 24
/** Columns of the passive view: id, epoch, since. */
const passiveColumns = 3
/** Lines begin where cache lines do, as far as the array does. */
const cacheLineWords = 16

const reasons: ReadonlyArray<Asking["reason"]> = ["join", "joinWalk", "empty", "repair", "bridge"]
const emptySlot: Slot = { nonce: 0, at: 0 }
const none: ReadonlyArray<never> = []

const noRound: Round = { tried: none, busy: none, retried: none, waiting: false, waitMillis: 0, lead: undefined }

const isWord = (value: number): boolean => (value | 0) === value

/** The passive view of a state at rest, read when it is first looked at: most steps do not. */
export class RestingPassive implements Passive {
  private readonly lines: Lines
  private readonly at: number
  private readonly size: number
  private idColumn: ReadonlyArray<number> | undefined = undefined
  private epochColumn: ReadonlyArray<number> | undefined = undefined
  private sinceColumn: ReadonlyArray<number> | undefined = undefined
  private asWhole: Passive | undefined = undefined

  constructor(lines: Lines, at: number, size: number) {
    this.lines = lines
    this.at = at
    this.size = size
  }

  get ids(): ReadonlyArray<number> {
    return (this.idColumn ??= this.lines.column(this.at, 0, this.size))
  }

  get epochs(): ReadonlyArray<number> {
    return (this.epochColumn ??= this.lines.column(this.at, 1, this.size))
  }

  get addresses(): ReadonlyArray<number> {
    return this.ids
  }

  get since(): ReadonlyArray<number> {
    return (this.sinceColumn ??= this.lines.column(this.at, 2, this.size))
  }

  /** The same, read. */
  get whole(): Passive {
    const { addresses, epochs, ids, since } = this
    return (this.asWhole ??= { ids, epochs, addresses, since })
  }
}

/** How many entries a line has room for, in each list. */
interface Room {
  readonly active: number
  readonly passive: number
  readonly sent: number
}

/** Mutable: they belong to the states that rest in them. */
export class Lines {
  private readonly room: Room
  private readonly passiveView: number
  private readonly pendingList: number
  private readonly sentList: number
  private readonly roundLists: number
  private readonly stride: number
  private words: Int32Array
  /** Arrays to copy, by length, so that what is read is of V8's packed kinds, as all other arrays are. */
  private readonly zeros: ReadonlyArray<ReadonlyArray<number>>
  private readonly strangers: ReadonlyArray<ReadonlyArray<Neighbor>>

  constructor(nodes: number, { activeSize, passiveSize, shuffleActive, shufflePassive }: HyParView.Config) {
    const active = Math.min(mostEntries, activeSize)
    const passive = Math.min(mostEntries, passiveSize)
    // Beside a sample the beacon travels.
    const sent = Math.min(mostEntries, shuffleActive + shufflePassive + 1)
    this.room = { active, passive, sent }
    this.passiveView = activeView + activeWords * active
    this.sentList = this.passiveView + passiveColumns * passive
    this.pendingList = this.sentList + sentWords * sent
    this.roundLists = this.pendingList + pendingWords * active
    this.stride = Math.ceil((this.roundLists + 3 * roundRoom) / cacheLineWords) * cacheLineWords
    this.words = new Int32Array(nodes * this.stride)
    const stranger = this.neighborAt(0)
    this.zeros = Array.from({ length: passive + 1 }, (_, length) => Array.from({ length }, () => 0).slice())
    this.strangers = Array.from({ length: active + 1 }, (_, length) => Array.from({ length }, () => stranger))
  }

  fork(config: HyParView.Config): Lines {
    const fork = new Lines(0, config)
    fork.words = this.words.slice()
    return fork
  }

  /** Where a node's line begins. */
  at(node: number): number {
    return node * this.stride
  }

  /** Reads a word of each cache line. */
  touch(at: number): number {
    const { stride, words } = this
    let sum = 0
    for (let word = at; word < at + stride; word += cacheLineWords) sum += words[word] ?? 0
    return sum
  }

  /** The state that rests in a line, and beside it. */
  membershipAt(at: number, rest: RestOfMembership): Membership {
    const { words } = this
    const sizes = words[at + counts] ?? 0
    return {
      random0: words[at + random0] ?? 0,
      random1: words[at + random1] ?? 0,
      config: rest.config,
      self: rest.self,
      status: rest.status,
      active: this.activeAt(at + activeView, sizes & 0xff),
      pending: (sizes & 0xff0000) === 0 ? none : this.pendingAt(at + this.pendingList, (sizes >>> 16) & 0xff),
      passive: new RestingPassive(this, at + this.passiveView, (sizes >>> 8) & 0xff),
      cycle: words[at + cycle] ?? 0,
      nextRequestId: words[at + nextRequestId] ?? 0,
      nextNonce: words[at + nextNonce] ?? 0,
      heartbeatRound: words[at + heartbeatRound] ?? 0,
      heartbeatSentAt: words[at + heartbeatSentAt] ?? 0,
      shuffle: words[at + shuffleId] === 0 ? undefined : this.shuffleAt(at, sizes >>> 24),
      swap: rest.swap,
      timers: this.timersAt(at + timers),
      round: rest.round ?? this.roundAt(at),
      hole: { since: words[at + holeSince] ?? 0, moves: words[at + holeMoves] ?? 0 },
      seeker: words[at + seekerId] === 0 ? undefined : this.seekerAt(at),
      contacts: rest.contacts,
      memory: rest.memory,
      search: rest.search,
      admission: rest.admission
    }
  }

  // --- reading ---------------------------------------------------------------------------------------------------------

  /** One column of a passive view. */
  column(at: number, which: number, size: number): ReadonlyArray<number> {
    const { words } = this
    const column = (this.zeros[size] ?? []).slice()
    const first = at + which * this.room.passive
    for (let i = 0; i < size; i++) column[i] = words[first + i] ?? 0
    return column
  }

  private activeAt(at: number, size: number): ReadonlyArray<Neighbor> {
    const active = (this.strangers[size] ?? []).slice()
    for (let i = 0; i < size; i++) active[i] = this.neighborAt(at + i * activeWords)
    return active
  }

  private neighborAt(at: number): Neighbor {
    const { words } = this
    const id = words[at] ?? 0
    const flags = words[at + activeFlags] ?? 0
    return {
      id,
      peer: { id, epoch: words[at + 1] ?? 0, address: id },
      link: { asker: words[at + 2] ?? 0, epoch: words[at + 3] ?? 0, requestId: words[at + 4] ?? 0 },
      chosen: (flags & chosenFlag) !== 0,
      heardIn: words[at + 5] ?? 0,
      optimized: (flags & optimizedFlag) !== 0
    }
  }

  private peerAt(at: number): Peer {
    const id = this.words[at] ?? 0
    return { id, epoch: this.words[at + 1] ?? 0, address: id }
  }

  private pendingAt(at: number, size: number): ReadonlyArray<Asking> {
    const { words } = this
    const pending: Array<Asking> = []
    for (let i = 0; i < size; i++) {
      const entry = at + i * pendingWords
      pending.push({
        peer: this.peerAt(entry),
        requestId: words[entry + 2] ?? 0,
        reason: reasons[words[entry + 3] ?? 0] ?? "repair",
        deadline: words[entry + 4] ?? 0
      })
    }
    return pending
  }

  private shuffleAt(at: number, size: number): OpenShuffle {
    const { words } = this
    const sent: Array<Peer> = []
    for (let i = 0; i < size; i++) sent.push(this.peerAt(at + this.sentList + i * sentWords))
    return {
      requestId: words[at + shuffleId] ?? 0,
      sent,
      deadline: words[at + shuffleDeadline] ?? 0,
      direct: words[at + shuffleDirect] === 1,
      stranger: undefined
    }
  }

  private timersAt(at: number): Timers {
    return {
      Cycle: this.slotAt(at),
      Heartbeat: this.slotAt(at + 2),
      Request: this.slotAt(at + 4),
      Repair: this.slotAt(at + 6),
      Discovery: this.slotAt(at + 8)
    }
  }

  private slotAt(at: number): Slot {
    const nonce = this.words[at] ?? 0
    return nonce === 0 ? emptySlot : { nonce, at: this.words[at + 1] ?? 0 }
  }

  private seekerAt(at: number): NonNullable<Membership["seeker"]> {
    const { words } = this
    const id = (words[at + seekerId] ?? 0) - 1
    return { peer: { id, epoch: words[at + seekerEpoch] ?? 0, address: id }, at: words[at + seekerAt] ?? 0 }
  }

  private roundAt(at: number): Round {
    const { words } = this
    const sizes = words[at + roundCounts] ?? 0
    const lead = words[at + roundLead] ?? 0
    if (sizes === 0 && lead === 0 && words[at + roundWait] === 0) return noRound
    return {
      tried: this.idsAt(at + this.roundLists, sizes & 0xff),
      busy: this.idsAt(at + this.roundLists + roundRoom, (sizes >>> 8) & 0xff),
      retried: this.idsAt(at + this.roundLists + 2 * roundRoom, (sizes >>> 16) & 0xff),
      waiting: (sizes & waitingFlag) !== 0,
      waitMillis: words[at + roundWait] ?? 0,
      lead: lead === 0 ? undefined : lead - 1
    }
  }

  private idsAt(at: number, size: number): ReadonlyArray<number> {
    if (size === 0) return none
    const ids: Array<number> = []
    for (let i = 0; i < size; i++) ids.push(this.words[at + i] ?? 0)
    return ids
  }

  /** Whether an id stands in the active view of a line. */
  hasNeighbor(at: number, id: number): boolean {
    const { words } = this
    const size = (words[at + counts] ?? 0) & 0xff
    for (let i = 0; i < size; i++) if (words[at + activeView + i * activeWords] === id) return true
    return false
  }

  // --- a broadcast that is idle ------------------------------------------------------------------------------------------

  /** Its generator, and its next nonce. */
  broadcastWords(at: number): readonly [random0: number, random1: number, nextNonce: number] {
    const { words } = this
    return [words[at + broadcastRandom0] ?? 0, words[at + broadcastRandom1] ?? 0, words[at + broadcastNonce] ?? 0]
  }

  /** At how many duplicates it prunes a neighbour. */
  thresholdAt(at: number, index: number): number {
    return (this.words[at + activeView + index * activeWords + activeFlags] ?? 0) >>> pruneShift
  }

  writeBroadcast(
    at: number,
    broadcast: { readonly random0: number; readonly random1: number; readonly nextNonce: number },
    thresholds: ReadonlyArray<{ readonly pruneAt: number }>
  ): void {
    const { words } = this
    words[at + broadcastRandom0] = broadcast.random0
    words[at + broadcastRandom1] = broadcast.random1
    words[at + broadcastNonce] = broadcast.nextNonce
    for (let i = 0; i < thresholds.length; i++) {
      const entry = at + activeView + i * activeWords + activeFlags
      words[entry] = (words[entry] ?? 0) | ((thresholds[i]?.pruneAt ?? 0) << pruneShift)
    }
  }

  // --- writing ---------------------------------------------------------------------------------------------------------

  /** Writes what differs, but for the round; whether it all fits. */
  write(at: number, state: Membership, was: Membership | undefined): boolean {
    const { words } = this
    words[at + random0] = state.random0
    words[at + random1] = state.random1
    words[at + cycle] = state.cycle
    words[at + nextRequestId] = state.nextRequestId
    words[at + nextNonce] = state.nextNonce
    words[at + heartbeatRound] = state.heartbeatRound
    words[at + heartbeatSentAt] = state.heartbeatSentAt
    if (!isWord(state.heartbeatSentAt) || !isWord(state.nextRequestId) || !isWord(state.nextNonce)) return false
    const fits =
      (was?.active === state.active || this.writeActive(at + activeView, state.active)) &&
      (was?.passive === state.passive || this.writePassive(at + this.passiveView, state.passive)) &&
      ((was !== undefined && was.shuffle === state.shuffle) || this.writeShuffle(at, state.shuffle)) &&
      (was?.timers === state.timers || this.writeTimers(at + timers, state.timers)) &&
      (was?.pending === state.pending || this.writePending(at + this.pendingList, state.pending)) &&
      (was?.hole === state.hole || this.writeHole(at, state.hole)) &&
      ((was !== undefined && was.seeker === state.seeker) || this.writeSeeker(at, state.seeker))
    const sent = state.shuffle?.sent.length ?? 0
    words[at + counts] =
      state.active.length | (state.passive.ids.length << 8) | (state.pending.length << 16) | (sent << 24)
    return fits
  }

  /** Writes a round; whether it fits. */
  writeRound(at: number, { busy, lead, retried, tried, waiting, waitMillis }: Round): boolean {
    const { words } = this
    if (tried.length > roundRoom || busy.length > roundRoom || retried.length > roundRoom || !isWord(waitMillis)) {
      return false
    }
    words[at + roundCounts] = tried.length | (busy.length << 8) | (retried.length << 16) | (waiting ? waitingFlag : 0)
    words[at + roundWait] = waitMillis
    words[at + roundLead] = lead === undefined ? 0 : lead + 1
    this.writeIds(at + this.roundLists, tried)
    this.writeIds(at + this.roundLists + roundRoom, busy)
    this.writeIds(at + this.roundLists + 2 * roundRoom, retried)
    return true
  }

  private writeActive(at: number, active: Membership["active"]): boolean {
    const { words } = this
    if (active.length > this.room.active) return false
    let fits = true
    for (let i = 0; i < active.length; i++) {
      const neighbor = active[i]
      if (neighbor === undefined) return false
      const { chosen, heardIn, link, optimized, peer } = neighbor
      const entry = at + i * activeWords
      words[entry] = peer.id
      words[entry + 1] = peer.epoch
      words[entry + 2] = link.asker
      words[entry + 3] = link.epoch
      words[entry + 4] = link.requestId
      words[entry + 5] = heardIn
      words[entry + activeFlags] = (chosen ? chosenFlag : 0) | (optimized ? optimizedFlag : 0)
      fits &&= isWord(peer.epoch) && isWord(link.epoch) && isWord(link.requestId)
    }
    return fits
  }

  private writePassive(at: number, { epochs, ids, since }: Passive): boolean {
    const { words } = this
    const { passive } = this.room
    if (ids.length > passive) return false
    let fits = true
    for (let i = 0; i < ids.length; i++) {
      const epoch = epochs[i] ?? 0
      words[at + i] = ids[i] ?? 0
      words[at + passive + i] = epoch
      words[at + 2 * passive + i] = since[i] ?? 0
      fits &&= isWord(epoch)
    }
    return fits
  }

  private writePeer(at: number, { epoch, id }: Peer): boolean {
    this.words[at] = id
    this.words[at + 1] = epoch
    return isWord(epoch)
  }

  private writeShuffle(at: number, shuffle: Membership["shuffle"]): boolean {
    const { words } = this
    words[at + shuffleId] = shuffle?.requestId ?? 0
    if (shuffle === undefined) return true
    const { deadline, direct, sent, stranger } = shuffle
    words[at + shuffleDeadline] = deadline
    words[at + shuffleDirect] = direct ? 1 : 0
    if (sent.length > this.room.sent || stranger !== undefined || !isWord(deadline)) return false
    return sent.every((peer, i) => this.writePeer(at + this.sentList + i * sentWords, peer))
  }

  private writeTimers(at: number, { Cycle, Discovery, Heartbeat, Repair, Request }: Timers): boolean {
    return (
      this.writeSlot(at, Cycle) &&
      this.writeSlot(at + 2, Heartbeat) &&
      this.writeSlot(at + 4, Request) &&
      this.writeSlot(at + 6, Repair) &&
      this.writeSlot(at + 8, Discovery)
    )
  }

  private writeSlot(at: number, slot: Slot): boolean {
    this.words[at] = slot.nonce
    this.words[at + 1] = slot.at
    return isWord(slot.at)
  }

  private writePending(at: number, pending: Membership["pending"]): boolean {
    const { words } = this
    if (pending.length > this.room.active) return false
    return pending.every(({ deadline, peer, reason, requestId }, i) => {
      const entry = at + i * pendingWords
      words[entry + 2] = requestId
      words[entry + 3] = reasons.indexOf(reason)
      words[entry + 4] = deadline
      return this.writePeer(entry, peer) && isWord(requestId) && isWord(deadline)
    })
  }

  private writeIds(at: number, ids: ReadonlyArray<number>): void {
    for (let i = 0; i < ids.length; i++) this.words[at + i] = ids[i] ?? 0
  }

  private writeHole(at: number, { moves, since }: Membership["hole"]): boolean {
    this.words[at + holeSince] = since
    this.words[at + holeMoves] = moves
    return isWord(since)
  }

  private writeSeeker(at: number, seeker: Membership["seeker"]): boolean {
    const { words } = this
    words[at + seekerId] = seeker === undefined ? 0 : seeker.peer.id + 1
    if (seeker === undefined) return true
    words[at + seekerEpoch] = seeker.peer.epoch
    words[at + seekerAt] = seeker.at
    return isWord(seeker.peer.epoch) && isWord(seeker.at)
  }
}
