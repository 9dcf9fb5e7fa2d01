/**
 * The controls of a network: each changes the world at once and counts itself.
 */
import * as Effect from "effect/Effect"
import type { FaultName } from "@hyparview/faults/FaultPlan"
import type { LatencyModel } from "@hyparview/faults/Latency"
import { validate } from "@hyparview/faults/Latency"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import type { Place, World } from "./world.ts"

export type Controls = ReturnType<typeof makeControls>

/** A mistake in the test: what is no share of a whole, or no rate, would do something else without a word. */
const checkShare = (what: string, value: number): void => {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${what} is from 0 to 1, not ${value}`)
}

const checkPartition = (groups: ReadonlyArray<ReadonlyArray<string>>, mode: string): void => {
  if (mode !== "silent" && mode !== "reset") {
    throw new RangeError(`a partition is silent or by reset, not ${Formatter.format(mode)}`)
  }
  const placed = new Set<string>()
  for (const address of groups.flatMap((group) => [...new Set(group)])) {
    if (placed.has(address)) throw new RangeError(`${Formatter.format(address)} is in two groups of a partition`)
    placed.add(address)
  }
}

export const makeControls = (world: World) => {
  const control = <A>(name: FaultName, change: () => A): Effect.Effect<A> =>
    Effect.sync(() => {
      const changed = change()
      world.counters.faults[name]++
      return changed
    })

  const setFrozen = (address: string, frozen: boolean) => {
    world.place(address).frozen = frozen
    world.separate()
  }

  const setDials = (address: string, dials: Place["dials"]) => {
    world.place(address).dials = dials
  }

  const setRate = (address: string, bytesPerSecond: number) => {
    if (!(bytesPerSecond > 0)) throw new RangeError(`a rate is more than 0 bytes a second, not ${bytesPerSecond}`)
    const place = world.place(address)
    place.bytesPerSecond = bytesPerSecond
    for (const { a, b } of world.pairs) {
      if (b.place === place) a.outgoing.retime()
      if (a.place === place) b.outgoing.retime()
    }
  }

  return {
    crash: (address: string) => control("Crash", () => world.place(address).endpoint?.shut("crashed") ?? 0),

    breakLink: (a: string, b: string) =>
      control("BreakLinks", () => {
        const pairs = world.between(world.place(a), world.place(b))
        for (const pair of pairs) pair.break("broken")
        return pairs.length
      }),

    breakShare: (share: number) =>
      control("BreakLinks", () => {
        checkShare("a share of the links", share)
        const pairs = world.choosePairs(Math.round(world.pairs.size * share))
        for (const pair of pairs) pair.break("broken")
        return pairs.length
      }),

    halfOpen: (a: string, b: string) =>
      control("HalfOpen", () => {
        const pairs = world.between(world.place(a), world.place(b))
        for (const pair of pairs) pair.halfOpen()
        return pairs.length
      }),

    refuse: (address: string) => control("RefuseDials", () => setDials(address, "refuse")),
    hang: (address: string) => control("HangDials", () => setDials(address, "hang")),
    accept: (address: string) => control("AcceptDials", () => setDials(address, "accept")),

    freeze: (address: string) => control("Freeze", () => setFrozen(address, true)),
    unfreeze: (address: string) => control("Unfreeze", () => setFrozen(address, false)),

    partition: (
      groups: ReadonlyArray<ReadonlyArray<string>>,
      { mode }: { readonly mode: "reset" | "silent" }
    ): Effect.Effect<void> =>
      control("Partition", () => {
        checkPartition(groups, mode)
        for (const place of world.places()) place.group = undefined
        groups.forEach((addresses, group) => {
          for (const address of addresses) world.place(address).group = group
        })
        world.partition = mode
        world.separate()
      }),

    oneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) =>
      control("OneWay", () => {
        const places = (addresses: ReadonlyArray<string>) => new Set(addresses.map((address) => world.place(address)))
        world.oneWays.push({ from: places(from), to: places(to) })
        world.separate()
      }),

    heal: control("Heal", () => {
      world.partition = "none"
      world.oneWays.length = 0
      world.separate()
    }),

    setLatency: (model: LatencyModel): Effect.Effect<void> =>
      Effect.sync(() => {
        world.latency = Result.getOrThrow(validate(model))
      }),

    setBandwidth: (address: string, bytesPerSecond: number | undefined) =>
      control(bytesPerSecond === undefined ? "NormalReader" : "SlowReader", () =>
        setRate(address, bytesPerSecond ?? world.bytesPerSecond)
      ),

    setSendFailure: (probability: number) =>
      control("SendFailure", () => {
        checkShare("a probability", probability)
        world.sendFailure = probability
      }),
    setDuplicate: (probability: number) =>
      control("Duplicate", () => {
        checkShare("a probability", probability)
        world.duplicate = probability
      }),
    setSilentLoss: (probability: number) =>
      control("SilentLoss", () => {
        checkShare("a probability", probability)
        world.silentLoss = probability
      })
  }
}
