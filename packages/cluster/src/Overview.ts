/**
 * The overlay at a glance, from polls of every node's view. Polls of a live cluster are never of one instant: processes
 * answer one after the other while links come and go. So a link that only one end holds is at first a *suspect*, and
 * counts as asymmetric once a poll a request time-out later still finds it so.
 *
 * Everything here is pure; `watch` carries what must be remembered from one poll to the next.
 *
 * @since 0.1.0
 */
import * as Overlay from "@hyparview/faults/Overlay"
import type { NodeView } from "./Control.ts"

/**
 * The views of all nodes that live, as far as their processes answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Poll {
  /** When the answers were complete, in milliseconds of a clock that does not jump. */
  readonly atMillis: number
  readonly nodes: ReadonlyArray<NodeView>
  /** Ids of all nodes of whom the polls tell, those that do not run included: any other lives elsewhere. Absent: nobody does. */
  readonly own?: ReadonlySet<string>
}

/**
 * By what the views are judged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rules extends Overlay.Bounds {
  /** How long a link may look asymmetric before it is: the protocol's request time-out. */
  readonly requestTimeoutMillis: number
}

/**
 * What an operator wants to know of a cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overview {
  readonly atMillis: number
  /** Nodes that answered, and have neither left nor stopped. */
  readonly alive: number
  /** Those among them that have joined. */
  readonly joined: number
  /** Pairs of living nodes of which at least one holds the other as a neighbour. */
  readonly links: number
  /** Links that only one end holds in this poll. */
  readonly suspects: ReadonlyArray<Overlay.DirectedLink<string>>
  /** Active entries that in this poll name nobody alive. */
  readonly deadLinks: ReadonlyArray<Overlay.DirectedLink<string>>
  /** Active entries that name a node of which no poll tells: whether it lives, and holds the link too, is not known. */
  readonly elsewhere: ReadonlyArray<Overlay.DirectedLink<string>>
  /** Suspects and dead links that have been so for a request time-out. */
  readonly asymmetric: ReadonlyArray<Overlay.DirectedLink<string>>
  readonly components: Overlay.Components
  /**
   * One component without asymmetric links: there are no suspects and dead links at all, or, where links come and go all
   * the time, every poll of the last request time-out has found one component and nothing that lasts.
   */
  readonly isWhole: boolean
  /** Living neighbours → nodes, ascending. */
  readonly degrees: ReadonlyMap<number, number>
  readonly fullness: Overlay.Fullness<string>
  /** Messages since the nodes' starts. */
  readonly messages: { readonly sent: number; readonly received: number }
  /** Broadcasts of others that the nodes have delivered, and copies of such as they knew already, since their starts. */
  readonly broadcasts: { readonly delivered: number; readonly duplicates: number }
  /** Messages sent a second since the poll before, by nodes that answered both; undefined in the first. */
  readonly sentPerSecond: number | undefined
  /** Bytes that wait to be sent, in all nodes together. */
  readonly outboxBytes: number
}

/**
 * What is remembered from one poll to the next.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watch {
  readonly atMillis: number
  /** Since when each suspect has looked asymmetric, by `from → to`. */
  readonly suspectedSince: ReadonlyMap<string, number>
  /** The first of the polls up to now that all found one component, and no asymmetric link. */
  readonly calmSince: number | undefined
  /** Messages sent, by id and epoch. */
  readonly sent: ReadonlyMap<string, number>
}

/**
 * Nothing has been seen yet.
 *
 * @category watching
 * @since 0.1.0
 */
export const watch: Watch = { atMillis: 0, suspectedSince: new Map(), calmSince: undefined, sent: new Map() }

const keyOf = ({ from, to }: Overlay.DirectedLink<string>): string => `${from} → ${to}`

const running = (nodes: ReadonlyArray<NodeView>): ReadonlyArray<NodeView> =>
  nodes.filter(({ status }) => status !== "left" && status !== "stopped")

const incarnation = ({ epoch, id }: NodeView): string => `${id}@${epoch}`

/**
 * A poll, and what was remembered of those before, to an overview.
 *
 * @category watching
 * @since 0.1.0
 */
