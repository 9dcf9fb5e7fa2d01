/**
 * The parameters of the broadcast. Each says its unit, its bounds, its default, and where the default comes from: the
 * paper (Leitão, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007; TR DI-FCUL TR-07-14; of several trees:
 * Ferreira, Leitão, Rodrigues, "Thicket: A Protocol for Building and Maintaining Multiple Trees in a P2P Overlay", SRDS
 * 2010), or this project ("ours": a choice the paper leaves open).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import type * as Parameters from "../internal/parameters.ts"
import { overridden, strangeness } from "../internal/parameters.ts"

/**
 * How many neighbours a node of a thicket wants: T × f, 5 × 5 in the paper. `HyParView.Config.activeSize` where nothing speaks against it.
 *
 * @category constants
 * @since 0.1.0
 */
export const thicketDegree = 25

/**
 * The parameters of one node's broadcast. `strategy`, `trees` and `treesCount` should be the same on all nodes of a
 * cluster, or messages come late (`docs/choosing.md` has figures); each node goes by its own of the others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  /**
   * `plumtree`: a spanning tree carries payloads, all other links announcements. `flood`: every link carries payloads.
   * `thicket`: several trees carry them in turn, and each node forwards in few of them; it wants an active view of some
   * `treesCount` × `fanout` neighbours (`thicketDegree`). Default: plumtree.
   */
  readonly strategy: "plumtree" | "flood" | "thicket"
  /**
   * `shared`: one tree for all sources, as the paper has it. `source`: each source has a tree of its own, which is the
   * shortest for it; each costs a small record of memory, and a flood for its first message. Default: shared.
   */
  readonly trees: "shared" | "source"
  /**
   * With `trees: "source"`, how many trees are remembered at most, and half as many in any case: those go that have not changed
   * while so many others have, and their links are eager again. 1–100,000. Ours: 10,000.
   */
  readonly treesSize: number
  /**
   * With `trees: "shared"`, for how long after its last message or Beat a source may be the guide, the one whose
   * messages shape the tree (`docs/protocol.md`, PT23), in milliseconds. 0: there is none, and every message does, as
   * in the paper. Up to 600,000, and at least four times `graftMillis`. Ours: 5,000. A guide says something in each two
   * `graftMillis` in which others publish, so this is how long a tree whose guide is gone waits for the next: until
   * then nothing is pruned. With `strategy: "thicket"` each tree has a guide, for `treesCount` times as long (TH20),
   * since its messages take the trees in turn. If sources are each heard less often than that, they take turns as guides, and
   * a tree takes longer to form. With `trees: "source"` each source guides its own tree, unless this is 0.
   */
  readonly guideMillis: number
  /**
   * Where there is no guide: after how many duplicates a neighbour is pruned, at least; at most after twice as many
   * less one, by chance. 16 news make up for one. Of those within a fifth of timeout1 one counts. 1–1,000. Paper: 1, at
   * the first duplicate, which is right for one sender; with many senders they prune each other's branches (ours: 3).
   * With a guide, and in a tree that has one sender (`trees: "source"`), it is always the first duplicate.
   */
  readonly pruneAfter: number
  /**
   * With `strategy: "thicket"`, T: the number of trees. The messages of an origin take them in turn: number n in epoch
   * e takes tree (e + n) mod T. The same on all nodes of a cluster, or messages come late. 1–16. Paper: 5.
   */
  readonly treesCount: number
  /** f: to how many neighbours a node pushes in a tree that it begins, or is reached by first. 1–30. Paper: 5. */
  readonly fanout: number
  /**
   * Children over all trees that a node has at most; but one that begins trees has `fanout` in each. At least `fanout`.
   * 1–255. Paper: 7.
   */
  readonly maxLoad: number
  /**
   * How long after one change of its parent in a tree a node may make the next that is only for the better, in
   * milliseconds. 0–600,000; 0: it makes none. Ours: 2,000.
   */
  readonly balanceMillis: number
  /**
   * How long announcements wait for others to share their message with, in milliseconds. 0–60,000; 0: not at all, as in
   * the paper. Ours: 350, so that of ten messages a second four travel together; a message that a tree has lost is missed
   * so much later.
   */
  readonly announceMillis: number
  /** Announcements that wait at most, and that one IHAVE holds. 1–1,000. Ours: 128. */
  readonly announceSize: number
  /**
   * timeout1: how long a message that was announced may stay out before it is grafted, in milliseconds, at least.
   * 1–60,000. Ours: 500.
   */
  readonly graftMillis: number
  /**
   * timeout1 at most, in milliseconds. Where messages come later than half of timeout1 after their announcement,
   * because links or processors are busy, both timeouts grow with that. 0: they are fixed, as in the paper; below
   * graftMillis timeout1 is, and timeout2 grows to half of this at most. 0–600,000. Ours: 10,000.
   */
  readonly graftMaxMillis: number
  /**
   * timeout2: how long after one graft the next announcer is tried, in milliseconds, at least. Below timeout1 (paper).
   * Ours: 250.
   */
  readonly graftAgainMillis: number
  /**
   * Messages that one neighbour was the first to announce and that are still out. What it announces beyond that is fetched as a
   * gap is, if it does not come; without `recovery` it is forgotten. 1–100,000. Ours: 512.
   */
  readonly missingSize: number
  /** Announcers remembered of one message. 1–30. Ours: 8. */
  readonly announcersSize: number
  /** Messages asked for in one GRAFT. 1–1,000. Ours: 64. */
  readonly graftSize: number
  /**
   * By how many hops an announced path must be shorter than the one that a message took before it takes that one's
   * place. 0–255; 0: never. Paper: 3 for one sender, 7 for many. Ours: 13. A shared tree is shortest for the sender
   * that built it; for others its paths are up to twice as long as they need be, and cutting those short for one sender
   * makes them longer for the next, without end: each time a subtree waits for a graft. 13 is what a good tree of some
   * thousand nodes has anyway. It is there for the trees that years of repairs leave behind (`docs/protocol.md`, PT16,
   * has figures).
   */
  readonly optimizeHops: number

  /** How far back from the latest message of a source one may still arrive. 1–1,000,000. Ours: 8,192. */
  readonly windowSize: number
  /**
   * Gaps in the numbers of one source that are remembered; beyond, the oldest is given up. And the runs that one DIGEST names
   * of it; a FETCH names one more. 1–10,000. Ours: 64. With `strategy: "thicket"` all within the window are remembered: while
   * a tree carries nothing every number of its turn is a gap.
   */
  readonly gapsSize: number
  /**
   * Origins remembered: sources, each incarnation and topic by itself. 1–1,000,000. Ours: 20,000, whatever the size of the
   * cluster. Let it be no less than all that neighbours may still keep something of: nodes that publish, times their topics,
   * times the incarnations that they had within `retainedMillis`, and one. An origin that makes room has what is missing of it
   * lagged. Of as many again, up to twice as many, it is known still what was done; beyond that an origin begins anew, and what
   * neighbours keep of it is delivered once more.
   * With messages of more than three times `sourcesSize` origins under way at once, what was dropped is new again where it comes
   * again: they go round many times, and may never cease.
   */
  readonly sourcesSize: number
  /**
   * Topics on which this node has published, and topics that it validates, each by themselves; one more cannot be. 1–100,000.
   * Ours: 256.
   */
  readonly topicsSize: number

  /**
   * Bytes of messages kept for who missed them, each counted as its payload and 128 more. 0: none is kept. 0–2³¹. Ours:
   * 8 MiB.
   */
  readonly retainedBytes: number
  /** Messages kept of one source and topic. 1–windowSize. Ours: 4,096. */
  readonly retainedMessages: number
  /** How long after its publication a message is kept, in milliseconds. 1 ms to 30 days. Ours: 300,000. */
  readonly retainedMillis: number

  /** Whether new neighbours tell each other what they keep, and gaps are fetched. Default: true. */
  readonly recovery: boolean
  /**
   * Whether a node that is new to a source gets what its neighbours keep of it. Otherwise it is history. A subscriber
   * in order waits for it, up to `gapMillis` after the last of it came. Default: true.
   */
  readonly catchUp: boolean
  /** Sources named in one DIGEST, FETCH or FETCHED. 1–1,000. Ours: 64. */
  readonly digestSize: number
  /** How long after one DIGEST the next one of the same neighbour follows, in milliseconds. 1–60,000. Ours: 100. */
  readonly digestMillis: number
  /** Messages that one FETCH or GRAFT brings. 1–10,000. Ours: 1,024. */
  readonly fetchMessages: number
  /** Bytes of payload that one FETCH or GRAFT brings, but for a single message that is larger. 1–2³¹. Ours: 256 KiB. */
  readonly fetchBytes: number
  /** How long a FETCH may bring nothing new before another neighbour is asked, in milliseconds. 1–600,000. Ours: 2,000. */
  readonly fetchMillis: number
  /**
   * How long a gap stays open without progress, once a neighbour has said that it keeps none of it any more, in
   * milliseconds. 1 ms to 30 days. Ours: 10,000. While none has said so, it stays open for `retainedMillis`, if that is
   * longer: what is missing may be kept beyond a cut.
   */
  readonly gapMillis: number

  /**
   * Messages that wait for the application's verdict; one more is ignored. 1–1,000,000. Ours: 4,096, so that an
   * answer to a Fetch (`fetchMessages`) finds room beside what is pushed meanwhile. Their bytes, counted as
   * those that are kept, are at most `retainedBytes` too, but for a single message that is larger; 8 MiB where that is 0.
   */
  readonly verdictsSize: number
  /** How long a verdict may take, in milliseconds; after it the message is ignored. 1–600,000. Ours: 10,000. */
  readonly verdictMillis: number
  /** Messages of one answer to a RECALL. 0: none is answered. 0–10,000. Ours: 1,024. */
  readonly recallMessages: number
  /**
   * Bytes of payload of one answer to a RECALL, but for a single message that is larger; and of what the runtime keeps of
   * all answers that it gets. 1–2³¹. Ours: 1 MiB.
   */
  readonly recallBytes: number
  /** Recalls of this node under way at once; one more gets what is kept here. 1–1,000. Ours: 16. */
  readonly recallsSize: number
  /** How long a neighbour's answer to a RECALL may take, in milliseconds. 1–600,000. Ours: 2,000. */
  readonly recallMillis: number
}

