/**
 * A node: HyParView for membership, and a broadcast over the links it keeps. The two are stacked by lifting outputs: what
 * the membership says of neighbours goes to the broadcast as inputs, and what the broadcast sends goes out over links
 * that the membership vouches for. Neither knows the other.
 *
 * @since 0.1.0
 */
import * as HyParView from "./HyParView.ts"
import { type Key, type LinkId, type Peer, sameLink } from "./Peer.ts"
import * as Plumtree from "./Plumtree.ts"
import { type Random, seededFor } from "./Random.ts"

/**
 * The parameters of both protocols.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  readonly membership: HyParView.Config
  readonly broadcast: Plumtree.Config
}

/**
 * A broadcast message on its way over the link that it names, so that it counts between neighbours only. The body is
 * shared by the copies for every neighbour.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carried<I extends Key = string> {
  readonly _tag: "Carried"
  readonly link: LinkId<I>
  readonly body: Plumtree.Message<I>
}

/**
 * Whatever nodes say to each other.
 *
 * @category models
 * @since 0.1.0
 */
export type Message<I extends Key = string, A = string> = HyParView.Message<I, A> | Carried<I>

/**
 * The timers of both protocols, one slot each.
 *
 * @category models
 * @since 0.1.0
 */
export type Timer = HyParView.Timer | Plumtree.Timer

type MembershipInput<I extends Key, A> = Exclude<
  HyParView.Input<I, A>,
  { _tag: "Received" | "LinkUsed" | "TimerFired" }
>
type BroadcastInput<I extends Key, A> = Extract<
  Plumtree.Input<I, A>,
  { _tag: "Publish" | "ValidateTopic" | "Validated" | "Recall" }
>
type Lifted<Output extends { readonly _tag: string }> = Exclude<Output, { _tag: "Send" | "SetTimer" | "ClearTimer" }>

/**
 * What a driver tells a node. `now` is in whole milliseconds and never decreases.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<I extends Key = string, A = string> =
  | MembershipInput<I, A>
  | { readonly _tag: "Received"; readonly now: number; readonly from: Peer<I, A>; readonly message: Message<I, A> }
  | { readonly _tag: "TimerFired"; readonly now: number; readonly kind: Timer; readonly nonce: number }
  | BroadcastInput<I, A>

/**
 * What a node asks of its driver, and what it tells the application.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<I extends Key = string, A = string> =
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message<I, A> }
  | { readonly _tag: "SetTimer"; readonly kind: Timer; readonly nonce: number; readonly at: number }
  | { readonly _tag: "ClearTimer"; readonly kind: Timer }
  | Lifted<HyParView.Output<I, A>>
  | Lifted<Plumtree.Output<I, A>>

/**
 * The state of one node: a value that never changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface State<I extends Key = string, A = string> {
  readonly membership: HyParView.State<I, A>
  readonly broadcast: Plumtree.State<I, A>
}

/**
 * A node that has not started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const init = <I extends Key, A>(options: {
  readonly config: Config
  readonly self: Peer<I, A>
  readonly random: Random
}): State<I, A> => ({
  membership: HyParView.init({ config: options.config.membership, self: options.self, random: options.random }),
  // Another generator, so that what one protocol draws changes nothing in the other.
  broadcast: Plumtree.init({
    config: options.config.broadcast,
    self: options.self,
    random: seededFor(options.random.random0, options.random.random1)
  })
})

/**
 * What a step gives: the next state, and the outputs in the order in which they must be performed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<I extends Key = string, A = string> {
  readonly state: State<I, A>
  readonly outputs: ReadonlyArray<Output<I, A>>
}

/**
 * One transition. Pure: the state given is not changed, the same state and input give the same result on every machine,
 * and nothing is thrown, whatever the input.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = <I extends Key, A>(state: State<I, A>, input: Input<I, A>): Step<I, A> => {
  switch (input._tag) {
    case "Publish":
    case "ValidateTopic":
    case "Validated":
    case "Recall":
      return lift(state, state.membership, none, Plumtree.step(state.broadcast, input))
    case "TimerFired": {
      const { kind, nonce, now } = input
      if (isOfBroadcast(kind)) {
        const fired = Plumtree.step(state.broadcast, { _tag: "TimerFired", now, kind, nonce })
        return lift(state, state.membership, none, fired)
      }
      return afterMembership(state, HyParView.step(state.membership, { _tag: "TimerFired", now, kind, nonce }), now)
    }
    case "Received": {
      const { from, message, now } = input
      if (message._tag === "Carried") return onCarried(state, from, message, now)
      return afterMembership(state, HyParView.step(state.membership, { _tag: "Received", now, from, message }), now)
    }
    default:
      return afterMembership(state, HyParView.step(state.membership, input), input.now)
  }
}

const none: ReadonlyArray<never> = []

const isOfBroadcast = (kind: Timer): kind is Plumtree.Timer =>
  kind === "Announce" || kind === "Graft" || kind === "Recover"

/** A broadcast message counts only on the link that it names. */
const onCarried = <I extends Key, A>(
  state: State<I, A>,
  from: Peer<I, A>,
  { body, link }: Carried<I>,
  now: number
): Step<I, A> => {
  let { broadcast, membership } = state
  let before: ReadonlyArray<Output<I, A>> = none
  if (!HyParView.isCurrent(membership, from, link)) {
    const checked = afterMembership(state, HyParView.step(membership, { _tag: "LinkUsed", now, from, link }), now)
    const neighbor = HyParView.neighborOf(checked.state.membership, from.id)
    if (neighbor === undefined || neighbor.peer.epoch !== from.epoch || !sameLink(neighbor.link, link)) return checked
    before = checked.outputs
    broadcast = checked.state.broadcast
    membership = checked.state.membership
  }
  return lift(state, membership, before, Plumtree.step(broadcast, { _tag: "Received", now, from, message: body }))
}

