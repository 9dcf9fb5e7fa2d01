/**
 * Topics that the application validates: a message is neither delivered nor passed on nor kept until it is accepted. It
 * counts as seen meanwhile.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { type Config, defaultConfig } from "./Config.ts"
import { accept } from "./Delivery.ts"
import { holdersOf } from "./Gaps.ts"
import { heed } from "./Guide.ts"
import * as Held from "./Held.ts"
import { type MessageId, type Origin, sameMessage, sameOrigin } from "./Message.ts"
import type { Verdict } from "./Protocol.ts"
import type { State, Waiting } from "./State.ts"
import { slotOf } from "./Streams.ts"
import { changeUpkeep, type Transition } from "./Transition.ts"

/** ValidateTopic. What waits already still waits for its verdict. */
export const validateTopic = <I extends Key, A>(t: Transition<I, A>, topic: string, on: boolean): void => {
  const { config, upkeep: old } = t.state
  const others = old.validated.filter((other) => other !== topic)
  if (!on) changeUpkeep(t, { validated: others })
  else if (others.length < config.topicsSize) changeUpkeep(t, { validated: [...others, topic] })
}

/** As many bytes may wait for a verdict. */
const mostBytes = ({ retainedBytes }: Config): number =>
  retainedBytes > 0 ? retainedBytes : defaultConfig.retainedBytes

/**
 * Whether the answer to a FETCH finds room among those that wait. Those that were fetched are judged first; what is pushed may be as many
 * all the time, where verdicts take long, and only has to leave room: else nothing would ever be fetched.
 */
export const hasRoomToJudge = <I extends Key, A>(config: Config, waiting: ReadonlyArray<Waiting<I, A>>): boolean => {
  if (waiting.length > config.verdictsSize / 2) return false
  let fetched = 0
  let fetchedBytes = 0
  let bytes = 0
  for (const { gossip, named } of waiting) {
    const size = Held.bytesOf(gossip.payload)
    bytes += size
    if (named === undefined) continue
    fetched++
    fetchedBytes += size
  }
  const most = mostBytes(config)
  return fetched <= Math.floor(config.verdictsSize / 16) && fetchedBytes <= most / 16 && bytes <= most / 2
}

/**
 * Asks the application. If as many wait as may, by number or by bytes, it is not asked, and the message is ignored: one that it
 * judges already must not make room for one that it has not begun with, or in a flood it would finish none.
 */
export const awaitVerdict = <I extends Key, A>(t: Transition<I, A>, waiting: Waiting<I, A>): void => {
  const { from, gossip } = waiting
  const { id, payload, publishedAt } = gossip
  const { config, upkeep: old } = t.state
  const most = mostBytes(config)
  let bytes = Held.bytesOf(payload)
  for (const { gossip } of old.waiting) {
    // Its origin has made room and begun anew. The application has been asked, and what it says of one copy it says of both.
    if (sameMessage(gossip.id, id)) return
    bytes += Held.bytesOf(gossip.payload)
  }
  if (old.waiting.length >= config.verdictsSize || (old.waiting.length > 0 && bytes > most)) {
    t.outputs.push({ _tag: "Rejected", id, from, verdict: "ignore" })
    return
  }
  changeUpkeep(t, { waiting: [...old.waiting, waiting] })
  t.outputs.push({ _tag: "Validate", id, payload, publishedAt, from })
}

/** The application's verdict. One that comes too late, or twice, is ignored. */
export const onVerdict = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, verdict: Verdict): void => {
  const index = t.state.upkeep.waiting.findIndex(({ gossip }) => sameMessage(gossip.id, id))
  const waiting = t.state.upkeep.waiting[index]
  if (waiting === undefined) return
  if (verdict !== "accept") return dismiss(t, index, verdict)
  changeUpkeep(t, { waiting: t.state.upkeep.waiting.toSpliced(index, 1) })
  const { bornAt, from, gossip, named } = waiting
  heed(t, id, gossip.publishedAt, t.now - bornAt)
  const slot = slotOf(t.state.streams, id.source, id.epoch, id.topic)
  // Others may have named some of it since.
  accept(t, slot, gossip, from, bornAt, named?.concat(holdersOf(t, slot)))
}

/** From a number on the lowest of an origin that waits for its verdict; infinity if none does. */
export const firstAwaited = <I extends Key, A>({ upkeep }: State<I, A>, origin: Origin<I>, from: number): number => {
  let first = Infinity
  for (const { gossip } of upkeep.waiting) {
    const { id } = gossip
    if (id.sequence >= from && sameOrigin(id, origin)) first = Math.min(first, id.sequence)
  }
  return first
}

const dismiss = <I extends Key, A>(t: Transition<I, A>, index: number, verdict: "reject" | "ignore"): void => {
  const { waiting } = t.state.upkeep
  const entry = waiting[index]
  if (entry === undefined) return
  changeUpkeep(t, { waiting: waiting.toSpliced(index, 1) })
  t.outputs.push({ _tag: "Rejected", id: entry.gossip.id, from: entry.from, verdict })
}

/** Verdicts that took too long. All wait equally long, so the first is the oldest. */
export const dismissLate = <I extends Key, A>(t: Transition<I, A>): void => {
  while ((t.state.upkeep.waiting[0]?.until ?? Infinity) <= t.now) dismiss(t, 0, "ignore")
}

/** The oldest is not waited for any more. */
export const dismissFirst = <I extends Key, A>(t: Transition<I, A>): void => dismiss(t, 0, "ignore")