/**
 * The defaults of a live node.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultConfig: Config = {
  strategy: "plumtree",
  trees: "shared",
  treesSize: 10_000,
  guideMillis: 5_000,
  pruneAfter: 3,
  treesCount: 5,
  fanout: 5,
  maxLoad: 7,
  balanceMillis: 2_000,
  announceMillis: 350,
  announceSize: 128,
  graftMillis: 500,
  graftMaxMillis: 10_000,
  graftAgainMillis: 250,
  missingSize: 512,
  announcersSize: 8,
  graftSize: 64,
  optimizeHops: 13,
  windowSize: 8_192,
  gapsSize: 64,
  sourcesSize: 20_000,
  topicsSize: 256,
  retainedBytes: 8_388_608,
  retainedMessages: 4_096,
  retainedMillis: 300_000,
  recovery: true,
  catchUp: true,
  digestSize: 64,
  digestMillis: 100,
  fetchMessages: 1_024,
  fetchBytes: 262_144,
  fetchMillis: 2_000,
  gapMillis: 10_000,
  verdictsSize: 4_096,
  verdictMillis: 10_000,
  recallMessages: 1_024,
  recallBytes: 1_048_576,
  recallsSize: 16,
  recallMillis: 2_000
}

/**
 * Flooding and nothing else, as the HyParView paper measures it (§5.1): nothing is kept, announced or recovered.
 *
 * @category constants
 * @since 0.1.0
 */
