/**
 * What new neighbours tell each other: which sequences of which origins they keep. In messages of bounded size, one after
 * another, so that many links at once, or links that come and go, cost little. What a node learns to be missing it fetches
 * (`Recovery.ts`), and handles as new: so what crosses one new link reaches everybody behind it.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { addHolder, listGaps, wantedFrom } from "./Gaps.ts"
import * as Held from "./Held.ts"
import type { Ranges } from "./Message.ts"
import { askForGaps } from "./Recovery.ts"
import { expect, hasGap, isRuns, isSequence, notDone } from "./Seen.ts"
import { at, forgottenFloor, isOurs, put, slotFor } from "./Streams.ts"
import { changeLink, type Transition } from "./Transition.ts"

/** Slots that are looked at for one DIGEST, for each origin that it may name. */
const slotsLookedAt = 16

/** Tells the neighbour at an index what is kept here: the next part of it. */
export const tellDigest = <I extends Key, A>(t: Transition<I, A>, index: number): void => {
  const { config, links, neighbors, streams } = t.state
  const to = neighbors[index]
  let slot = links[index]?.digestSlot ?? -1
  if (to === undefined || slot < 0) return
  const held: Array<Ranges<I>> = []
  const last = Math.min(streams.count, slot + slotsLookedAt * config.digestSize)
  for (; slot < last && held.length < config.digestSize; slot++) {
    const stream = at(streams, slot)
    if (stream === undefined || stream.held.count === 0) continue
    const { epoch, source, topic } = stream
    // It has what it published itself.
    if (source === to.id && epoch === to.epoch) continue
    const runs = Held.runsOf(stream.held, config.gapsSize, t.now - config.retainedMillis)
    // What is too old is not sent, and goes with the next sweep.
    if (runs.length > 0) held.push({ source, epoch, topic, runs })
  }
  if (held.length > 0) t.outputs.push({ _tag: "Send", to, message: { _tag: "Digest", held } })
  const done = slot >= streams.count
  changeLink(t, index, { digestSlot: done ? -1 : slot, digestAt: done ? 0 : t.now + config.digestMillis })
}

/** The next part, for whom it is due. */
export const tellDigests = <I extends Key, A>(t: Transition<I, A>): void => {
  t.state.links.forEach(({ digestAt, digestSlot }, index) => {
    if (digestSlot >= 0 && digestAt <= t.now) tellDigest(t, index)
  })
}

/** The lowest number of these runs that is not below another; infinity if there is none. */
const firstFrom = (runs: ReadonlyArray<number>, bottom: number): number => {
  for (let i = 0; i + 1 < runs.length; i += 2) {
    if ((runs[i + 1] ?? 0) >= bottom) return Math.max(runs[i] ?? 0, bottom)
  }
  return Infinity
}

/** DIGEST received: what it names and is missing here is fetched, this neighbour being asked first. */
export const onDigest = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  held: ReadonlyArray<Ranges<I>>
): void => {
  const { config } = t.state
  if (!config.recovery || held.length === 0) return
  const named = new Set<number>()
  const opened = new Set<number>()
  for (const ranges of held) {
    const { epoch, runs } = ranges
    const last = runs[runs.length - 1]
    if (last === undefined || !isRuns(runs) || !isSequence(epoch)) continue
    if (isOurs(t.state, ranges)) continue
    const bottom = last - config.windowSize + 1
    const first = config.catchUp ? firstFrom(runs, bottom) : last + 1
    // An origin that made room with all of this done is left where it is, or a digest of many would turn the whole table over.
    if (forgottenFloor(t.state.streams, ranges) >= last) continue
    // What it keeps may begin with what came to it first: older ones may be kept elsewhere, or be on their way.
    const slot = slotFor(t, ranges, { first, older: config.catchUp, hearsay: true })
    const old = at(t.state.streams, slot)
    if (old === undefined) continue
    let stream = expect(old, last)
    // The first message of an origin may have been pushed before the digest came that sets the baseline. But what nobody names is
    // not owed: nobody would be asked for it.
    const owed = config.catchUp ? firstFrom(notDone(stream, runs), bottom) : Infinity
    if (owed < stream.owed) stream = wantedFrom({ ...stream, owed }, owed)
    if (stream !== old) put(t, slot, stream)
    if (hasGap(stream) && notDone(stream, runs).length > 0) {
      if (stream.gap === undefined) opened.add(slot)
      named.add(slot)
      addHolder(t, slot, from.id)
    }
  }
  if (named.size === 0) return
  listGaps(t, opened)
  askForGaps(t, named, true)
}
