/**
 * A node: HyParView for membership, and a broadcast over the links it keeps. The two are stacked by lifting outputs: what
 * the membership says of neighbours goes to the broadcast as inputs, and what the broadcast sends goes out over links
 * that the membership vouches for. Neither knows the other.
 *
 * @since 0.1.0
 */
import * as Flood from "./Flood.ts"
import * as HyParView from "./HyParView.ts"
import { type Key, type LinkId, type Peer, sameLink } from "./Peer.ts"
import type { Random } from "./Random.ts"

/**
 * The parameters of both protocols.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  readonly membership: HyParView.Config
  readonly broadcast: Flood.Config
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
  readonly body: Flood.Message<I>
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
export type Timer = HyParView.Timer | Flood.Timer

type MembershipInput<I extends Key, A> = Exclude<HyParView.Input<I, A>, { _tag: "Received" | "LinkUsed" }>
type MembershipOutput<I extends Key, A> = Exclude<HyParView.Output<I, A>, { _tag: "Send" }>

/**
 * What a driver tells a node. `now` is in whole milliseconds and never decreases.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<I extends Key = string, A = string> =
  | MembershipInput<I, A>
  | { readonly _tag: "Received"; readonly now: number; readonly from: Peer<I, A>; readonly message: Message<I, A> }
  | Extract<Flood.Input<I, A>, { _tag: "Publish" }>

/**
 * What a node asks of its driver, and what it tells the application.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<I extends Key = string, A = string> =
  | MembershipOutput<I, A>
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message<I, A> }
  | Exclude<Flood.Output<I, A>, { _tag: "Send" }>

/**
 * The state of one node: a value that never changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface State<I extends Key = string, A = string> {
  readonly membership: HyParView.State<I, A>
  readonly broadcast: Flood.State<I, A>
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
  broadcast: Flood.init({ config: options.config.broadcast, self: options.self })
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
  if (input._tag === "Publish") return lift(state.membership, [], Flood.step(state.broadcast, input))
  if (input._tag !== "Received") return afterMembership(state, HyParView.step(state.membership, input), input.now)
  const { from, message, now } = input
  if (message._tag !== "Carried") {
    return afterMembership(state, HyParView.step(state.membership, { _tag: "Received", now, from, message }), now)
  }
  const { body, link } = message
  let { broadcast, membership } = state
  let before: ReadonlyArray<Output<I, A>> = []
  if (!HyParView.isCurrent(membership, from, link)) {
    const checked = afterMembership(state, HyParView.step(membership, { _tag: "LinkUsed", now, from, link }), now)
    const neighbor = HyParView.neighborOf(checked.state.membership, from.id)
    if (neighbor === undefined || neighbor.peer.epoch !== from.epoch || !sameLink(neighbor.link, link)) return checked
    before = checked.outputs
    broadcast = checked.state.broadcast
    membership = checked.state.membership
  }
  return lift(membership, before, Flood.step(broadcast, { _tag: "Received", now, from, message: body }))
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
    if (output._tag !== "NeighborUp" && output._tag !== "NeighborDown" && output._tag !== "EpochRaised") continue
    const told = Flood.step(
      broadcast,
      output._tag === "EpochRaised"
        ? { _tag: "EpochRaised", now, self: output.self }
        : { _tag: output._tag, now, peer: output.peer }
    )
    broadcast = told.state
    if (told.outputs.length > 0) lifted = [...lifted, ...carried(membership, told.outputs)]
  }
  return { state: { membership, broadcast }, outputs: lifted }
}

const lift = <I extends Key, A>(
  membership: HyParView.State<I, A>,
  before: ReadonlyArray<Output<I, A>>,
  { outputs, state: broadcast }: ReturnType<typeof Flood.step<I, A>>
): Step<I, A> => {
  const onward = carried(membership, outputs)
  return { state: { membership, broadcast }, outputs: before.length === 0 ? onward : [...before, ...onward] }
}

/** Puts broadcast messages on the links of their receivers. */
const carried = <I extends Key, A>(
  membership: HyParView.State<I, A>,
  outputs: ReadonlyArray<Flood.Output<I, A>>
): ReadonlyArray<Output<I, A>> => {
  const lifted: Array<Output<I, A>> = []
  for (const output of outputs) {
    if (output._tag !== "Send") {
      lifted.push(output)
      continue
    }
    const link = HyParView.neighborOf(membership, output.to.id)?.link
    if (link === undefined) continue
    lifted.push({ _tag: "Send", to: output.to, message: { _tag: "Carried", link, body: output.message } })
  }
  return lifted
}

/**
 * Whether a driver must keep its link to this peer open.
 *
 * @category queries
 * @since 0.1.0
 */
export const keepsLink = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  HyParView.keepsLink(state.membership, id)