export const floodConfig: Config = { ...defaultConfig, strategy: "flood", retainedBytes: 0, recovery: false }

/**
 * The paper's Plumtree for one sender: pruned at the first duplicate, announced at once, nothing recovered; of each
 * source the last messages are kept, for grafts.
 *
 * @category constants
 * @since 0.1.0
 */
export const paperConfig: Config = {
  ...defaultConfig,
  guideMillis: 0,
  pruneAfter: 1,
  announceMillis: 0,
  graftMaxMillis: 0,
  optimizeHops: 0,
  retainedMessages: 64,
  recovery: false
}

/**
 * Any of the parameters, in place of their defaults. One that is undefined has its default.
 *
 * @category models
 * @since 0.1.0
 */
export type Override = Parameters.Override<Config>

/**
 * A parameter is out of its bounds, contradicts another, or is none. No node was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConfigError extends Data.TaggedError("BroadcastConfigError")<{
  /** The parameter, or what was given as one; `config` where the whole is no object. */
  readonly field: string
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `${this.field} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

/**
 * The defaults with these fields in their place, and one that is undefined has its default; a contradiction is an error,
 * and so is a field that there is none of. Other defaults than a live node's may be given.
 *
 * @example
 * ```ts
 * import { Plumtree } from "@hyparview/core"
 * import { Result } from "effect"
 *
 * const config = Result.getOrThrow(Plumtree.makeConfig({ trees: "source", retainedMillis: 60_000 }))
 * console.log(config.trees, config.retainedMillis) // source 60000
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeConfig = (
  override: Override = {},
  defaults: Config = defaultConfig
): Result.Result<Config, ConfigError> => {
  const strange = strangeness(override, names)
  return strange === undefined ? validate(overridden(defaults, override)) : Result.fail(new ConfigError(strange))
}

