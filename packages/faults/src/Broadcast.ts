/**
 * What holds after every transition of a broadcast, whatever its input was (the rules of `docs/protocol.md`, section "Broadcast", as
 * far as one node keeps them by itself): looked at from outside, by states and outputs alone.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import type { Key } from "@hyparview/core/Peer"
import * as Plumtree from "@hyparview/core/Plumtree"

type Check = (holds: boolean, sentence: () => string) => void

type StreamOf<I extends Key, A> = Plumtree.State<I, A>["streams"]["near"][number]

/**
 * Every origin that a state knows, by its slot.
 *
 * @category inspection
 * @since 0.1.0
 */
export const streamsOf = <I extends Key, A>({ streams }: Plumtree.State<I, A>): ReadonlyArray<StreamOf<I, A>> => [
  ...streams.near,
  ...streams.far.flat()
]

/**
 * What is wrong with a state: sentences, none if all is well.
 *
 * @category checking
 * @since 0.1.0
 */
export const stateFaults = <I extends Key, A>(state: Plumtree.State<I, A>): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const check: Check = (holds, sentence) => {
    if (!holds) faults.push(sentence())
  }
  checkTrees(state, check)
  checkThicket(state, check)
  checkStreams(state, check)
  checkCaps(state, check)
  checkTimers(state, check)
  return faults
}

const checkTrees = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const { lazy, links, neighbors, self } = state
  const ids = neighbors.map(({ id }) => id)
  check(new Set(ids).size === ids.length, () => `a neighbour twice: ${ids.join(" ")}`)
  check(!ids.includes(self.id), () => "self is a neighbour")
  check(links.length === neighbors.length, () => "links and neighbours differ")
  const all = 1 << neighbors.length
  check(lazy >= 0 && lazy < all, () => `lazy is ${lazy} of ${neighbors.length} neighbours`)
  const trees = Plumtree.sourceTrees(state)
  check(new Set(trees.map(([source]) => source)).size === trees.length, () => "the tree of a source is there twice")
  for (const [source, { lazy: set, period, pruned }] of trees) {
    check(set >= 0 && set < all, () => `in the tree of ${source}, lazy is ${set} of ${neighbors.length} neighbours`)
    check((pruned & ~set) === 0, () => `in the tree of ${source}, ${pruned} are pruned, and ${set} lazy`)
    // Of those that lost a neighbour that is looked at later.
    check(
      set > 0 || period >= 0 || state.trees.lost.length > 0,
      () => `the tree of ${source} is remembered for nothing`
    )
  }
  const eager = Plumtree.eagerPeers(state, self.id)
  const lazyOnes = Plumtree.lazyPeers(state, self.id)
  check(!eager.some((peer) => lazyOnes.includes(peer)), () => "a neighbour is eager and lazy")
  check(eager.length + lazyOnes.length === neighbors.length, () => "eager and lazy are not the active view")
}

/** Of a thicket: what is known of each tree is about neighbours, and the load is within its bound. */
const checkThicket = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const { config, neighbors, thicket } = state
  const { told, trees } = thicket
  check(trees.length === (config.strategy === "thicket" ? config.treesCount : 0), () => `${trees.length} trees`)
  const all = 1 << neighbors.length
  check(told >= 0 && told < all, () => `told is ${told} of ${neighbors.length} neighbours`)
  trees.forEach(({ branches, isRoot, parent, seek }, number) => {
    const name = `tree ${number}`
    check(branches >= 0 && branches < all, () => `${name}: branches ${branches} of ${neighbors.length} neighbours`)
    check(parent === -1 || ((branches >> parent) & 1) === 1, () => `${name}: the parent, ${parent}, is no branch`)
    check(!(isRoot && parent >= 0), () => `${name}: the root has a parent`)
    check(
      (seek?.left.length ?? 0) <= Math.max(neighbors.length, config.announcersSize),
      () => `${name}: too many to ask`
    )
    check(seek === undefined || seek.until > 0, () => `${name}: seeks without a deadline`)
  })
}

