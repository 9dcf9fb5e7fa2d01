/**
 * What a step of the core costs: steps a CPU-second in a steady overlay of 1,000 nodes in which shuffles and heartbeats
 * go round, and nanoseconds for each kind of input.
 *
 * Time is CPU time of the whole process, garbage collection included, so that other processes disturb little. The kinds
 * are measured by giving recorded inputs again to the very states that had them, which a pure `step` allows; they take
 * turns within a round, and a figure is the median over the rounds.
 */
import { HyParView, Node, Plumtree } from "@hyparview/core"
import { Result } from "effect"
import { Loop, type LoopInput, type LoopState, membershipInput } from "./internal/loop.ts"
import { medianOf, type Row } from "./internal/row.ts"

const nodes = 1_000

/** Simulated minutes of one repetition of the loop: about 80 steps a node each. */
const minutes = 15

/** Steps of each kind in a repetition. */
const steps = 60_000

const kinds = [
  "cycle timer",
  "shuffle, passed on",
  "shuffle, accepted",
  "shuffle reply",
  "heartbeat timer",
  "heartbeat",
  "heartbeat reply",
  "gossip, new",
  "gossip, duplicate"
] as const

type Kind = (typeof kinds)[number]

interface Sample {
  readonly state: LoopState
  readonly input: LoopInput
}

const kindOf = (input: LoopInput, outputs: ReadonlyArray<Node.Output<number, number>>): Kind | undefined => {
  if (input._tag === "TimerFired") {
    return input.kind === "Cycle" ? "cycle timer" : input.kind === "Heartbeat" ? "heartbeat timer" : undefined
  }
  if (input._tag !== "Received") return undefined
  const passedOn = outputs.some((output) => output._tag === "Send" && output.message._tag === "Shuffle")
  switch (input.message._tag) {
    case "Shuffle":
      return passedOn ? "shuffle, passed on" : "shuffle, accepted"
    case "ShuffleReply":
      return "shuffle reply"
    case "Heartbeat":
      return "heartbeat"
    case "HeartbeatReply":
      return "heartbeat reply"
    case "Carried":
      return outputs.some((output) => output._tag === "Delivered") ? "gossip, new" : "gossip, duplicate"
    default:
      return undefined
  }
}

const ticksPerMinute = 12

/** Enough for every passive view to be full and every free slot filled. */
const settlingMinutes = 10

const sampleSize = 1_000

/** States with the inputs that they had, at most `sampleSize` for each kind. */
const record = (loop: Loop): ReadonlyArray<readonly [Kind, ReadonlyArray<Sample>]> => {
  const samples = new Map(kinds.map((kind) => [kind, new Array<Sample>()]))
  loop.observer = (state, input, outputs) => {
    const kind = kindOf(input, outputs)
    if (kind === undefined) return
    const known = samples.get(kind)
    if (known !== undefined && known.length < sampleSize) known.push({ state, input })
  }
  loop.run(ticksPerMinute)
  for (let id = 0; id < 10; id++) loop.publish(id, new Uint8Array(64))
  loop.observer = undefined
  return [...samples].filter(([, recorded]) => recorded.length > 0)
}

/** CPU nanoseconds of some work. */
const cpuNanos = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(before)
  return (user + system) * 1_000
}

/** Keeps the work from being left out. */
let last: unknown

const stepAll = (samples: ReadonlyArray<Sample>): void => {
  for (let done = 0; done < steps; done += samples.length) {
    for (const { input, state } of samples) last = Node.step(state, input)
  }
}

/** The same inputs by HyParView alone: what `Node` adds is the difference. */
const stepMembership = (samples: ReadonlyArray<Sample>): void => {
  const inputs = samples.flatMap(({ input, state }) => {
    const own = membershipInput(input)
    return own === undefined ? [] : [{ state: state.membership, input: own }]
  })
  for (let done = 0; done < steps; done += inputs.length) {
    for (const { input, state } of inputs) last = HyParView.step(state, input)
  }
}

/** `rounds`: repetitions of the loop that count, and a third of those of the kinds; one more warms up. */
export const coreBench = (rounds: number): ReadonlyArray<Row> => {
  const membership = Result.getOrThrow(HyParView.forClusterSize(10_000))
  const loop = new Loop(nodes, 1, { membership, broadcast: Plumtree.floodConfig })
  loop.run(settlingMinutes * ticksPerMinute)
  if (loop.meanDegree() < membership.activeSize * 0.95) throw new Error("the overlay is not steady: views have holes")
  const rates: Array<number> = []
  for (let round = -1; round < rounds; round++) {
    const before = loop.steps
    const nanos = cpuNanos(() => loop.run(minutes * ticksPerMinute))
    if (round >= 0) rates.push(((loop.steps - before) * 1e9) / nanos)
  }
  return [
    { what: `steady loop of ${nodes.toLocaleString("en")} nodes`, median: medianOf(rates), unit: "steps/CPU-s" },
    ...costs(record(loop), 3 * rounds)
  ]
}

/** What an input of each kind costs, and how much more than for HyParView alone. */
const costs = (samples: ReturnType<typeof record>, rounds: number): ReadonlyArray<Row> => {
  const lanes = samples.map(([kind, recorded]) => ({
    kind,
    recorded,
    node: new Array<number>(),
    ratios: new Array<number>()
  }))
  for (let round = -1; round < rounds; round++) {
    for (const { kind, node, ratios, recorded } of lanes) {
      const nanos = cpuNanos(() => stepAll(recorded)) / steps
      const alone = kind.startsWith("gossip") ? undefined : cpuNanos(() => stepMembership(recorded)) / steps
      if (round < 0) continue
      node.push(nanos)
      if (alone !== undefined) ratios.push(nanos / alone)
    }
  }
  if (last === undefined) throw new Error("nothing was done")
  return lanes.map(({ kind, node, ratios }) => {
    const row = { what: `step: ${kind}`, median: medianOf(node), unit: "ns" }
    return ratios.length === 0 ? row : { ...row, ratio: { to: "HyParView alone", value: medianOf(ratios) } }
  })
}