const names: ReadonlyArray<string> = Object.keys(defaultConfig)

/**
 * Checks a configuration: each field within its bounds, no two in contradiction, and none beside them. The first fault
 * found is the error.
 *
 * @category validation
 * @since 0.1.0
 */
export const validate = (config: Config): Result.Result<Config, ConfigError> => {
  const fault = faultOf(config)
  return fault === undefined ? Result.succeed(config) : Result.fail(fault)
}

const bounds: ReadonlyArray<readonly [field: keyof Config, low: number, high: number]> = [
  ["treesSize", 1, 100_000],
  ["guideMillis", 0, 600_000],
  ["pruneAfter", 1, 1_000],
  ["treesCount", 1, 16],
  ["fanout", 1, 30],
  ["maxLoad", 1, 255],
  ["balanceMillis", 0, 600_000],
  ["announceMillis", 0, 60_000],
  ["announceSize", 1, 1_000],
  ["graftMillis", 1, 60_000],
  ["graftMaxMillis", 0, 600_000],
  ["graftAgainMillis", 1, 60_000],
  ["missingSize", 1, 100_000],
  ["announcersSize", 1, 30],
  ["graftSize", 1, 1_000],
  ["optimizeHops", 0, 255],
  ["windowSize", 1, 1_000_000],
  ["gapsSize", 1, 10_000],
  ["sourcesSize", 1, 1_000_000],
  ["topicsSize", 1, 100_000],
  ["retainedBytes", 0, 2_147_483_648],
  ["retainedMessages", 1, 1_000_000],
  ["retainedMillis", 1, 2_592_000_000],
  ["digestSize", 1, 1_000],
  ["digestMillis", 1, 60_000],
  ["fetchMessages", 1, 10_000],
  ["fetchBytes", 1, 2_147_483_648],
  ["fetchMillis", 1, 600_000],
  ["gapMillis", 1, 2_592_000_000],
  ["verdictsSize", 1, 1_000_000],
  ["verdictMillis", 1, 600_000],
  ["recallMessages", 0, 10_000],
  ["recallBytes", 1, 2_147_483_648],
  ["recallsSize", 1, 1_000],
  ["recallMillis", 1, 600_000]
]

const faultOf = (config: Config): ConfigError | undefined => {
  const wrong = (field: keyof Config, expected: string) => new ConfigError({ field, value: config[field], expected })
  const choice = (field: keyof Config, ...choices: ReadonlyArray<unknown>) =>
    choices.includes(config[field]) ? undefined : wrong(field, `expected ${choices.join(" or ")}`)
  const strange = strangeness(config, names)
  if (strange !== undefined) return new ConfigError(strange)
  for (const [field, low, high] of bounds) {
    const value = config[field]
    if (!(Number.isInteger(value) && Number(value) >= low && Number(value) <= high)) {
      return wrong(field, `expected a whole number from ${low} to ${high}`)
    }
  }
  return (
    choice("strategy", "plumtree", "flood", "thicket") ??
    choice("trees", "shared", "source") ??
    choice("recovery", true, false) ??
    choice("catchUp", true, false) ??
    (config.fanout <= config.maxLoad
      ? undefined
      : wrong(
          "fanout",
          `must be at most maxLoad (${config.maxLoad}), or a node would take more children than it may`
        )) ??
    (config.strategy === "thicket" && config.retainedBytes === 0
      ? wrong("retainedBytes", "the trees of a thicket are mended with messages that are kept")
      : undefined) ??
    (config.strategy === "thicket" && config.announceMillis === 0
      ? wrong("announceMillis", "in a thicket announcements wait for each other, and the load is told with them")
      : undefined) ??
    (config.graftAgainMillis < config.graftMillis
      ? undefined
      : wrong("graftAgainMillis", `must be below graftMillis (${config.graftMillis}), as in the paper`)) ??
    (config.guideMillis === 0 || config.guideMillis >= 4 * config.graftMillis
      ? undefined
      : wrong(
          "guideMillis",
          `must be 0 or at least four times graftMillis (${config.graftMillis}): a guide says something once in two of them`
        )) ??
    (config.retainedMessages <= config.windowSize
      ? undefined
      : wrong(
          "retainedMessages",
          `must be at most windowSize (${config.windowSize}), or what is kept could not arrive`
        )) ??
    (config.recovery && config.retainedBytes === 0
      ? wrong("recovery", "nothing can be recovered where nothing is kept (retainedBytes is 0)")
      : undefined)
  )
}
