/**
 * The log's words: what happened, told as a person would, many of one kind in one line. Pure.
 *
 * @since 0.1.0
 */
import type { Action, ActionError, ActionResult, Happening } from "./ClusterSource.ts"
import type { LogEntry, State } from "./Feed.ts"

/**
 * A line, before it has a number and a time.
 *
 * @category models
 * @since 0.1.0
 */
export type Line = Omit<LogEntry, "sequence" | "atMillis">

/** How many nodes a line names before it counts. */
const named = 4

const line = (kind: Line["kind"], text: string, more: Partial<Line> = {}): Line => ({
  kind,
  text,
  isBad: false,
  reason: null,
  node: null,
  ...more
})

/**
 * `1 node`, `12 nodes`.
 *
 * @category words
 * @since 0.1.0
 */
export const many = (count: number, one: string, others = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : others}`

/**
 * `n1, n2 and 5 more`.
 *
 * @category words
 * @since 0.1.0
 */
export const names = (nodes: ReadonlyArray<string>): string => {
  if (nodes.length <= named) return nodes.join(", ")
  return `${nodes.slice(0, named - 1).join(", ")} and ${many(nodes.length - named + 1, "other")}`
}

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`

/**
 * What happened, one line for each kind and reason.
 *
 * @category lines
 * @since 0.1.0
 */
export const ofHappenings = (happenings: ReadonlyArray<Happening>): ReadonlyArray<Line> => {
  const alike = Map.groupBy(happenings, ({ kind, reason, what }) => `${kind}\u0000${what}\u0000${reason ?? ""}`)
  return [...alike.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { isBad, kind, nodes, reason, what } = first
    const who = [...new Set(group.map((happening) => happening.nodes[0] ?? ""))].filter((id) => id !== "")
    const other = nodes[1]
    const text =
      group.length === 1
        ? `${nodes[0] ?? ""} ${what}${other === undefined ? "" : ` (${other})`}`.trim()
        : `${names(who)} ${what}${group.length > who.length ? `, ${group.length.toLocaleString("en")} times in all` : ""}`.trim()
    return [line(kind, text, { isBad, reason, node: nodes[0] ?? null })]
  })
}

const withStatus = (state: State, status: string): ReadonlySet<string> =>
  new Set([...state.nodes.values()].filter((node) => node.status === status).map(({ id }) => id))

const came = (before: State, now: State, status: string): ReadonlyArray<string> => [
  ...withStatus(now, status).difference(withStatus(before, status))
]

const shape = (now: State): string => {
  const { alive, components, joining, largest } = now.counters
  return `${components} components; the largest has ${largest} of ${alive + joining}`
}

/**
 * What the difference of two states tells: who died, who joined, whether the overlay is in one piece.
 *
 * @category lines
 * @since 0.1.0
 */
export const between = (before: State, now: State): ReadonlyArray<Line> => {
  const lines: Array<Line> = []
  const trouble = now.counters.trouble
  if (trouble !== null && trouble !== before.counters.trouble) lines.push(line("overlay", trouble, { isBad: true }))
  if (now.nodes.size === 0) return lines
  if (before.nodes.size === 0) {
    return [...lines, line("overlay", `watching ${many(now.nodes.size, "node")} in ${shapeOf(now)}`)]
  }
  const dead = came(before, now, "dead")
  if (dead.length > 0) {
    const verb = dead.length === 1 ? "is dead" : "are dead"
    lines.push(line("node", `${names(dead)} ${verb}`, { isBad: true, node: dead[0] ?? null }))
  }
  const alive = came(before, now, "alive")
  if (alive.length > 0) lines.push(line("node", `${names(alive)} joined the overlay`, { node: alive[0] ?? null }))
  const left = came(before, now, "left")
  if (left.length > 0) lines.push(line("node", `${names(left)} left with a goodbye`, { node: left[0] ?? null }))
  const { components, isolated } = now.counters
  if (components > 1 && components !== before.counters.components) {
    lines.push(line("overlay", `the overlay is in ${shape(now)}`, { isBad: true }))
  }
  if (components === 1 && before.counters.components > 1) lines.push(line("overlay", "the overlay is one piece again"))
  if (isolated > before.counters.isolated) {
    lines.push(line("overlay", `${many(isolated, "node has", "nodes have")} no neighbour at all`, { isBad: true }))
  }
  return lines
}

const shapeOf = (now: State): string =>
  now.counters.components === 1 ? "one piece" : `${many(now.counters.components, "component")}`

/** Where others did not start, that is what matters. */
const started = (text: string, result: { readonly nodes: ReadonlyArray<string>; readonly trouble?: string }): Line =>
  result.trouble === undefined
    ? line("action", text, { reason: names(result.nodes) })
    : line("action", `${text}; ${result.trouble}`, { isBad: true, reason: names(result.nodes) })

const actionNames: Readonly<Record<Action["_tag"], string>> = {
  Publish: "Publish",
  Kill: "Kill",
  KillShare: "Kill a share",
  Restart: "Restart",
  AddNodes: "Add nodes",
  Partition: "Cut the network",
  Heal: "Heal the cut"
}

/**
 * What an action is called on the page: `Kill a share`.
 *
 * @category words
 * @since 0.1.0
 */
export const nameOf = ({ _tag }: Action): string => actionNames[_tag]

/**
 * `381 ms`, `33.3 s`.
 *
 * @category words
 * @since 0.1.0
 */
export const duration = (millis: number): string =>
  millis < 10_000 ? `${Math.round(millis).toLocaleString("en")} ms` : `${(millis / 1_000).toFixed(1)} s`

/**
 * What was done from the page.
 *
 * @category lines
 * @since 0.1.0
 */
export const ofAction = (action: Action, result: ActionResult): Line => {
  switch (result._tag) {
    case "Published": {
      const { arrivals, expected, from } = result.reach
      const last = Math.max(0, ...arrivals.map(([, , millis]) => millis))
      const hops = Math.max(0, ...arrivals.map(([, hop]) => hop))
      const all = arrivals.length >= expected
      return line(
        "action",
        `${from} published; ${all ? `all ${expected.toLocaleString("en")}` : `${arrivals.length.toLocaleString("en")} of ${many(expected, "node")}`} have it after ${duration(last)} and at most ${many(hops, "hop")}`,
        { isBad: !all, node: from }
      )
    }
    case "Killed": {
      const share = action._tag === "KillShare" ? ` (${percent(action.percent / 100)})` : ""
      return line("action", `${many(result.nodes.length, "node")} killed without a goodbye${share}`, {
        reason: names(result.nodes),
        node: result.nodes[0] ?? null
      })
    }
    case "Restarted":
      return started(`${many(result.nodes.length, "node")} started again`, result)
    case "Added":
      return started(`${many(result.nodes.length, "new node")} started`, result)
    case "Partitioned":
      return line("action", `cut into ${result.sizes.length} groups of ${result.sizes.join(", ")}`)
    case "Healed":
      return line("action", "the cut is healed")
  }
}

/**
 * What could not be done from the page.
 *
 * @category lines
 * @since 0.1.0
 */
export const ofFailure = (action: Action, { _tag, message }: ActionError): Line => {
  // Of who does not answer nobody knows what he did.
  const how = _tag === "ClusterUnavailable" ? "no answer" : "not done"
  return line("action", `${nameOf(action)}: ${how}`, { isBad: true, reason: message })
}
