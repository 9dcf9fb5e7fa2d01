/**
 * A partition and its heal: a stable overlay is cut in parts, each of which repairs itself into an overlay of its own; then
 * the cut ends. The measures are how soon there is one component again, how many links cross between the parts against a
 * random graph's, and how many control frames that takes in any minute, against a calm one.
 *
 * The cut width is drawn beside that of a copy of the world in which, from the heal on, nobody looks for the other parts, and
 * a few nodes are told of them: two well-knit networks joined by a few links.
 */
import { FaultPlan } from "@hyparview/faults"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import type { Sample } from "../Result.ts"
import { applyCut, contactsOfIslands, partsOf } from "./cuts.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { growWork } from "./stable.ts"

/** Looks in a cycle: at the components and at what was sent since the one before. */
const looks = 6

/** Cycles before the cut, by which the calm rate is taken. */
const calmCycles = 4

/** Samples of a cut: a long one is not looked at in each cycle. */
const cutSamples = 10

/** Links between parts as good as a random graph's, as far as the experiment is concerned. */
const wellMixed = 0.8

/** Of each part but the first, how many nodes of the copy are told of the first. */
const introduced = 6

export function* partition(laboratory: Laboratory): Work {
  const { cut, cutMinutes, cycles, healCycles, nodes } = laboratory.options
  const { cycleMillis } = laboratory.membership
  const cutCycles = Math.max(1, Math.round((cutMinutes * 60_000) / cycleMillis))
  const every = Math.ceil(cutCycles / cutSamples)
  laboratory.expect(
    growWork(laboratory) +
      (calmCycles + cutCycles + 2 * healCycles) * nodes * weights.cycle +
      (Math.floor(cutCycles / every) + healCycles) * nodes * weights.delivery
  )
  const { world } = laboratory
  const groups = partsOf(cut, nodes, world.randomFor(3))
  if (cut === "islands") applyCut(world, cut, groups, 0, cutCycles)
  yield* cut === "islands" ? laboratory.join(islandContacts(laboratory)) : laboratory.join()
  laboratory.enter("cycles")
  yield* laboratory.cycle(cycles)
  laboratory.before = Measure.overlay(world)
  const traffic = new Traffic(laboratory)
  for (let cycle = 0; cycle < calmCycles; cycle++) yield* watch(laboratory, traffic)
  const calmPerMinute = traffic.mean()

  laboratory.enter("cut")
  for (let cycle = 0; cycle < cutCycles; cycle++) {
    if (cut !== "islands") applyCut(world, cut, groups, cycle, cutCycles)
    yield* laboratory.cycle(1)
    const since = cycle - cutCycles
    if (since % every === 0) laboratory.samples.push(mixed(laboratory, yield* laboratory.sample(since, 1), groups))
  }

  laboratory.enter("healing")
  const reference = world.fork(1)
  world.apply(FaultPlan.Fault.Heal())
  const healedAt = world.now
  let oneComponentMillis: number | null = null
  let mixedCycles: number | null = null
  traffic.begin()
  const healing: Array<Sample> = []
  for (let cycle = 1; cycle <= healCycles; cycle++) {
    yield* watch(laboratory, traffic, () => {
      if (oneComponentMillis !== null || componentsOf(laboratory) > 1) return
      oneComponentMillis = Math.round((world.now - healedAt) / 1000)
      laboratory.healingCycles = cycle
    })
    const sample = mixed(laboratory, yield* laboratory.sample(cycle, 1), groups)
    traffic.leaveOut()
    healing.push(sample)
    if ((sample.crossLinks ?? 0) >= wellMixed * (sample.crossLinksOfRandomGraph ?? 0)) mixedCycles ??= cycle
  }
  laboratory.partition = {
    cut,
    parts: groups.map(({ length }) => length),
    calmControlPerMinute: calmPerMinute,
    control: traffic.minutes(healedAt),
    mostControlOfCalm: calmPerMinute === 0 ? null : traffic.mostOf(calmPerMinute),
    oneComponentSeconds: oneComponentMillis === null ? null : oneComponentMillis / 1000,
    wellMixedCycles: mixedCycles
  }

  laboratory.enter("the copy that nobody heals")
  laboratory.replaceWorld(reference)
  yield* neglect(laboratory, groups, healing)
  laboratory.replaceWorld(world)
}

/** Nobody looks for the other parts, and a few nodes are told of them; links stay as they are. */
function* neglect(
  laboratory: Laboratory,
  groups: ReadonlyArray<ReadonlyArray<number>>,
  healing: ReadonlyArray<Sample>
): Work {
  const { membership, world } = laboratory
  world.reconfigure({ ...membership, probeMillis: 0, contactProbeMillis: 0, mixMillis: 0, triangleExchanges: 0 })
  world.apply(FaultPlan.Fault.Heal())
  const [first = [], ...others] = groups
  for (const group of others) {
    for (let i = 0; i < introduced; i++) world.introduce(group.at(-1 - i) ?? 0, [first.at(-1 - i) ?? 0])
  }
  for (const sample of healing) {
    yield* laboratory.cycle(1)
    laboratory.samples.push({ ...sample, crossLinksUnhealed: crossLinks(laboratory, groups).links })
  }
}

