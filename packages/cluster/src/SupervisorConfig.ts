/**
 * What a supervisor can be told, and what is wrong with it.
 *
 * @since 0.1.0
 */
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Data from "effect/Data"
import * as Formatter from "effect/Formatter"
import type * as LogLevel from "effect/LogLevel"
import * as Result from "effect/Result"
import { Bounds, Routing } from "./Control.ts"

/**
 * What to start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many nodes, 1 or more. They are called `n1`, `n2` and so on; `n1` is the contact through which all join. */
  readonly nodes: number
  /** In how many processes, 1 to `nodes`. Each gets as many nodes as the others, or one more. */
  readonly processes: number
  /** The largest size expected, from which the nodes' views are sized, 1 to a billion. Default: `nodes`. */
  readonly clusterSize?: number | undefined
  /** How many nodes there may ever be, those added later and those killed included, `nodes` or more. Default 10,000. */
  readonly mostNodes?: number | undefined
  /** The cluster's name. Default `local`. */
  readonly cluster?: string | undefined
  /** Where the nodes listen. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** The contact's port, 1 to 65535. Default: any free one, which all other nodes have anyway. */
  readonly port?: number | undefined
  /**
   * Whether the nodes speak mutual TLS, with certificates made for the occasion: in a temporary directory that ends with
   * the supervisor, signed by an authority whose key never leaves this process. Default false: plain TCP.
   */
  readonly tls?: boolean | undefined
  /** From which the nodes' seeds are drawn. Live nodes are not repeatable all the same: the network is not. Default 1. */
  readonly seed?: number | undefined
  /** What every node subscribes to, and may be published on. Default: `cluster` alone. */
  readonly topics?: readonly [string, ...ReadonlyArray<string>] | undefined
  /** Bounds of what the nodes remember, in place of the defaults. */
  readonly bounds?: Bounds | undefined
  /**
   * How broadcasts travel. With the strategy `thicket` each node has a third of `clusterSize` as neighbours, 5 at least and 25 at most
   * (`thicketDegreeOf`). Default: along one tree.
   */
  readonly broadcast?: Routing | undefined
  /** Milliseconds between two shuffles of a node, as in `HyParView.Config`. Default: its own. */
  readonly cycleMillis?: number | undefined
  /** Whether the workers keep what `takeTold` and `sizes` ask for. Default false: it costs memory. */
  readonly watched?: boolean | undefined
  /** From which level on the workers log (see `events`). Default `Warn`. */
  readonly logLevel?: LogLevel.LogLevel | undefined
}

/**
 * An option is out of its bounds, contradicts another, or there is none of its name. Nothing was started.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  /** The option, or what was given as one. */
  readonly option: string
  readonly detail: string
}> {
  override get message(): string {
    return `supervisor, ${this.option}: ${this.detail}`
  }
}

/**
 * How many nodes there may ever be, unless the options say otherwise: each costs sockets and memory, and a poll grows with
 * them.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMostNodes = 10_000

/**
 * The least neighbours of a node of a thicket: those that `HyParView.forClusterSize` gives in a small cluster.
 *
 * @category constants
 * @since 0.1.0
 */
export const leastThicketDegree = 5

/**
 * As many neighbours as a thicket wants, but a third of the cluster at most: where nearly everybody is everybody's neighbour, and some
 * have died, the last free slots take minutes to find each other (rule 4k).
 *
 * @category constructors
 * @since 0.1.0
 */
export const thicketDegreeOf = (clusterSize: number): number =>
  Math.min(Plumtree.thicketDegree, Math.max(leastThicketDegree, Math.floor(clusterSize / 3)))

const names = Object.keys({
  nodes: true,
  processes: true,
  clusterSize: true,
  mostNodes: true,
  cluster: true,
  host: true,
  port: true,
  tls: true,
  seed: true,
  topics: true,
  bounds: true,
  broadcast: true,
  cycleMillis: true,
  watched: true,
  logLevel: true
} satisfies Record<keyof Options, true>)

const strangerIn = (options: object, names: ReadonlyArray<string>, prefix: string): InvalidOptions | undefined => {
  const option = Object.keys(options).find((name) => !names.includes(name))
  return option === undefined
    ? undefined
    : new InvalidOptions({ option: prefix + option, detail: `no such option. Options are ${names.join(", ")}` })
}

/**
 * What is out of its bounds or misspelt, if anything is. What no view can be sized for, `HyParView.forClusterSize` finds.
 *
 * @category checking
 * @since 0.1.0
 */
export const faultOf = (options: Options): InvalidOptions | undefined => {
  const stranger =
    strangerIn(options, names, "") ??
    strangerIn(options.bounds ?? {}, Object.keys(Bounds.fields), "bounds.") ??
    strangerIn(options.broadcast ?? {}, Object.keys(Routing.fields), "broadcast.")
  if (stranger !== undefined) return stranger
  const routing = Plumtree.makeConfig(options.broadcast)
  if (Result.isFailure(routing)) return new InvalidOptions({ option: "broadcast", detail: routing.failure.message })
  const { mostNodes = Math.max(defaultMostNodes, options.nodes), nodes, port = 1, processes } = options
  const bounds = [
    ["nodes", nodes, 1, Number.MAX_SAFE_INTEGER],
    ["processes", processes, 1, nodes],
    ["mostNodes", mostNodes, nodes, Number.MAX_SAFE_INTEGER],
    ["port", port, 1, 65_535]
  ] as const
  for (const [option, value, least, most] of bounds) {
    if (Number.isInteger(value) && value >= least && value <= most) continue
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`
    return new InvalidOptions({ option, detail: `${Formatter.format(value)} is not a whole number, ${range}` })
  }
  return undefined
}