/**
 * Whether a node of a thicket has more children than its bound allows: only one that has published in several trees may.
 *
 * @category inspection
 * @since 0.1.0
 */
export const isOverloaded = <I extends Key, A>(state: Plumtree.State<I, A>): boolean =>
  Plumtree.childCounts(state).reduce((sum, count) => sum + count, 0) > state.config.maxLoad

const checkStreams = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const { config, streams } = state
  const all = streamsOf(state)
  check(all.length === streams.count, () => `${all.length} streams, counted as ${streams.count}`)
  let bytes = 0
  const names = new Set<string>()
  all.forEach((stream, slot) => {
    const { above, epoch, floor, gap, held, owed, source, top, topic } = stream
    const name = `${String(source)}@${epoch} on ${topic}`
    check(!names.has(name), () => `two streams of ${name}`)
    names.add(name)
    let last = floor
    above.forEach((number, i) => {
      const lowest = i % 2 === 0 ? last + 2 : last
      check(number >= lowest, () => `${name}: runs ${above.join(" ")} above ${floor}`)
      last = number
    })
    check(last <= top, () => `${name}: ${last} has been seen, above the top, ${top}`)
    check(last - floor <= config.windowSize, () => `${name}: ${floor} to ${last} is more than the window`)
    const gaps = config.strategy === "thicket" ? config.windowSize : config.gapsSize
    check(above.length <= 2 * gaps, () => `${name}: ${above.length / 2} runs`)
    check(owed >= 0, () => `${name}: owed from ${owed}`)
    checkGap(state, stream, check, name)
    checkHeld(state, stream, check, name)
    bytes += held.bytes
    check((gap === undefined) !== state.upkeep.gaps.includes(slot), () => `${name}: its gap is not listed, or is none`)
  })
  check(new Set(state.upkeep.gaps).size === state.upkeep.gaps.length, () => "a gap is listed twice")
  check(bytes === streams.bytes, () => `${bytes} bytes are kept, counted as ${streams.bytes}`)
  check(bytes <= config.retainedBytes, () => `${bytes} bytes are kept`)
}

/** What is wanted is asked for; what is asked, and of whom anything is known, is asked and known of neighbours. */
const checkGap = <I extends Key, A>(
  { config, links, neighbors }: Plumtree.State<I, A>,
  { above, floor, gap, top, wanted }: StreamOf<I, A>,
  check: Check,
  name: string
): void => {
  if (config.recovery && gap?.open !== true) {
    // From the first number on that is wanted, up to the highest that is known of.
    let next = Math.max(floor + 1, wanted)
    for (let i = 0; i < above.length; i += 2)
      if ((above[i] ?? 0) <= next) next = Math.max(next, (above[i + 1] ?? 0) + 1)
    check(next > top, () => `${name}: ${next} is wanted, and nobody will be asked for it`)
  }
  if (gap?.open !== true) return
  const { asked, asking, goOn, gone, holders, unheard } = gap
  check(
    unheard.every((id) => goOn.includes(id)),
    () => `${name}: one has had no room for it that has no more`
  )
  for (const id of [...asked, ...holders, ...gone.map(({ id }) => id), ...goOn]) {
    check(
      neighbors.some((peer) => peer.id === id),
      () => `${name}: of ${String(id)}, no neighbour, something is known`
    )
  }
  if (asking === undefined) return
  const index = neighbors.findIndex(({ id }) => id === asking.id)
  check(index >= 0, () => `${name}: ${String(asking.id)} is asked, no neighbour`)
  check(index < 0 || (links[index]?.fetchAt ?? 0) > 0, () => `${name}: ${String(asking.id)} is asked, but for nothing`)
}

