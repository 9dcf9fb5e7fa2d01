/**
 * What the server tells a page: once everything, then what has changed. Pure: `advance` makes the next state of an
 * observation, `difference` the update between any two states, `apply` what the page does with it. Because an update can
 * be made between *any* two states, a page that reads slowly is given fewer and larger ones, and no queue grows for it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { About, mostNodes, type Observation, Reach, SeenNode } from "./ClusterSource.ts"
import { overlayOf } from "./Overlay.ts"

/**
 * The most lines of the log that are kept. The oldest go first.
 *
 * @category bounds
 * @since 0.1.0
 */
export const mostLogEntries = 500

/**
 * A viewer to whom nothing happens is told so this often, by an event `quiet` without a message: who hears nothing for longer has
 * nobody at the other end. Provenance: a choice.
 *
 * @category bounds
 * @since 0.1.0
 */
export const quietMillis = 10_000

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * A line of the log. `sequence` numbers them without a gap since the server's start.
 *
 * @category models
 * @since 0.1.0
 */
export const LogEntry = Schema.Struct({
  sequence: count,
  atMillis: Schema.Finite,
  kind: Schema.Literals(["link", "node", "process", "overlay", "action"]),
  isBad: Schema.Boolean,
  text: Schema.String,
  reason: Schema.NullOr(Schema.String),
  /** A node to look at for it. */
  node: Schema.NullOr(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type LogEntry = typeof LogEntry.Type

/**
 * The cluster in numbers.
 *
 * @category models
 * @since 0.1.0
 */
export const Counters = Schema.Struct({
  atMillis: Schema.Finite,
  alive: count,
  joining: count,
  dead: count,
  left: count,
  /** Running nodes without a running neighbour, where there is more than one node. */
  isolated: count,
  processes: count,
  links: count,
  /** Links that only one end holds in this observation. */
  oneSided: count,
  components: count,
  largest: count,
  groups: count,
  sent: count,
  received: count,
  /** Messages a second, evened out over some seconds; null in the first observation. */
  sentPerSecond: Schema.NullOr(Schema.Finite),
  outboxBytes: count,
  /** Why the cluster, or a part of it, could not be observed the last time; null if it could. */
  trouble: Schema.NullOr(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Counters = typeof Counters.Type

const { id, ...changeable } = SeenNode.fields

/**
 * What has changed of a node: only the fields that have. A node that the page does not know comes with all of them.
 *
 * @category models
 * @since 0.1.0
 */
export const NodePatch = Schema.Struct({
  id,
  address: Schema.optionalKey(changeable.address),
  process: Schema.optionalKey(changeable.process),
  status: Schema.optionalKey(changeable.status),
  active: Schema.optionalKey(changeable.active),
  /** Null: this node has none any more. */
  eager: Schema.optionalKey(Schema.NullOr(changeable.active)),
  passiveSize: Schema.optionalKey(changeable.passiveSize),
  roundTripMillis: Schema.optionalKey(changeable.roundTripMillis),
  group: Schema.optionalKey(changeable.group)
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodePatch = typeof NodePatch.Type

/**
 * - `Snapshot`: everything. The first message, and after a reconnection.
 * - `Update`: what has changed since the message before. `reach` is absent where no message was published meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export const FeedMessage = Schema.TaggedUnion({
  Snapshot: {
    version: count,
    about: About,
    nodes: Schema.Array(SeenNode).check(Schema.isMaxLength(mostNodes)),
    counters: Counters,
    reach: Schema.NullOr(Reach),
    log: Schema.Array(LogEntry).check(Schema.isMaxLength(mostLogEntries))
  },
  Update: {
    version: count,
    nodes: Schema.Array(NodePatch).check(Schema.isMaxLength(mostNodes)),
    gone: Schema.Array(id),
    counters: Counters,
    reach: Schema.optionalKey(Reach),
    log: Schema.Array(LogEntry).check(Schema.isMaxLength(mostLogEntries))
  }
})

/**
 * @category models
 * @since 0.1.0
 */
export type FeedMessage = typeof FeedMessage.Type

/**
 * All that a page shows of a cluster. A node that has not changed is the same object in the next state.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly version: number
  readonly about: About
  readonly nodes: ReadonlyMap<string, SeenNode>
  readonly counters: Counters
  /** How the latest broadcast spread. */
  readonly reach: Reach | null
  readonly log: ReadonlyArray<LogEntry>
}

/**
 * Before anything has been seen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (about: About): State => ({
  version: 0,
  about,
  nodes: new Map(),
  counters: {
    atMillis: 0,
    alive: 0,
    joining: 0,
    dead: 0,
    left: 0,
    isolated: 0,
    processes: 0,
    links: 0,
    oneSided: 0,
    components: 0,
    largest: 0,
    groups: 0,
    sent: 0,
    received: 0,
    sentPerSecond: null,
    outboxBytes: 0,
    trouble: null
  },
  reach: null,
  log: []
})

const sameList = (a: ReadonlyArray<string> | undefined, b: ReadonlyArray<string> | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.length === b.length && a.every((value, index) => value === b[index]))

/** A round trip that has moved by less than a fifth is the same to who looks at it, and need not be sent again. */
const sameRoundTrip = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= 0.2 * Math.max(a, b))

const patchOf = (before: SeenNode, now: SeenNode): NodePatch | undefined => {
  const patch: NodePatch = {
    id: now.id,
    ...(before.address === now.address ? {} : { address: now.address }),
    ...(before.process === now.process ? {} : { process: now.process }),
    ...(before.status === now.status ? {} : { status: now.status }),
    ...(sameList(before.active, now.active) ? {} : { active: now.active }),
    ...(sameList(before.eager, now.eager) ? {} : { eager: now.eager ?? null }),
    ...(before.passiveSize === now.passiveSize ? {} : { passiveSize: now.passiveSize }),
    ...(sameRoundTrip(before.roundTripMillis, now.roundTripMillis) ? {} : { roundTripMillis: now.roundTripMillis }),
    ...(before.group === now.group ? {} : { group: now.group })
  }
  return Object.keys(patch).length === 1 ? undefined : patch
}

/**
 * The node now, or the object that it was where nothing of it has changed. A round trip that counts as the same stays what it was:
 * else it could move by small steps, each beside another change, as far as it likes, and nobody would be told.
 */
const since = (before: SeenNode, now: SeenNode): SeenNode => {
  if (patchOf(before, now) === undefined) return before
  const { roundTripMillis } = sameRoundTrip(before.roundTripMillis, now.roundTripMillis) ? before : now
  return { ...now, roundTripMillis }
}

/** Seconds over which a rate is evened out: what is read must stand still for a moment. */
const rateSeconds = 2

const rateOf = (before: Counters, sent: number, seconds: number): number | null => {
  if (before.atMillis === 0 || seconds <= 0) return null
  // Who dies takes his count with him: nothing is known of such an interval.
  if (sent < before.sent) return before.sentPerSecond
  const now = (sent - before.sent) / seconds
  if (before.sentPerSecond === null) return now
  return before.sentPerSecond + (now - before.sentPerSecond) * (1 - Math.exp(-seconds / rateSeconds))
}

const countersOf = (before: Counters, nodes: ReadonlyMap<string, SeenNode>, seen: Observation, atMillis: number) => {
  const overlay = overlayOf(nodes.values())
  const withStatus = (status: SeenNode["status"]): number =>
    [...nodes.values()].reduce((sum, node) => sum + (node.status === status ? 1 : 0), 0)
  const isolated = [...overlay.degreeOf.values()].filter((degree) => degree === 0).length
  const seconds = (atMillis - before.atMillis) / 1_000
  return {
    atMillis,
    alive: withStatus("alive"),
    joining: withStatus("joining"),
    dead: withStatus("dead"),
    left: withStatus("left"),
    isolated: overlay.degreeOf.size > 1 ? isolated : 0,
    processes: seen.processes,
    links: overlay.links.length,
    oneSided: overlay.links.filter(({ isOneSided }) => isOneSided).length,
    components: overlay.componentSizes.length,
    largest: overlay.componentSizes[0] ?? 0,
    // Of the dead too: the cut is in force for whoever is started again.
    groups: new Set([...nodes.values()].flatMap(({ group }) => group ?? [])).size,
    sent: seen.messages.sent,
    received: seen.messages.received,
    sentPerSecond: rateOf(before, seen.messages.sent, seconds),
    outboxBytes: seen.outboxBytes,
    trouble: seen.trouble ?? null
  }
}

/** The same object for the same news. */
const withReach = (before: Reach | null, now: Reach | null): Reach | null =>
  now === null || (before?.id === now.id && before.arrivals.length >= now.arrivals.length) ? before : now

/**
 * The state after an observation. Nodes that have not changed stay the same objects, so that a difference is cheap.
 *
 * @category steps
 * @since 0.1.0
 */
export const advance = (before: State, seen: Observation, atMillis: number): State => {
  const nodes = new Map<string, SeenNode>()
  for (const now of seen.nodes.slice(0, mostNodes)) {
    const known = before.nodes.get(now.id)
    nodes.set(now.id, known === undefined ? now : since(known, now))
  }
  return {
    ...before,
    version: before.version + 1,
    nodes,
    counters: countersOf(before.counters, nodes, seen, atMillis),
    reach: withReach(before.reach, seen.reach)
  }
}

/**
 * The state with news of a broadcast.
 *
 * @category steps
 * @since 0.1.0
 */
export const withBroadcast = (before: State, reach: Reach): State => ({
  ...before,
  version: before.version + 1,
  reach: withReach(before.reach, reach)
})

/**
 * The state with more lines in its log; the oldest are forgotten.
 *
 * @category steps
 * @since 0.1.0
 */
export const withLog = (before: State, entries: ReadonlyArray<Omit<LogEntry, "sequence">>): State => {
  if (entries.length === 0) return before
  const next = (before.log.at(-1)?.sequence ?? -1) + 1
  const numbered = entries.map((entry, index) => ({ ...entry, sequence: next + index }))
  return { ...before, version: before.version + 1, log: [...before.log, ...numbered].slice(-mostLogEntries) }
}

/**
 * Everything.
 *
 * @category messages
 * @since 0.1.0
 */
export const snapshot = (state: State): FeedMessage => ({
  _tag: "Snapshot",
  version: state.version,
  about: state.about,
  nodes: [...state.nodes.values()],
  counters: state.counters,
  reach: state.reach,
  log: state.log
})

/**
 * What leads from one state to another.
 *
 * @category messages
 * @since 0.1.0
 */
export const difference = (before: State, now: State): FeedMessage => {
  const nodes: Array<NodePatch> = []
  for (const node of now.nodes.values()) {
    const known = before.nodes.get(node.id)
    if (known === node) continue
    const patch = known === undefined ? { ...node } : patchOf(known, node)
    if (patch !== undefined) nodes.push(patch)
  }
  const lastSequence = before.log.at(-1)?.sequence ?? -1
  return {
    _tag: "Update",
    version: now.version,
    nodes,
    gone: [...before.nodes.keys()].filter((id) => !now.nodes.has(id)),
    counters: now.counters,
    ...(now.reach === null || now.reach === before.reach ? {} : { reach: now.reach }),
    log: now.log.filter(({ sequence }) => sequence > lastSequence)
  }
}

const unknown: Omit<SeenNode, "id"> = {
  address: "",
  process: null,
  status: "joining",
  active: [],
  passiveSize: 0,
  roundTripMillis: null,
  group: null
}

const patched = (known: SeenNode | undefined, patch: NodePatch): SeenNode => {
  const { eager, ...rest } = patch
  const { eager: before, ...base } = known ?? { ...unknown, id: patch.id }
  const next = eager === undefined ? before : (eager ?? undefined)
  return { ...base, ...rest, ...(next === undefined ? {} : { eager: next }) }
}

/** The same map where nothing has changed, which tells who draws that there is nothing to draw. */
const patchedNodes = (
  before: ReadonlyMap<string, SeenNode>,
  { gone, nodes }: Extract<FeedMessage, { readonly _tag: "Update" }>
): ReadonlyMap<string, SeenNode> => {
  if (nodes.length === 0 && gone.length === 0) return before
  const after = new Map(before)
  for (const patch of nodes) after.set(patch.id, patched(after.get(patch.id), patch))
  for (const id of gone) after.delete(id)
  return after
}

/**
 * What the page knows after a message.
 *
 * @category steps
 * @since 0.1.0
 */
export const apply = (before: State | undefined, message: FeedMessage): State | undefined => {
  if (message._tag === "Snapshot") {
    const { about, counters, log, nodes, reach, version } = message
    return { version, about, counters, log, reach, nodes: new Map(nodes.map((node) => [node.id, node])) }
  }
  // An update says nothing without what it updates.
  if (before === undefined) return undefined
  return {
    about: before.about,
    version: message.version,
    nodes: patchedNodes(before.nodes, message),
    counters: message.counters,
    reach: message.reach ?? before.reach,
    log: message.log.length === 0 ? before.log : [...before.log, ...message.log].slice(-mostLogEntries)
  }
}
