/**
 * Plays a fault plan: sleeps until each action, performs it by the network's controls, and leaves to the caller what is
 * not the network's.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Fault, FaultPlan, InvalidPlan } from "@hyparview/faults/FaultPlan"
import { validate, validateFault } from "@hyparview/faults/FaultPlan"
import type { Controls } from "./controls.ts"
import type { World } from "./world.ts"

/**
 * How a plan meets a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlanOptions<E = never, R = never> {
  /** The address of each of the plan's nodes, by index: as many as it has, or more. */
  readonly addresses: ReadonlyArray<string>
  /**
   * Called after the network has done its part of a fault: all there is to it for most, the death of the links for
   * `Crash`, nothing for `Restart`, `Leave` and `ClockJump`. Whoever owns the nodes stops and starts them here. It runs
   * in the plan's own fiber: fork what takes longer than the time to the next action. Default: those four are network
   * faults only, and the last three are counted as skipped.
   */
  readonly onFault?: ((fault: Fault) => Effect.Effect<void, E, R>) | undefined
}

const perform = (controls: Controls, fault: Fault, addressOf: (node: number) => string): Effect.Effect<unknown> => {
  const each = (nodes: ReadonlyArray<number>, control: (address: string) => Effect.Effect<unknown>) =>
    Effect.forEach(nodes, (node) => control(addressOf(node)), { discard: true })
  const eachPair = (
    pairs: ReadonlyArray<readonly [number, number]>,
    control: (a: string, b: string) => Effect.Effect<unknown>
  ) => Effect.forEach(pairs, ([a, b]) => control(addressOf(a), addressOf(b)), { discard: true })
  switch (fault._tag) {
    case "Crash":
      return each(fault.nodes, controls.crash)
    case "Freeze":
      return each(fault.nodes, controls.freeze)
    case "Unfreeze":
      return each(fault.nodes, controls.unfreeze)
    case "Partition":
      return controls.partition(
        fault.groups.map((group) => group.map(addressOf)),
        fault
      )
    case "OneWay":
      return controls.oneWay(fault.from.map(addressOf), fault.to.map(addressOf))
    case "Heal":
      return controls.heal
    case "BreakLinks":
      return fault.links._tag === "Share"
        ? controls.breakShare(fault.links.share)
        : eachPair(fault.links.pairs, controls.breakLink)
    case "HalfOpen":
      return eachPair(fault.pairs, controls.halfOpen)
    case "RefuseDials":
      return each(fault.nodes, controls.refuse)
    case "HangDials":
      return each(fault.nodes, controls.hang)
    case "AcceptDials":
      return each(fault.nodes, controls.accept)
    case "SendFailure":
      return controls.setSendFailure(fault.probability)
    case "Duplicate":
      return controls.setDuplicate(fault.probability)
    case "SilentLoss":
      return controls.setSilentLoss(fault.probability)
    case "SlowReader":
      return controls.setBandwidth(addressOf(fault.node), fault.bytesPerSecond)
    case "NormalReader":
      return each(fault.nodes, (address) => controls.setBandwidth(address, undefined))
    case "Restart":
    case "Leave":
    case "ClockJump":
      return Effect.void
  }
}

/** A mistake of the caller: a fault of whoever has no address would hurt nobody. */
const haveAddress = (nodes: number, addresses: ReadonlyArray<string>): Effect.Effect<void> =>
  nodes <= addresses.length
    ? Effect.void
    : Effect.die(new RangeError(`the plan is about ${nodes} nodes, and there are ${addresses.length}`))

const ofNodes = (fault: Fault): boolean =>
  fault._tag === "Restart" || fault._tag === "Leave" || fault._tag === "ClockJump"

/** Performs the network's part of one fault. */
export const performOne = (
  world: World,
  controls: Controls,
  fault: Fault,
  addresses: ReadonlyArray<string>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const valid = validateFault(fault, addresses.length)
    if (Result.isFailure(valid)) return Effect.die(valid.failure)
    if (ofNodes(fault)) world.counters.faults[fault._tag]++
    return Effect.asVoid(perform(controls, fault, (node) => addresses[node] ?? `node-${node}`))
  })

export const play = Effect.fnUntraced(function* <E, R>(
  world: World,
  clock: Clock.Clock,
  controls: Controls,
  plan: FaultPlan,
  options: PlanOptions<E, R>
): Effect.fn.Return<void, InvalidPlan | E, R> {
  const { actions, nodes } = yield* Effect.fromResult(validate(plan))
  yield* haveAddress(nodes, options.addresses)
  const start = world.agenda.now()
  for (const { atMillis, fault } of actions) {
    const wait = start + atMillis * 1000 - world.agenda.now()
    if (wait > 0) yield* clock.sleep(Duration.millis(wait / 1000))
    yield* performOne(world, controls, fault, options.addresses)
    if (options.onFault !== undefined) yield* options.onFault(fault)
    else if (ofNodes(fault)) world.counters.faultsSkipped++
  }
})