const checkHeld = <I extends Key, A>(
  state: Plumtree.State<I, A>,
  stream: StreamOf<I, A>,
  check: Check,
  name: string
): void => {
  const { above, floor, held } = stream
  const kept = Plumtree.retainedOf(state, stream)
  check(kept.length === held.count, () => `${name}: ${kept.length} are kept, counted as ${held.count}`)
  check(kept.length <= state.config.retainedMessages, () => `${name}: ${kept.length} are kept`)
  check(kept.reduce((sum, { bytes }) => sum + bytes, 0) === held.bytes, () => `${name}: bytes miscounted`)
  kept.forEach(({ sequence }, i) => {
    check(i === 0 || sequence > (kept[i - 1]?.sequence ?? 0), () => `${name}: kept out of order`)
    const seen = above.some((first, j) => j % 2 === 0 && sequence >= first && sequence <= (above[j + 1] ?? 0))
    check(sequence <= floor || seen, () => `${name}: ${sequence} is kept and has not been seen`)
  })
}

/** The origins of a source are found by halving: they ascend, and each is where it is looked for. */
const checkOrder = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const all = streamsOf(state)
  const ascend = (origins: ReadonlyArray<Plumtree.Origin<I> | undefined>, source: I): void =>
    origins.forEach((origin, i) => {
      const before = origins[i - 1]
      check(origin?.source === source, () => `an origin of ${String(origin?.source)} is listed for ${String(source)}`)
      if (origin === undefined || before === undefined) return
      const isAfter = origin.epoch > before.epoch || (origin.epoch === before.epoch && origin.topic > before.topic)
      check(isAfter, () => `the origins of ${String(source)} are not in order: ${origin.topic} after ${before.topic}`)
    })
  let listed = 0
  for (const [source, slots] of state.streams.index) {
    listed += slots.length
    ascend(
      slots.map((slot) => all[slot]),
      source
    )
  }
  check(listed === 0 || listed === all.length, () => `${listed} of ${all.length} streams are listed by source`)
  for (const generation of state.streams.forgotten) for (const [source, origins] of generation) ascend(origins, source)
}

const checkCaps = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const { config, upkeep } = state
  const atMost = (name: string, size: number, bound: number) =>
    check(size <= bound, () => `${name} holds ${size}, its bound is ${bound}`)
  let announcing = 0
  for (let entry = state.announcing; entry !== undefined; entry = entry.next) announcing++
  check(
    announcing === state.announcingCount,
    () => `${announcing} announcements wait, counted as ${state.announcingCount}`
  )
  atMost("announcing", announcing, config.announceSize)
  atMost("missing", state.missing.length, config.missingSize * Plumtree.maxNeighbors)
  for (const { announcers, rounds } of state.missing) {
    atMost("announcers", announcers.length, config.announcersSize)
    check(announcers.length === rounds.length, () => "announcers and rounds differ")
  }
  atMost("neighbors", state.neighbors.length, Plumtree.maxNeighbors)
  atMost("streams", state.streams.count, config.sourcesSize)
  atMost("forgotten", state.streams.forgottenCount, config.sourcesSize)
  const [young, elder] = state.streams.forgotten.map((generation) => [...generation].flatMap(([, origins]) => origins))
  check(young?.length === state.streams.forgottenCount, () => `${young?.length} are forgotten, counted as otherwise`)
  const known = [...streamsOf(state), ...(young ?? []), ...(elder ?? [])].map((origin) =>
    Plumtree.keyOf({ ...origin, sequence: 0 })
  )
  check(new Set(known).size === known.length, () => "an origin is remembered twice")
  checkOrder(state, check)
  atMost("trees", Plumtree.sourceTrees(state).length, config.treesSize)
  atMost("trees.lost", state.trees.lost.length, 63)
  atMost("topics", HashMap.size(state.topics), config.topicsSize)
  atMost("validated", upkeep.validated.length, config.topicsSize)
  atMost("waiting", upkeep.waiting.length, config.verdictsSize)
  atMost("recalls", upkeep.recalls.length, config.recallsSize)
  for (const { found, wanted } of upkeep.recalls) atMost("found", found.length, wanted)
  for (const stream of streamsOf(state)) {
    atMost("holders", stream.gap?.holders.length ?? 0, state.neighbors.length)
    // Who has answered and has more is yet to be asked again.
    atMost("asked", (stream.gap?.asked.length ?? 0) + (stream.gap?.goOn.length ?? 0), state.neighbors.length)
    atMost("gone", stream.gap?.gone.length ?? 0, state.neighbors.length)
  }
}

