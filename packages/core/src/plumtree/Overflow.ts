/**
 * Announcements for which there was no room among the missing. Nobody announces a message twice, so without them a burst that
 * is longer than `missingSize` would lose its end to whoever the tree does not reach just then. They are hearsay, as what a
 * digest names is: a number for each origin, and a gap below it that is filled by asking neighbours (`Recovery.ts`), the
 * announcer first, unless the tree brings it in time. Where nothing is recovered they are forgotten.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { listGaps, waitForHolder } from "./Gaps.ts"
import type { MessageId } from "./Message.ts"
import { expect, hasGap } from "./Seen.ts"
import { at, put, slotFor } from "./Streams.ts"
import type { Transition } from "./Transition.ts"

/** A neighbour has announced these: they are to be asked for (`onIHave` has looked), and have no place among the missing. */
export const onOverflow = <I extends Key, A>(
  t: Transition<I, A>,
  announcer: I,
  ids: ReadonlyArray<MessageId<I>>
): void => {
  const { config } = t.state
  if (!config.recovery || ids.length === 0) return
  const opened = new Set<number>()
  for (const id of ids) {
    const { sequence } = id
    const slot = slotFor(t, id, { first: sequence, older: config.catchUp, hearsay: true })
    const old = at(t.state.streams, slot)
    // With `catchUp` off what is older than the baseline is history; with it, it is asked for already.
    if (old === undefined || sequence < old.owed) continue
    const stream = expect(old, sequence)
    if (stream !== old) put(t, slot, stream)
    if (!hasGap(stream)) continue
    if (stream.gap === undefined) opened.add(slot)
    waitForHolder(t, slot, announcer)
  }
  listGaps(t, opened)
}
