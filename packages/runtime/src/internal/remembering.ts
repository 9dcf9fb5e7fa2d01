/**
 * What a node remembers over restarts, as the driver uses it: the memory of the start before, and the writing of this
 * one's. Rules 9c (the epoch) and 1d (contacts) of `docs/protocol.md`.
 */
import { HyParView, type Peer, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Memory, PeerStoreError, type PeerStore } from "../PeerStore.ts"
import { type Ask, makeAsk } from "./asking.ts"
import type { Meter } from "./metrics.ts"
import type { Settings } from "./settings.ts"

export interface Remembering {
  /** The epoch of this start, if the clock or the options say `wanted`. */
  readonly epochAbove: (wanted: number) => number
  /** The contacts given, and as many peers from memory as there is room for beside them. */
  readonly withRemembered: (contacts: ReadonlyArray<string>) => ReadonlyArray<string>
  /** Takes note of the views as they are; saving does so too. */
  readonly note: () => void
  /** Takes note, and writes it. Fails never. */
  readonly save: Effect.Effect<void>
  /** Saves now, soon after the first neighbour, and from then on whenever the interval has passed and something has changed. */
  readonly begin: Effect.Effect<void, never, Scope.Scope>
}

/** After this share of the interval the first neighbours are written. */
const firstShare = 1 / 10

const nothing: Remembering = {
  epochAbove: (wanted) => wanted,
  withRemembered: (contacts) => contacts,
  note: () => undefined,
  save: Effect.void,
  begin: Effect.void
}

/** `state` is asked for no sooner than `note` or a save is. */
export const makeRemembering = Effect.fnUntraced(function* (
  settings: Settings,
  store: PeerStore["Service"] | undefined,
  meter: Meter,
  state: () => HyParView.State
): Effect.fn.Return<Remembering> {
  if (store === undefined) return nothing
  const { cluster, id, rememberedPeers } = settings
  const ask = makeAsk(settings.peerStoreTimeoutMillis)
  const first = yield* load(settings, store, ask, meter)
  const loaded = first.memory
  let peers: ReadonlyArray<Peer.Peer> = (loaded?.peers ?? []).slice(0, rememberedPeers)
  /** There may be a memory that could not be read: for want of a descriptor, say. What replaced it would be all that is left of it. */
  let isUnread = first.isUnread
  /** What was read late may hold a higher epoch than this start has; the next start's must be above both. */
  let readEpoch = 0
  /** What the store holds; undefined if that is not known. */
  let written: Memory | undefined
  let isFailing = false
  const turn = yield* Semaphore.make(1)

  /** Those known now come first; who is known no more goes last, and is the first to be forgotten. */
  const note = (): void => {
    const membership = state()
    const { active, self } = membership
    const known = new Map<string, Peer.Peer>()
    for (const peer of [...active.map(({ peer }) => peer), ...HyParView.passivePeers(membership), ...peers]) {
      if (known.size >= rememberedPeers) break
      if (peer.id !== self.id && !known.has(peer.id)) known.set(peer.id, peer)
    }
    peers = [...known.values()]
  }

  const epochNow = (): number => Math.max(state().self.epoch, readEpoch)

  /**
   * Once more, right before it is replaced. What fails again, though it can be written, is given up; what does not answer keeps the
   * save from its turn, and is not replaced.
   */
  const readLate = Effect.suspend(() => store.load).pipe(
    Effect.flatMap((memory) => ownOf(settings, store, memory)),
    Effect.catchIf(
      ({ reason }) => reason !== "unreadable",
      (error) => ignore(meter, error)
    ),
    Effect.exit,
    Effect.flatMap((late) => {
      if (Exit.isFailure(late)) return Effect.void
      // From here on it is known here, whether the save succeeds or not.
      isUnread = false
      if (late.value === undefined) return Effect.void
      readEpoch = late.value.epoch
      peers = [...peers, ...late.value.peers]
      return Effect.logInfo("the peer store can be read again", { place: placeOf(store) })
    })
  )

  const write = Effect.gen(function* () {
    if (isUnread) yield* readLate
    note()
    const memory: Memory = { cluster, id, epoch: epochNow(), peers }
    yield* store.save(memory)
    isUnread = false
    return memory
  })

  const save = Effect.suspend(() =>
    ask(() => write, failureOf(store, "unwritable")).pipe(
      Effect.matchEffect({
        onSuccess: (memory) => {
          meter.count("peerStoreWrites")
          written = memory
          if (!isFailing) return Effect.void
          isFailing = false
          return Effect.logInfo("known peers and epoch are kept again", { place: placeOf(store) })
        },
        onFailure: (error) => {
          meter.count("peerStoreFailures")
          written = undefined
          if (isFailing) return Effect.void
          isFailing = true
          return Effect.logWarning(
            "known peers and epoch are not kept; trying again, without another word until they are",
            error
          )
        }
      })
    )
  ).pipe(turn.withPermits(1))

  const saveIfChanged = Effect.suspend(() => {
    note()
    const isSame = written !== undefined && written.epoch === epochNow() && isSameOrder(written.peers, peers)
    return isSame ? Effect.void : save
  })

  const { peerStoreIntervalMillis } = settings
  const saveLater = Effect.andThen(Effect.sleep(peerStoreIntervalMillis), saveIfChanged)

  /** Whoever crashes before an interval has passed, time and again, would never remember anybody. */
  const saveOnceMet: Effect.Effect<void> = Effect.andThen(
    Effect.sleep(Math.ceil(peerStoreIntervalMillis * firstShare)),
    Effect.suspend(() => (state().active.length === 0 ? saveOnceMet : saveIfChanged))
  )

  return {
    epochAbove: (wanted) => Math.max(wanted, (loaded?.epoch ?? -1) + 1),
    withRemembered: (contacts) => {
      const room = settings.membership.contactsSize - contacts.length
      const others = peers.map(({ address }) => address).filter((address) => !contacts.includes(address))
      return room <= 0 ? contacts : [...contacts, ...others.slice(0, room)]
    },
    note,
    save,
    begin: Effect.all([save, Effect.forkScoped(saveOnceMet), Effect.forkScoped(Effect.forever(saveLater))], {
      discard: true
    })
  }
})

