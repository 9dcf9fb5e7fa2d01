/**
 * What an experiment gives: plain JSON values, the same in the file that the command writes, in a report and in a
 * comparison of two results. This file is the description of that JSON: what is not said to be absent is always there. Shares are
 * from 0 to 1; a unit stands last in a name (`cpuSeconds`), or in the comment; what has neither is a count. A `Histogram` is an
 * object from a value, as text, to how many have it.
 *
 * @since 0.1.0
 */
import type { Histogram } from "./Graph.ts"

/**
 * The overlay at one instant, over the nodes that run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overlay {
  readonly alive: number
  /** Of the active graph, links taken in both directions. */
  readonly components: number
  readonly largestComponent: number
  /** Active links between living nodes that only one end holds. */
  readonly asymmetricLinks: number
  /** Active links to nodes that do not run. */
  readonly deadLinks: number
  /** Nodes that hold some id in both views, or themselves in either. */
  readonly inBothViews: number
  /** Nodes with a view, or with open requests, above its bound. */
  readonly overCapacity: number
  /** Degree → nodes, of the active graph among living nodes. */
  readonly inDegree: Histogram
  readonly outDegree: Histogram
  /** Degree → nodes, of the passive graph among living nodes. */
  readonly passiveInDegree: Histogram
  readonly passiveOutDegree: Histogram
  /** Exact: it costs one pass. */
  readonly clustering: number
  readonly averageShortestPath: number
  /** How the average was measured: from every node or from a sample, and then with which standard error. */
  readonly paths: {
    readonly exact: boolean
    readonly sources: number
    readonly standardError: number
    /** The diameter when exact, else a lower bound of it. */
    readonly longest: number
    /** The share of ordered pairs between which there is no path, and its standard error, 0 when exact (see `Graph.PathLengths`). */
    readonly unreachableShare: number
    readonly unreachableStandardError: number
  }
  /** Passive entries that name a node that does not run. */
  readonly deadPassiveShare: number
  /**
   * What active links between living nodes cost, without noise: microseconds there and back. Percentiles are of the nearest rank:
   * the least cost that so large a share of the links does not exceed.
   */
  readonly linkCost: { readonly mean: number; readonly p50: number; readonly p99: number }
}

/**
 * One broadcast, drained.
 *
 * @category models
 * @since 0.1.0
 */
export interface BroadcastResult {
  /** The share of the nodes that ran at its publication which have it, the source included. */
  readonly reliability: number
  /**
   * Relative message redundancy: payload / (nodes that have it − 1) − 1; 0 where only the source has it. Below 0 it may be where nodes
   * have it from what they fetched (`recovered`).
   */
  readonly rmr: number
  /** The most hops of a delivery: of the last, where every hop takes the same time. */
  readonly hops: number
  /** Copies that carried it, pushed or grafted, those to dead nodes included. */
  readonly payload: number
  /**
   * Frames of the broadcast protocol that carried none: none when flooding. Where several broadcasts are under way at once (the
   * pace `rate`, a round of `thicket`), the mean over them, which need not be whole.
   */
  readonly control: number
  /** Copies that new neighbours fetched: counted apart, no part of `payload` and `rmr`. Absent: none. */
  readonly recovered?: number
  /**
   * Milliseconds from publication until half of those who got it had it, 99 in a hundred, and all; the source, which had it at
   * once, among them. Each is rounded down, and more than 65,535 counts as that. Absent: where every hop takes the same time.
   */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly last: number }
}

/**
 * What a run cost. Counts are the same on every machine, seconds and bytes are this one's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cost {
  /** Inputs given to nodes. */
  readonly events: number
  /** Frames sent. */
  readonly messages: number
  readonly cpuSeconds: number
  readonly wallSeconds: number
  /** Events per CPU-second. */
  readonly eventsPerSecond: number
  readonly peakRssBytes: number
}

/**
 * What only the host of a run can measure.
 *
 * @category models
 * @since 0.1.0
 */
export type Measured = Pick<Cost, "cpuSeconds" | "wallSeconds" | "peakRssBytes">