export const observe = (
  before: Watch,
  poll: Poll,
  rules: Rules
): { readonly overview: Overview; readonly watch: Watch } => {
  const { atMillis } = poll
  const nodes = running(poll.nodes)
  const suspects = Overlay.asymmetricLinks(nodes)
  const { elsewhere = [], dead: deadLinks = [] } = Object.groupBy(Overlay.deadLinks(nodes), ({ to }) =>
    poll.own?.has(to) === false ? "elsewhere" : "dead"
  )
  const doubtful = [...suspects, ...deadLinks]
  const suspectedSince = new Map(
    doubtful.map((link) => [keyOf(link), before.suspectedSince.get(keyOf(link)) ?? atMillis])
  )
  const isOld = (since: number): boolean => atMillis - since >= rules.requestTimeoutMillis
  const asymmetric = doubtful.filter((link) => isOld(suspectedSince.get(keyOf(link)) ?? atMillis))
  const components = Overlay.components(nodes)
  const isCalm = components.count === 1 && asymmetric.length === 0
  const calmSince = isCalm ? (before.calmSince ?? atMillis) : undefined
  const sent = new Map(nodes.map((node) => [incarnation(node), node.sent]))
  const entries = nodes.reduce((sum, node) => sum + node.active.length, 0)
  const overview: Overview = {
    atMillis,
    alive: nodes.length,
    joined: nodes.filter((node) => node.status === "joined").length,
    // A symmetric link stands in two views, a suspect in one.
    links: (entries - deadLinks.length - elsewhere.length + suspects.length) / 2,
    suspects,
    deadLinks,
    elsewhere,
    asymmetric,
    components,
    isWhole: isCalm && (doubtful.length === 0 || (calmSince !== undefined && isOld(calmSince))),
    degrees: Overlay.outDegrees(nodes),
    fullness: Overlay.fullness(nodes, rules),
    messages: {
      sent: nodes.reduce((sum, node) => sum + node.sent, 0),
      received: nodes.reduce((sum, node) => sum + node.received, 0)
    },
    broadcasts: {
      delivered: nodes.reduce((sum, node) => sum + node.delivered, 0),
      duplicates: nodes.reduce((sum, node) => sum + node.duplicates, 0)
    },
    sentPerSecond: rate(before, sent, atMillis),
    outboxBytes: nodes.reduce((sum, node) => sum + node.outboxBytes, 0)
  }
  return { overview, watch: { atMillis, suspectedSince, calmSince, sent } }
}

const rate = (before: Watch, sent: ReadonlyMap<string, number>, atMillis: number): number | undefined => {
  if (before.sent.size === 0 || atMillis <= before.atMillis) return undefined
  let more = 0
  for (const [node, count] of sent) {
    const earlier = before.sent.get(node)
    if (earlier !== undefined) more += Math.max(0, count - earlier)
  }
  return (more * 1_000) / (atMillis - before.atMillis)
}

/**
 * One component without asymmetric links.
 *
 * @category judging
 * @since 0.1.0
 */
export const isWhole = (overview: Overview): boolean => overview.isWhole

/**
 * That, and full views.
 *
 * @category judging
 * @since 0.1.0
 */
export const isFull = (overview: Overview): boolean => overview.isWhole && overview.fullness.isFull

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/**
 * One line: nodes, components, links and what is wrong with them, and how full the views are.
 *
 * @category describing
 * @since 0.1.0
 */
export const summary = (overview: Overview): string => {
  const { alive, components, deadLinks, elsewhere, fullness, links, suspects } = overview
  const parts = [
    components.count <= 1
      ? counted(components.count, "component") + ` of ${alive}`
      : `${components.count} components (largest ${components.largest} of ${alive}, ${components.isolated} alone)`,
    counted(links, "link"),
    suspects.length === 0 ? "all symmetric" : `${suspects.length} held by one end only`
  ]
  if (deadLinks.length > 0) parts.push(`${deadLinks.length} to dead nodes`)
  if (elsewhere.length > 0) parts.push(`${elsewhere.length} to nodes elsewhere`)
  parts.push(
    fullness.short.length === 0
      ? `all with ${fullness.degree} neighbours`
      : `${counted(fullness.short.length, "node")} below ${fullness.degree} neighbours`
  )
  return parts.join(", ")
}

/**
 * What is wrong with the overlay, in sentences: the rules of `@hyparview/faults/Overlay` in calm. Of the views in reserve
 * it knows only what the poll asked for.
 *
 * @category describing
 * @since 0.1.0
 */
export const faults = (nodes: ReadonlyArray<NodeView>, rules: Rules): ReadonlyArray<string> =>
  Overlay.violations(running(nodes), rules, { calm: true })
