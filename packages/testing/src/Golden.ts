/**
 * Golden scripts: small stories about a cluster, in text files that hold commands and, beneath them, what came out. They
 * are run as tests, rewritten by a flag, and read as documentation (the idea is that of CockroachDB's and etcd's
 * data-driven tests).
 *
 *     # Two nodes find each other
 *     # drivers: all
 *     #
 *     # The second node joins through the first.
 *
 *     nodes 2
 *     join 1
 *     join 2 1
 *     settle
 *     views
 *     ----
 *     1  active 2  passive -
 *     2  active 1  passive -
 *
 * **The text.** The first line is the title. A line that begins with `#` is a comment; one of the first comment says
 * `drivers: all` or `drivers: core`. A block is a run of lines without a blank or a comment between; each is a command.
 * What the commands of a block print stands beneath it after `----`, up to the next blank line; a block that prints
 * nothing has neither. `run` gives the text back with what came out this time: a test compares the two, or writes it.
 *
 * **The commands** that every script knows; durations are `250ms`, `10s`, `5m`, `1h`:
 *
 * | command | |
 * |---|---|
 * | `nodes N [NAME=VALUE …]` | first of all: nodes 1 to N, none of them started (options: see below) |
 * | `join NODE [CONTACT …]` | starts a node, and lets it join through these |
 * | `kill NODE …` | they die without a word |
 * | `restart NODE [CONTACT …]` | after it was killed or has left: a new incarnation that knows only its contacts |
 * | `leave NODE …` | they say goodbye |
 * | `publish NODE TEXT` | to everybody |
 * | `advance DURATION`, `settle` | time passes; `settle` is five minutes: time for repair rounds, shuffles and probes |
 * | `views [NODE …]` | the views of all nodes that were started, or of these |
 * | `graph` | how the nodes that are up hang together |
 * | `deliveries` | what was published and where it was delivered, since this was last asked |
 *
 * The options of `nodes` are `seed`, `latency`, and any field of the membership's config over `forClusterSize(N)`: a
 * number, two as `1000..60000`, a rate as `5/12` (at once / a minute). `broadcast=flood`, which is what a script gets that
 * says nothing, floods and keeps nothing; `broadcast=plumtree` is a live node's broadcast (`Plumtree.defaultConfig`), and
 * `broadcast=sources` the same with a tree for each source, `broadcast=thicket` with several trees in turn. Any number of the broadcast's config may be given too.
 *
 * **Drivers.** A script is run against a `Harness`, which executes the commands on some driver of the protocols. A script
 * marked `drivers: core` is run on the bare core only, whose harness has commands of its own that reach for single
 * messages. One marked `drivers: all` must come out the same, to the letter, on every driver: the bare core, the
 * simulator's world, and the runtime over the in-process network on virtual time. What makes them comparable:
 *
 * - node i has a name that sorts as i does (`07`, not `7`, where names are strings and there are more than nine), an
 *   address that it keeps, and in each of its incarnations a generator of its own, `Random.seededFor(seed, i)`;
 * - each start of a node has a higher epoch than the one before; a node that was killed or has left listens no more;
 * - every message takes `latency` (10 ms unless given), and opening a link no more than three times that;
 * - Discovery knows nobody: its answer is always empty, and a node has only the contacts that its command names;
 * - what is published is one topic's UTF-8 text;
 * - views are printed in the order of the nodes' numbers, and each view sorted.
 *
 * Drivers still differ in how messages interleave that are under way at once. So the end of such a story does not depend on
 * that: what is printed is printed after settling, and `views` only where there is one possible answer (as many slots as
 * there are others: everybody holds everybody); else `graph`, which says what any good overlay has in common.
 *
 * @since 0.1.0
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Overlay from "@hyparview/faults/Overlay"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

/**
 * A script that cannot be read, or a command that cannot be executed. What was executed before stands.
 *
 * @category errors
 * @since 0.1.0
 */
export class GoldenError extends Data.TaggedError("GoldenError")<{
  /** Counted from 1. */
  readonly line: number
  readonly reason: string
}> {
  override get message(): string {
    return `line ${this.line}: ${this.reason}`
  }
}

/**
 * One command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  readonly line: number
  readonly name: string
  readonly args: ReadonlyArray<string>
}

/**
 * Commands that stand together, as they are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Block {
  readonly _tag: "Block"
  readonly source: ReadonlyArray<string>
  readonly commands: ReadonlyArray<Command>
}

/**
 * A script, as it was read: blocks, and the lines between them word by word.
 *
 * @category models
 * @since 0.1.0
 */