/**
 * The state of the overlay after a cycle (or, in `hashicorp`, after a round).
 *
 * @category models
 * @since 0.1.0
 */
export interface Sample {
  /**
   * Cycles since the failure or the start of the churn; 0: what events alone have repaired. In `partition` since the heal, below 0
   * while the cut lasts, and never 0.
   */
  readonly cycle: number
  readonly alive: number
  readonly components: number
  readonly largestComponent: number
  /** The mean over this cycle's broadcasts: ten in `failures`, three in `churn`, one in `partition` and `plumtree`. */
  readonly reliability: number
  /** The share of the passive entries of living nodes that name one which does not run. Absent in `plumtree` and `thicket`. */
  readonly deadPassiveShare?: number
  /** As in `BroadcastResult`. In `plumtree` of this cycle's one broadcast, in `thicket` the means over its round. */
  readonly rmr?: number
  readonly hops?: number
  readonly payload?: number
  readonly control?: number
  /**
   * In `partition`: active links between the groups, each counted at both its ends, against what a random graph of the same degrees
   * has.
   */
  readonly crossLinks?: number
  readonly crossLinksOfRandomGraph?: number
  /**
   * After the heal: those of a copy of the world in which nobody looks for the other parts, and a few nodes have been told of
   * them.
   */
  readonly crossLinksUnhealed?: number
}

/**
 * How a cut has healed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Partition {
  readonly cut: string
  /** How many nodes each part has. */
  readonly parts: ReadonlyArray<number>
  /** Virtual time from the heal to the first look, six in a cycle, at which there was one component; null if there never was. */
  readonly oneComponentSeconds: number | null
  /** Cycles from the heal until the links between the parts were 80 % of a random graph's; null if they never were. */
  readonly wellMixedCycles: number | null
  /**
   * All frames of all nodes but those that carry a payload, before the cut (of islands: before they meet); minutes are of time in
   * which cycles run, here and below.
   */
  readonly calmControlPerMinute: number
  /** The same in the worst minute after the heal, as a multiple of it; null if the cycles after it make no whole minute. */
  readonly mostControlOfCalm: number | null
  /** The minutes after the heal, overlapping, each by when it ended. */
  readonly control: ReadonlyArray<{ readonly seconds: number; readonly perMinute: number }>
}

/**
 * The trees of a thicket at one instant.
 *
 * @category models
 * @since 0.1.0
 */
export interface Forest {
  /** Children over all trees → nodes, without the source. */
  readonly load: Histogram
  /** The largest of these, and the source's own, which may be beyond the bound. */
  readonly mostLoad: number
  readonly sourceLoad: number
  /** In how many trees a node has children → nodes, without the source. */
  readonly interiorTrees: Histogram
  /** The share of them that have children in at most one. */
  readonly atMostOneShare: number
  /** Of each tree: the share of the running nodes that its branches alone reach, and by how many links. */
  readonly trees: ReadonlyArray<{ readonly reachedShare: number; readonly hops: number }>
}

/**
 * What became of a round of messages, one on each tree, that was published as a node died.
 *
 * @category models
 * @since 0.1.0
 */
export interface Death {
  /** The children that it had in each tree, and in how many trees it had any. */
  readonly children: ReadonlyArray<number>
  readonly interiorTrees: number
  /** Before any repair, by the branches alone, however long they take: messages that do not reach everybody. */
  readonly interruptedTrees: number
  /** The same: how many of the messages come to a node → nodes. */
  readonly parts: Histogram
  /** Nodes that lack more than one: they could not rebuild a message striped over the trees with one parity part. */
  readonly gaps: number
  /** After repair: the share of the survivors that the least spread of the messages reached. */
  readonly reliability: number
}

/**
 * What `thicket` has found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thicket {
  readonly source: number
  /** After the rounds by which the trees came to be. */
  readonly settled: Forest
  /** Children → nodes in Plumtree's one tree over the same overlay, without the source. */
  readonly plumtreeLoad: Histogram
  readonly deaths: ReadonlyArray<Death>
  /** After a share of all nodes died, and the cycles that followed. */
  readonly healed?: Forest
}