/** Tells the broadcast what the membership has said of neighbours. */
const afterMembership = <I extends Key, A>(
  state: State<I, A>,
  { outputs, state: membership }: HyParView.Step<I, A>,
  now: number
): Step<I, A> => {
  let broadcast = state.broadcast
  let lifted: ReadonlyArray<Output<I, A>> = outputs
  for (const output of outputs) {
    const news = newsOf(output, now)
    if (news === undefined) continue
    const told = Plumtree.step(broadcast, news)
    broadcast = told.state
    if (told.outputs.length > 0) lifted = [...lifted, ...carried(membership, told.outputs)]
  }
  return { state: { membership, broadcast }, outputs: lifted }
}

const newsOf = <I extends Key, A>(output: HyParView.Output<I, A>, now: number): Plumtree.Input<I, A> | undefined => {
  switch (output._tag) {
    case "NeighborUp":
    case "NeighborDown":
      return { _tag: output._tag, now, peer: output.peer }
    // Another link with the same neighbour: to the broadcast the old one is lost.
    case "LinkRenewed":
      return { _tag: "NeighborUp", now, peer: output.peer }
    case "EpochRaised":
      return { _tag: "EpochRaised", now, self: output.self }
    case "Left":
    case "DuplicateIdentity":
      return { _tag: "Left", now }
    default:
      return undefined
  }
}

const lift = <I extends Key, A>(
  state: State<I, A>,
  membership: HyParView.State<I, A>,
  before: ReadonlyArray<Output<I, A>>,
  { outputs, state: broadcast }: Plumtree.Step<I, A>
): Step<I, A> => {
  const onward = carried(membership, outputs)
  return {
    state: membership === state.membership && broadcast === state.broadcast ? state : { membership, broadcast },
    outputs: before.length === 0 ? onward : [...before, ...onward]
  }
}

/** Puts broadcast messages on the links of their receivers. What is for nobody who has one is left out. */
const carried = <I extends Key, A>(
  membership: HyParView.State<I, A>,
  outputs: ReadonlyArray<Plumtree.Output<I, A>>
): ReadonlyArray<Output<I, A>> => {
  const lifted = outputs.map((output): Output<I, A> | undefined => {
    if (output._tag !== "Send") return output
    const link = HyParView.neighborOf(membership, output.to.id)?.link
    return link === undefined
      ? undefined
      : { _tag: "Send", to: output.to, message: { _tag: "Carried", link, body: output.message } }
  })
  return lifted.every(isThere) ? lifted : lifted.filter(isThere)
}

const isThere = <T>(value: T | undefined): value is T => value !== undefined

/**
 * Whether a driver must keep its link to this peer open.
 *
 * @category queries
 * @since 0.1.0
 */
export const keepsLink = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  HyParView.keepsLink(state.membership, id)

/**
 * The nonce of the timer that is set in a slot; 0: none. A timer that fires with another has been replaced or cleared, and
 * need not be given.
 *
 * @category queries
 * @since 0.1.0
 */
export const timerNonce = <I extends Key, A>(state: State<I, A>, kind: Timer): number =>
  (isOfBroadcast(kind) ? state.broadcast.timers[kind] : state.membership.timers[kind]).nonce