export interface Script {
  readonly title: string
  readonly drivers: "all" | "core"
  readonly parts: ReadonlyArray<Block | { readonly _tag: "Prose"; readonly source: string }>
}

/**
 * What `nodes` says about the cluster to come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setup {
  readonly nodes: number
  readonly seed: number
  readonly latencyMillis: number
  readonly config: HyParView.Config
  readonly broadcast: Plumtree.Config
}

/**
 * One node's views, by the nodes' numbers, in any order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Views {
  readonly node: number
  /** Whether it runs; a node that does not has no views. */
  readonly up: boolean
  readonly active: ReadonlyArray<number>
  readonly passive: ReadonlyArray<number>
}

/**
 * A message that reached the application of a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivery {
  readonly node: number
  readonly source: number
  readonly text: string
}

/**
 * What executes commands on some driver. The runner has checked that every node exists; a harness may still refuse.
 *
 * @category models
 * @since 0.1.0
 */
export interface Harness {
  readonly create: (setup: Setup) => Effect.Effect<void, string>
  readonly join: (node: number, contacts: ReadonlyArray<number>) => Effect.Effect<void, string>
  readonly kill: (node: number) => Effect.Effect<void, string>
  readonly restart: (node: number, contacts: ReadonlyArray<number>) => Effect.Effect<void, string>
  readonly leave: (node: number) => Effect.Effect<void, string>
  readonly publish: (node: number, text: string) => Effect.Effect<void, string>
  /** Lets time pass, and everything happen that is due until then. */
  readonly advance: (millis: number) => Effect.Effect<void, string>
  /** Of every node that was ever started. */
  readonly views: Effect.Effect<ReadonlyArray<Views>, string>
  /** Every delivery since this was last asked, a node's own messages included, in any order. */
  readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>, string>
  /** Executes a command that only this harness may know; what it prints. */
  readonly own?: (command: Command) => Effect.Effect<ReadonlyArray<string>, string>
  /** What has happened since this was last asked, in words. Printed after each command of a script for the core alone. */
  readonly trace?: Effect.Effect<ReadonlyArray<string>>
}

// --- reading ---------------------------------------------------------------------------------------------------------

const separator = "----"