/**
 * A round of HashiCorp's scenario.
 *
 * @category models
 * @since 0.1.0
 */
export interface GossipRound {
  readonly round: number
  /** Nodes that got this round's message; copies of it that came too late; nodes that did not get it. */
  readonly seen: number
  readonly waste: number
  readonly missed: number
  /** Frames of the membership protocol since the round before. */
  readonly maintenance: number
}

/**
 * A first message after a kill, on its own copy of the overlay with its own victims: what is in `broadcasts` at the same
 * place, held against the graph.
 *
 * @category models
 * @since 0.1.0
 */
export interface FirstMessage {
  readonly reliability: number
  /** The share of survivors in the largest component before anybody had noticed. */
  readonly largestComponentShare: number
  readonly senderInLargest: boolean
}

/**
 * A further kill of an overlay that has healed, on its own copy of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface FurtherKill {
  /** The share of those who lived, rounded to whole nodes. A share of no node, or of all, is left out. */
  readonly kill: number
  /** Of the first message, and the mean over all. */
  readonly first: number
  readonly reliability: number
  /** Components among the survivors after the last message. */
  readonly components: number
}

/**
 * The result of one experiment with one seed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly experiment: string
  readonly seed: number
  readonly nodes: number
  /**
   * Every option, those that have no effect on this experiment with their defaults; the parameters of the membership as `protocol`,
   * those of the broadcast as `broadcast`: `config.broadcast.strategy` is how messages were spread, and `config.strategy` the option
   * of `plumtree`.
   */
  readonly config: Readonly<Record<string, unknown>>
  /** False if it was interrupted: then everything here is what there was at that moment. */
  readonly complete: boolean
  /** Of the run with all that led to it; of `firstMessages` that of all kills in turn. */
  readonly traceHash: string
  /** At the end; of `firstMessages` after the last kill. */
  readonly overlay: Overlay
  /** In `failures` exactly the messages after the kill, each drained before the next; of `firstMessages` one for each kill. */
  readonly broadcasts: ReadonlyArray<BroadcastResult>
  /**
   * Cycles until the survivors are one component and broadcasts reach as large a share as before the failure (of a cut: until
   * there is one component; in `thicket`: until a round reaches everybody); 0 if that is so before the first, as where `failures`
   * kills nobody. Null if it never was, if the overlay was in parts before, and where there is no such failure.
   */
  readonly healingCycles: number | null
  readonly cost: Cost
  /** The overlay as it was before anything was done to it. */
  readonly before?: Overlay
  readonly samples?: ReadonlyArray<Sample>
  readonly partition?: Partition
  readonly thicket?: Thicket
  readonly rounds?: ReadonlyArray<GossipRound>
  readonly firstMessages?: ReadonlyArray<FirstMessage>
  /** In `failures`, if they were asked for. */
  readonly furtherKills?: ReadonlyArray<FurtherKill>
  /** Questions to Discovery and dials of contacts, over all nodes and the whole run. */
  readonly bootstraps?: { readonly discoveries: number; readonly dials: number; readonly byNode: Histogram }
}

/**
 * Several results of one command: of several seeds, or of `paper`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Results {
  readonly experiment: string
  /** False, in a file of the command, if not all seeds ran to their end: those that did not begin are missing. */
  readonly complete?: false
  readonly runs: ReadonlyArray<Result>
  /**
   * In `paper`: what the whole has cost, for each seed, the overlay that all its runs share counted once. The cost of each run,
   * its events as its seconds, is that of the world that it began with and what it adds; its peak is the process's until then.
   */
  readonly costs?: ReadonlyArray<Cost & { readonly seed: number }>
}

/**
 * The runs of a file, be it one result or several.
 *
 * @category queries
 * @since 0.1.0
 */
export const runsOf = (results: Result | Results): ReadonlyArray<Result> =>
  "runs" in results ? results.runs : [results]