/** By what the records say: a passive peer's is made anew each time. */
const isSameOrder = (some: ReadonlyArray<Peer.Peer>, others: ReadonlyArray<Peer.Peer>): boolean =>
  some.length === others.length &&
  some.every(({ address, epoch, id }, index) => {
    const other = others[index]
    return other !== undefined && id === other.id && epoch === other.epoch && address === other.address
  })

/** What the store holds; and whether it may hold what could not be read. */
interface Loaded {
  readonly memory: Memory | undefined
  readonly isUnread: boolean
}

const load = (settings: Settings, store: PeerStore["Service"], ask: Ask, meter: Meter): Effect.Effect<Loaded> =>
  ask(() => store.load, failureOf(store, "unreadable")).pipe(
    Effect.flatMap((memory) => ownOf(settings, store, memory)),
    Effect.map((memory) => ({ memory, isUnread: false })),
    Effect.catch((error) =>
      Effect.map(ignore(meter, error), (memory) => ({ memory, isUnread: error.reason === "unreadable" }))
    )
  )

const ignore = (meter: Meter, error: PeerStoreError): Effect.Effect<undefined> => {
  meter.count("peerStoreFailures")
  return Effect.as(Effect.logWarning("the peer store cannot be read: ignored", error), undefined)
}

/** What a store has given, if it is a memory of this very node; of another's the log tells. */
const ownOf = (
  settings: Settings,
  store: PeerStore["Service"],
  memory: Memory | undefined
): Effect.Effect<Memory | undefined, PeerStoreError> => {
  if (memory === undefined) return Effect.undefined
  const place = placeOf(store)
  const strange = strangenessOf(memory)
  if (strange !== undefined) return Effect.fail(new PeerStoreError({ reason: "corrupt", place, detail: strange }))
  const { cluster, id } = memory
  if (cluster === settings.cluster && id === settings.id) return Effect.succeed(memory)
  const said = "the peer store is another node's: ignored and replaced; each node needs one of its own"
  return Effect.as(Effect.logWarning(said, { place, cluster, id }), undefined)
}

/** What is wrong with a memory; a store of somebody's own may give anything. */
const strangenessOf = (memory: Memory): string | undefined => {
  if (!Predicate.isObject(memory)) return `${Formatter.format(memory)} is no memory`
  const { epoch, peers } = memory
  // This start's is above it, and must be one that others take for an epoch.
  if (!isEpoch(epoch) || epoch >= HyParView.highestEpoch) return `epoch ${Formatter.format(epoch)} is no time`
  if (!Array.isArray(peers)) return `its peers are ${Formatter.format(peers)}, which is no list`
  const stranger = peers.find((peer) => !isPeer(peer))
  return stranger === undefined ? undefined : `${Formatter.format(stranger)} is no peer`
}

const isEpoch = (epoch: unknown): boolean => Number.isSafeInteger(epoch) && Number(epoch) >= 0

const isPeer = (peer: unknown): boolean =>
  Predicate.isObject(peer) &&
  [peer["id"], peer["address"]].every((text) => Predicate.isString(text) && Wire.isName(text)) &&
  isEpoch(peer["epoch"])

const placeOf = ({ place = "" }: PeerStore["Service"]): string => place

const failureOf = (store: PeerStore["Service"], reason: PeerStoreError["reason"]) => (detail: string) =>
  new PeerStoreError({ reason, place: placeOf(store), detail })