/**
 * Reads a script. The expected output is not part of it: `run` gives the whole text anew, to be compared with the old.
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Script, GoldenError> => {
  const lines = text.split("\n")
  const fault = (index: number, reason: string) => Result.fail(new GoldenError({ line: index + 1, reason }))
  const title = /^# (.+)$/.exec(lines[0] ?? "")?.[1]
  if (title === undefined) return fault(0, "the first line is the title: `# …`")
  const headerEnd = lines.findIndex((line) => !line.startsWith("#"))
  const header = lines.slice(0, headerEnd < 0 ? lines.length : headerEnd)
  const drivers = /^# drivers: (all|core)$/m.exec(header.join("\n"))?.[1]
  if (drivers !== "all" && drivers !== "core") {
    return fault(0, "the first comment says `# drivers: all` or `# drivers: core`")
  }
  const parts: Array<Script["parts"][number]> = []
  let index = 0
  while (index < lines.length) {
    const line = lines[index] ?? ""
    if (line === "" || line.startsWith("#")) {
      parts.push({ _tag: "Prose", source: line })
      index++
      continue
    }
    if (line === separator) return fault(index, "output without a command")
    const source: Array<string> = []
    const commands: Array<Command> = []
    for (; index < lines.length; index++) {
      const line = lines[index] ?? ""
      if (line === "" || line === separator || line.startsWith("#")) break
      const [name = "", ...args] = line.trim().split(/\s+/)
      source.push(line)
      commands.push({ line: index + 1, name, args })
    }
    if (lines[index] === separator) while (index < lines.length && lines[index] !== "") index++
    parts.push({ _tag: "Block", source, commands })
  }
  return Result.succeed({ title, drivers, parts })
}

// --- running ---------------------------------------------------------------------------------------------------------

/**
 * Runs a script, and gives its text back with what came out: the same text, if everything came out as it is written there.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (script: Script, harness: Harness) {
  const runner = new Runner(script, harness)
  const lines: Array<string> = []
  for (const part of script.parts) {
    if (part._tag === "Prose") {
      lines.push(part.source)
      continue
    }
    lines.push(...part.source)
    const output: Array<string> = []
    for (const command of part.commands) output.push(...(yield* runner.perform(command)))
    if (output.length > 0) lines.push(separator, ...output)
  }
  return lines.join("\n")
})

const settleMillis = 300_000

class Runner {
  private nodes = 0
  private activeSize = 0
  private readonly script: Script
  private readonly harness: Harness

  constructor(script: Script, harness: Harness) {
    this.script = script
    this.harness = harness
  }

  /** Executes one command; what it prints. */
  perform(command: Command): Effect.Effect<ReadonlyArray<string>, GoldenError> {
    const { harness, script } = this
    return Effect.gen({ self: this }, function* () {
      const printed = yield* this.execute(command)
      const traced = script.drivers === "core" && harness.trace !== undefined ? yield* harness.trace : []
      return [...traced, ...printed]
    }).pipe(
      Effect.mapError((error) =>
        typeof error === "string" ? new GoldenError({ line: command.line, reason: error }) : error
      )
    )
  }

  private execute(command: Command): Effect.Effect<ReadonlyArray<string>, string> {
    const { harness } = this
    const { args, name } = command
    if (name === "nodes") return this.create(args)
    if (this.nodes === 0) return Effect.fail("the first command is `nodes`")
    switch (name) {
      case "join":
      case "restart":
        return Effect.gen({ self: this }, function* () {
          const [node = 0, ...contacts] = yield* this.nodesOf(args)
          yield* harness[name](node, contacts)
          return []
        })
      case "kill":
      case "leave":
        return Effect.gen({ self: this }, function* () {
          for (const node of yield* this.nodesOf(args)) yield* harness[name](node)
          return []
        })
      case "publish":
        return Effect.gen({ self: this }, function* () {
          const [node = 0] = yield* this.nodesOf(args.slice(0, 1))
          yield* harness.publish(node, args.slice(1).join(" "))
          return []
        })
      case "settle":
        return Effect.as(harness.advance(settleMillis), [])
      case "advance":
        return Effect.gen(function* () {
          yield* harness.advance(yield* Effect.fromResult(durationOf(args[0] ?? "")))
          return []
        })
      case "views":
        return Effect.gen({ self: this }, function* () {
          const nodes = args.length === 0 ? undefined : yield* this.nodesOf(args)
          const views = yield* harness.views
          return showViews(nodes === undefined ? views : views.filter(({ node }) => nodes.includes(node)))
        })
      case "graph":
        return Effect.map(harness.views, (views) => showGraph(views, this.activeSize))
      case "deliveries":
        return Effect.map(harness.deliveries, showDeliveries)
      default:
        return harness.own?.(command) ?? Effect.fail(`unknown command: ${name}`)
    }
  }

  private create(args: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, string> {
    return Effect.gen({ self: this }, function* () {
      if (this.nodes > 0) return yield* Effect.fail("`nodes` stands once, at the beginning")
      const setup = yield* Effect.fromResult(setupOf(args))
      this.nodes = setup.nodes
      this.activeSize = setup.config.activeSize
      yield* this.harness.create(setup)
      return []
    })
  }

  private nodesOf(args: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<number>, string> {
    const nodes = args.map(Number)
    const wrong = args.find((_, index) => {
      const node = nodes[index] ?? 0
      return !(Number.isInteger(node) && node >= 1 && node <= this.nodes)
    })
    if (wrong !== undefined) return Effect.fail(`${wrong} is no node from 1 to ${this.nodes}`)
    return nodes.length === 0 ? Effect.fail("a node is missing") : Effect.succeed(nodes)
  }
}

// --- words -----------------------------------------------------------------------------------------------------------

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/**
 * Reads a duration: `250ms`, `10s`, `5m`, `1h`. The result is in milliseconds.
 *
 * @category words
 * @since 0.1.0
 */
export const durationOf = (text: string): Result.Result<number, string> => {
  const [, digits = "", unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? []
  const factor = units[unit]
  return factor === undefined ? Result.fail(`${text} is no duration`) : Result.succeed(Number(digits) * factor)
}

const setupOf = (args: ReadonlyArray<string>): Result.Result<Setup, string> => {
  const [count = "", ...options] = args
  const nodes = Number(count)
  if (!(Number.isInteger(nodes) && nodes >= 1 && nodes <= 1_000)) return Result.fail(`${count} is no number of nodes`)
  const override: Record<string, unknown> = {}
  const broadcast: Record<string, number> = {}
  let preset: Plumtree.Config = Plumtree.floodConfig
  let seed = 1
  let latencyMillis = 10
  for (const option of options) {
    const [name = "", value = ""] = option.split("=")
    if (name === "latency") {
      const latency = durationOf(value)
      if (Result.isFailure(latency)) return Result.fail(latency.failure)
      latencyMillis = latency.success
      continue
    }
    if (name === "broadcast") {
      const chosen = presets.get(value)
      if (chosen === undefined) return Result.fail(`${option}: broadcast is one of ${[...presets.keys()].join(", ")}`)
      preset = chosen
      continue
    }
    const parsed = valueOf(value)
    if (parsed === undefined) return Result.fail(`${option} is no option: name=value`)
    if (typeof parsed === "number" && broadcastFields.has(name)) broadcast[name] = parsed
    else if (name !== "seed") override[name] = parsed
    else if (typeof parsed === "number") seed = parsed
  }
  if (!isOverride(override)) return Result.fail(`no such field of the config, or not such a value: ${args.join(" ")}`)
  return Result.mapBoth(
    Result.all([HyParView.forClusterSize(nodes, override), Plumtree.makeConfig(broadcast, preset)]),
    {
      onFailure: (error) => error.message,
      onSuccess: ([config, broadcast]) => ({ nodes, seed, latencyMillis, config, broadcast })
    }
  )
}

const presets: ReadonlyMap<string, Plumtree.Config> = new Map([
  ["flood", Plumtree.floodConfig],
  ["plumtree", Plumtree.defaultConfig],
  ["sources", { ...Plumtree.defaultConfig, trees: "source" }],
  ["thicket", { ...Plumtree.defaultConfig, strategy: "thicket" }]
])

/** The fields of the broadcast's config that are numbers. */
const broadcastFields: ReadonlySet<string> = new Set(
  Object.entries(Plumtree.defaultConfig).flatMap(([name, value]) => (typeof value === "number" ? [name] : []))
)

const fields: ReadonlyMap<string, unknown> = new Map(Object.entries(Result.getOrThrow(HyParView.forClusterSize(1))))

const isOverride = (given: object): given is Partial<HyParView.Config> =>
  Object.entries(given).every(([name, value]) => {
    const field = fields.get(name)
    return typeof field === typeof value && Array.isArray(field) === Array.isArray(value)
  })

/** `3`, `0.5`, `1000..60000`, `5/12`. */
const valueOf = (text: string): unknown => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  if (first !== undefined && last !== undefined) return [Number(first), Number(last)]
  const [, burst, perMinute] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  return burst === undefined ? undefined : { burst: Number(burst), perMinute: Number(perMinute) }
}

const ascending = (a: number, b: number): number => a - b

/**
 * Nodes in ascending order; `-` for none.
 *
 * @category words
 * @since 0.1.0
 */
export const showNodes = (nodes: ReadonlyArray<number>): string =>
  nodes.length === 0 ? "-" : [...nodes].sort(ascending).join(" ")

const showViews = (views: ReadonlyArray<Views>): ReadonlyArray<string> =>
  [...views]
    .sort((a, b) => a.node - b.node)
    .map(({ active, node, passive, up }) =>
      up ? `${node}  active ${showNodes(active)}  passive ${showNodes(passive)}` : `${node}  down`
    )

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? "" : "s"}`

const showGraph = (views: ReadonlyArray<Views>, activeSize: number): ReadonlyArray<string> => {
  const up = views.filter(({ up }) => up)
  const snapshot = up.map(({ active, node, passive }) => ({ id: node, active, passive, pending: 0 }))
  const { count } = Overlay.components(snapshot)
  const oneSided = Overlay.asymmetricLinks(snapshot).length
  const dead = Overlay.deadLinks(snapshot).length
  const degrees = [...Overlay.outDegrees(snapshot)].sort(([a], [b]) => b - a)
  return [
    `${counted(up.length, "node")}, ${counted(count, "component")}, ${counted(oneSided, "one-sided link")}, ` +
      `${counted(dead, "link")} to the dead`,
    ...degrees.map(
      ([degree, nodes]) =>
        `${counted(degree, "neighbour")}${degree >= activeSize ? " (full)" : ""}: ${counted(nodes, "node")}`
    )
  ]
}

const showDeliveries = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> => {
  const messages = new Map<string, Array<number>>()
  for (const { node, source, text } of deliveries) {
    const message = `"${text}" of ${source}`
    const nodes = messages.get(message)
    if (nodes === undefined) messages.set(message, [node])
    else nodes.push(node)
  }
  return [...messages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([message, nodes]) => `${message}: ${showNodes(nodes)}`)
}