/** A cycle in which the world is looked at several times. */
function* watch(laboratory: Laboratory, traffic: Traffic, look: () => void = () => undefined): Work {
  const { membership, world } = laboratory
  world.resumeCycles()
  for (let i = 0; i < looks; i++) {
    yield* laboratory.runFor(Math.round((membership.cycleMillis * 1000) / looks))
    traffic.note()
    look()
  }
  world.pauseCycles()
  laboratory.advance(world.alive * weights.cycle)
}

/**
 * Frames without a payload, over the time in which cycles run. A sample's broadcast stops them until it is drained, which takes
 * seconds where something is always under way: a minute with such a pause in it would not be one of those before the cut.
 */
class Traffic {
  private readonly laboratory: Laboratory
  private notes: Array<Note> = []
  /** What is left out of the time and of the frames. */
  private pausedMicros = 0
  private pausedFrames = 0

  constructor(laboratory: Laboratory) {
    this.laboratory = laboratory
    this.begin()
  }

  begin(): void {
    this.notes = []
    this.pausedMicros = 0
    this.pausedFrames = 0
    this.note()
  }

  note(): void {
    this.notes.push(this.look())
  }

  /** What there was since the last note was no time in which cycles run. */
  leaveOut(): void {
    const last = this.notes.at(-1)
    if (last === undefined) return
    const { frames, micros } = this.look()
    this.pausedMicros += micros - last.micros
    this.pausedFrames += frames - last.frames
  }

  private look(): Note {
    const { world } = this.laboratory
    const frames = world.messages - world.payloads - this.pausedFrames
    return { at: world.now, micros: world.now - this.pausedMicros, frames }
  }

  /** A minute. */
  mean(): number {
    const { notes } = this
    const [start] = notes
    const end = notes.at(-1)
    return start === undefined || end === undefined || end.micros === start.micros ? 0 : perMinute(start, end)
  }

  /** Of each minute that ends with a look, the frames, and when it ended; a last minute at least. */
  minutes(since: number): ReadonlyArray<{ readonly seconds: number; readonly perMinute: number }> {
    const { notes } = this
    const minutes: Array<{ readonly seconds: number; readonly perMinute: number }> = []
    let first = 0
    for (const end of notes) {
      while ((notes[first + 1] ?? end).micros <= end.micros - 60e6) first++
      const start = notes[first] ?? end
      if (end.micros - start.micros < 60e6) continue
      minutes.push({ seconds: (end.at - since) / 1e6, perMinute: perMinute(start, end) })
    }
    return minutes
  }

  /** The worst of the minutes, as a multiple of a rate; null of fewer cycles than a minute has. */
  mostOf(perMinute: number): number | null {
    const minutes = this.minutes(0)
    const most = minutes.reduce((most, minute) => Math.max(most, minute.perMinute), 0)
    return minutes.length === 0 ? null : most / perMinute
  }
}

interface Note {
  /** When it was taken. */
  readonly at: number
  /** For how long cycles had run by then, counted from anywhere, and what had been sent meanwhile. */
  readonly micros: number
  readonly frames: number
}

const perMinute = (start: Note, end: Note): number => ((end.frames - start.frames) * 60e6) / (end.micros - start.micros)

const componentsOf = ({ world }: Laboratory): number => Graph.components(Measure.picture(world, "active").graph).count

/** Each node is told of the contacts of both islands. Its own are the ones that answer. */
const islandContacts = ({ options }: Laboratory): ((node: number) => ReadonlyArray<number>) => {
  const all = contactsOfIslands(options)
  return (node) => all.filter((contact) => contact !== node)
}

const mixed = <A extends object>(laboratory: Laboratory, sample: A, groups: ReadonlyArray<ReadonlyArray<number>>) => {
  const { expected, links } = crossLinks(laboratory, groups)
  return { ...sample, crossLinks: links, crossLinksOfRandomGraph: expected }
}

/** Links between the parts, each end for itself, and how many a random graph of the same degrees has on average. */
const crossLinks = ({ world }: Laboratory, groups: ReadonlyArray<ReadonlyArray<number>>) => {
  const { graph, nodes } = Measure.picture(world, "active")
  const groupOf = new Int32Array(world.options.nodes)
  groups.forEach((group, index) => {
    for (const node of group) groupOf[node] = index
  })
  const ends = groups.map(() => 0)
  for (let i = 0; i < graph.nodes; i++) {
    const group = groupOf[nodes[i] ?? 0] ?? 0
    ends[group] = (ends[group] ?? 0) + Graph.linksOf(graph, i).length
  }
  const all = graph.targets.length
  // Each end is joined to any other with the same chance.
  const expected = ends.reduce((sum, own) => sum + (own * (all - own)) / Math.max(1, all - 1), 0)
  return {
    links: Graph.crossLinks(graph, (index) => groupOf[nodes[index] ?? 0] ?? 0),
    expected: Math.round(expected)
  }
}