/** Whatever waits for a time has a timer that fires no later. */
const checkTimers = <I extends Key, A>(state: Plumtree.State<I, A>, check: Check): void => {
  const { links, missing, timers, upkeep } = state
  const isSet = (kind: Plumtree.Timer, deadlines: ReadonlyArray<number>) => {
    const waiting = deadlines.filter((at) => at > 0)
    const { at, nonce } = timers[kind]
    check(
      waiting.length === 0 || (nonce > 0 && at <= Math.min(...waiting)),
      () => `${kind} is ${nonce === 0 ? "not set" : `set for ${at}`}, ${Math.min(...waiting)} is due`
    )
  }
  check(state.announcingCount === 0 || timers.Announce.nonce > 0, () => "announcements wait without a timer")
  isSet(
    "Graft",
    missing.map(({ at }) => at)
  )
  isSet("Recover", [
    upkeep.gapsAt,
    upkeep.sweepAt,
    ...upkeep.waiting.map(({ until }) => until),
    ...upkeep.recalls.map(({ until }) => until),
    ...links.flatMap(({ digestAt, fetchAt }) => [digestAt, fetchAt]),
    ...state.thicket.trees.map(({ seek }) => seek?.until ?? 0)
  ])
}

/**
 * The application's view of one node: each message at most once, in exactly one of Delivered, Rejected and Lagged. Sees the
 * outputs of every step, and says what is wrong.
 *
 * @category checking
 * @since 0.1.0
 */
export class Ledger<I extends Key, A> {
  /** By origin, what became of each number; of what has been given up the ranges. */
  private readonly done = new Map<string, Map<number, "delivered" | "rejected">>()
  private readonly lagged = new Map<string, Array<readonly [first: number, last: number]>>()

  see(outputs: ReadonlyArray<Plumtree.Output<I, A>>): ReadonlyArray<string> {
    const faults: Array<string> = []
    for (const output of outputs) {
      if (output._tag === "Delivered" || output._tag === "Rejected") {
        const { epoch, sequence, source, topic } = output.id
        const origin = `${String(source)}@${epoch} on ${topic}`
        const done = this.done.get(origin) ?? new Map()
        this.done.set(origin, done)
        const before = done.get(sequence) ?? (this.isLagged(origin, sequence, sequence) ? "lagged" : undefined)
        if (before !== undefined) faults.push(`${origin}: ${sequence} is ${output._tag} after it was ${before}`)
        done.set(sequence, output._tag === "Delivered" ? "delivered" : "rejected")
      } else if (output._tag === "Lagged") {
        const { epoch, first, last, source, topic } = output
        const origin = `${String(source)}@${epoch} on ${topic}`
        if (!(first <= last)) faults.push(`${origin}: lagged from ${first} to ${last}`)
        if (this.isLagged(origin, first, last)) faults.push(`${origin}: ${first} to ${last} is lagged again`)
        for (const number of this.done.get(origin)?.keys() ?? []) {
          if (number >= first && number <= last) faults.push(`${origin}: ${number} is lagged after it was done`)
        }
        this.lagged.set(origin, [...(this.lagged.get(origin) ?? []), [first, last]])
      }
    }
    return faults
  }

  private isLagged(origin: string, first: number, last: number): boolean {
    return (this.lagged.get(origin) ?? []).some((range) => range[0] <= last && range[1] >= first)
  }
}
