/**
 * The lines of typed words in which states rest (`resting.ts`): where each part of a membership's state stands in one, and
 * how it is read and written.
 */
import type { HyParView } from "@hyparview/core"
import { isWord, listAt, mostEntries, none, RestingPeers, writeList } from "./words.ts"

export type Membership = HyParView.State<number, number>
type Peer = Membership["self"]
type Neighbor = Membership["active"][number]
type Asking = Membership["pending"][number]
type Memory = Membership["memory"]
type Timers = Membership["timers"]
type Slot = Timers["Cycle"]
export type Round = Membership["round"]
type OpenShuffle = NonNullable<Membership["shuffle"]>

/** What of a membership's state does not rest as words. */
export interface RestOfMembership extends Pick<
  Membership,
  "config" | "self" | "status" | "swap" | "contacts" | "search" | "admission"
> {
  /** Undefined: it rests as words, and so below. */
  readonly round: Round | undefined
  readonly memory: Memory | undefined
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
/** How many graves and suspects there are, a byte each. */
const memoryCounts = 26
const epochRaisedAt = 27
/** How many entries each of its lists has, a byte each: tried, busy, retried; and whether it waits. */
const roundCounts = 28
const roundWait = 29
/** The id and one, 0: none. */
const roundLead = 30
const activeView = 32
/** Words of an active entry: id, epoch, the link's three, heardIn, flags. */
const activeWords = 7
const activeFlags = 6
const chosenFlag = 1
const unbiasedFlag = 2
/** Words of a request under way: id, epoch, request, reason, deadline. */
const pendingWords = 5
/** Words of a peer that a shuffle has sent: id, epoch. */
const sentWords = 2
/** Room of the three lists of a round together. */
const roundRoom = 24
const waitingFlag = 1 << 24
/** Columns of the passive view: id, epoch, since. */
const passiveColumns = 3
/** Columns of the graveyard: id, epoch. */
const graveColumns = 2
const suspectRoom = 16
/** Lines begin where cache lines do, as far as the array does. */
const cacheLineWords = 16

const reasons: ReadonlyArray<Asking["reason"]> = ["join", "joinWalk", "empty", "repair", "bridge"]
const emptySlot: Slot = { nonce: 0, at: 0 }

const noRound: Round = { tried: none, busy: none, retried: none, waiting: false, waitMillis: 0, lead: undefined }

const noGraves: Memory["graveyard"] = { ids: none, epochs: none, addresses: none }
const noMemory: Memory = { graveyard: noGraves, suspects: none, departed: none, epochRaisedAt: -1 }

/** How many entries a line has room for, in each list. */
interface Room {
  readonly active: number
  readonly passive: number
  readonly sent: number
  readonly graves: number
}

/** Mutable: they belong to the states that rest in them. */
export class Lines {
  readonly words: Int32Array
  private readonly nodes: number
  private readonly room: Room
  private readonly passiveView: number
  private readonly pendingList: number
  private readonly sentList: number
  private readonly roundLists: number
  private readonly graves: number
  private readonly suspects: number
  private readonly broadcast: number
  private readonly stride: number
  /** Arrays to copy, by length, so that what is read is of V8's packed kinds, as all other arrays are. */
  private readonly strangers: ReadonlyArray<ReadonlyArray<Neighbor>>

  /**
   * Behind the membership, each line has room for a broadcast of so many words. A line is in two halves, and the first halves
   * of all nodes stand before the second ones: what most steps look at is on fewer pages then.
   */
  constructor(nodes: number, config: HyParView.Config, broadcastWords: number, words?: Int32Array) {
    const room = roomOf(config)
    this.nodes = nodes
    this.room = room
    this.passiveView = activeView + activeWords * room.active
    this.pendingList = this.passiveView + passiveColumns * room.passive
    const first = this.pendingList + pendingWords * room.active
    const round = sentWords * room.sent
    const graves = round + roundRoom
    const suspects = graves + graveColumns * room.graves
    const broadcast = suspects + suspectRoom
    this.stride = Math.ceil(Math.max(first, broadcast + broadcastWords) / cacheLineWords) * cacheLineWords
    const half = nodes * this.stride
    this.sentList = half
    this.roundLists = half + round
    this.graves = half + graves
    this.suspects = half + suspects
    this.broadcast = half + broadcast
    this.words = words ?? new Int32Array(2 * half)
    const stranger = this.neighborAt(0)
    this.strangers = Array.from({ length: room.active + 1 }, (_, length) => Array.from({ length }, () => stranger))
  }

  fork(config: HyParView.Config, broadcastWords: number): Lines {
    return new Lines(this.nodes, config, broadcastWords, this.words.slice())
  }

  /** Where a node's line begins. */
  at(node: number): number {
    return node * this.stride
  }

  /** Where its broadcast does. */
  broadcastAt(at: number): number {
    return at + this.broadcast
  }

  /** Reads a word of each cache line of what steps look at: both views. */
  touch(at: number): number {
    return this.touchAll(at, at + this.pendingList)
  }

  /** Of what else there is, read once that is known. */
  touchMore(at: number): number {
    const { room, words } = this
    let sum = 0
    const round = words[at + roundCounts] ?? 0
    const graves = (words[at + memoryCounts] ?? 0) & 0xff
    if (((words[at + counts] ?? 0) & 0xff0000) !== 0) sum += words[at + this.pendingList] ?? 0
    if (round !== 0) sum += this.touchAll(at + this.roundLists, at + this.roundLists + (round & 0xff))
    if (graves > 0) sum += this.touchAll(at + this.graves, at + this.graves + room.graves + graves)
    return sum
  }

  private touchAll(from: number, to: number): number {
    const { words } = this
    let sum = 0
    for (let word = from; word < to; word += cacheLineWords) sum += words[word] ?? 0
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
      passive: new RestingPeers(words, at + this.passiveView, this.room.passive, (sizes >>> 8) & 0xff),
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
      memory: rest.memory ?? this.memoryAt(at),
      search: rest.search,
      admission: rest.admission
    }
  }

  // --- reading ---------------------------------------------------------------------------------------------------------

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
      unbiased: (flags & unbiasedFlag) !== 0
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
    const tried = at + this.roundLists
    const busy = tried + (sizes & 0xff)
    const retried = busy + ((sizes >>> 8) & 0xff)
    return {
      tried: listAt(words, tried, sizes & 0xff),
      busy: listAt(words, busy, (sizes >>> 8) & 0xff),
      retried: listAt(words, retried, (sizes >>> 16) & 0xff),
      waiting: (sizes & waitingFlag) !== 0,
      waitMillis: words[at + roundWait] ?? 0,
      lead: lead === 0 ? undefined : lead - 1
    }
  }

  private memoryAt(at: number): Memory {
    const { room, words } = this
    const sizes = words[at + memoryCounts] ?? 0
    const raisedAt = words[at + epochRaisedAt] ?? 0
    if (sizes === 0 && raisedAt === -1) return noMemory
    const graves = sizes & 0xff
    return {
      graveyard: graves === 0 ? noGraves : new RestingPeers(words, at + this.graves, room.graves, graves),
      suspects: listAt(words, at + this.suspects, sizes >>> 8),
      departed: none,
      epochRaisedAt: raisedAt
    }
  }

  /** Whether an id stands in the active view of a line. */
  hasNeighbor(at: number, id: number): boolean {
    const { words } = this
    const size = (words[at + counts] ?? 0) & 0xff
    for (let i = 0; i < size; i++) if (words[at + activeView + i * activeWords] === id) return true
    return false
  }

  // --- writing ---------------------------------------------------------------------------------------------------------

  /** Writes what differs, but for the round and the memory; whether it all fits. */
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
    if (tried.length + busy.length + retried.length > roundRoom || !isWord(waitMillis)) return false
    words[at + roundCounts] = tried.length | (busy.length << 8) | (retried.length << 16) | (waiting ? waitingFlag : 0)
    words[at + roundWait] = waitMillis
    words[at + roundLead] = lead === undefined ? 0 : lead + 1
    const first = at + this.roundLists
    writeList(words, first, tried)
    writeList(words, first + tried.length, busy)
    writeList(words, first + tried.length + busy.length, retried)
    return true
  }

  /** Writes a memory; whether it fits. */
  writeMemory(at: number, { departed, epochRaisedAt: raisedAt, graveyard, suspects }: Memory): boolean {
    const { words } = this
    if (departed.length > 0 || suspects.length > suspectRoom || !isWord(raisedAt)) return false
    words[at + memoryCounts] = graveyard.ids.length | (suspects.length << 8)
    words[at + epochRaisedAt] = raisedAt
    writeList(words, at + this.suspects, suspects)
    return this.writeGraves(at + this.graves, graveyard)
  }

  private writeActive(at: number, active: Membership["active"]): boolean {
    const { words } = this
    if (active.length > this.room.active) return false
    let fits = true
    for (let i = 0; i < active.length; i++) {
      const neighbor = active[i]
      if (neighbor === undefined) return false
      const { chosen, heardIn, link, unbiased, peer } = neighbor
      const entry = at + i * activeWords
      words[entry] = peer.id
      words[entry + 1] = peer.epoch
      words[entry + 2] = link.asker
      words[entry + 3] = link.epoch
      words[entry + 4] = link.requestId
      words[entry + 5] = heardIn
      words[entry + activeFlags] = (chosen ? chosenFlag : 0) | (unbiased ? unbiasedFlag : 0)
      fits &&= isWord(peer.epoch) && isWord(link.epoch) && isWord(link.requestId)
    }
    return fits
  }

  // The columns of both are written in a loop of their own: one that they shared was not compiled in line, and cost cycles a tenth.

  private writePassive(at: number, { epochs, ids, since }: Membership["passive"]): boolean {
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

  private writeGraves(at: number, { epochs, ids }: Memory["graveyard"]): boolean {
    const { words } = this
    const { graves } = this.room
    if (ids.length > graves) return false
    let fits = true
    for (let i = 0; i < ids.length; i++) {
      const epoch = epochs[i] ?? 0
      words[at + i] = ids[i] ?? 0
      words[at + graves + i] = epoch
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

/** How many entries a line has room for, in each list. */
const roomOf = ({ activeSize, graveyardSize, passiveSize, shuffleActive, shufflePassive }: HyParView.Config): Room => ({
  active: Math.min(mostEntries, activeSize),
  passive: Math.min(mostEntries, passiveSize),
  // Beside a sample the beacon travels.
  sent: Math.min(mostEntries, shuffleActive + shufflePassive + 1),
  graves: Math.min(mostEntries, graveyardSize)
})
