/**
 * How a command that starts a cluster is told how broadcasts travel, and says it: two flags, what neither can know by itself, and
 * words.
 *
 * @since 0.1.0
 */
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Flag from "effect/cli/Flag"
import { Routing } from "./Control.ts"
import { leastThicketDegree } from "./SupervisorConfig.ts"

/**
 * What was chosen.
 *
 * @category models
 * @since 0.1.0
 */
export type Choice = Required<Routing>

/**
 * `--strategy` and `--trees`.
 *
 * @category flags
 * @since 0.1.0
 */
export const flags = {
  strategy: Flag.Literals("strategy", Routing.fields.strategy.schema.literals).pipe(
    Flag.withDefault(Plumtree.defaultConfig.strategy),
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      `How broadcasts travel: along a tree, over every link, or along five trees in turn, for which each node has a third of the cluster as neighbours, ${leastThicketDegree} at least and ${Plumtree.thicketDegree} at most. Default: plumtree`
    )
  ),
  trees: Flag.Literals("trees", Routing.fields.trees.schema.literals).pipe(
    Flag.withDefault(Plumtree.defaultConfig.trees),
    Flag.withMetavar("NAME"),
    Flag.withDescription("One tree for all nodes that publish, or one for each. Default: shared")
  )
}

/**
 * What no flag can know by itself.
 *
 * @category checking
 * @since 0.1.0
 */
export const contradiction = ({ strategy, trees }: Choice): string | undefined =>
  trees !== "shared" && strategy !== "plumtree"
    ? `--trees ${trees} is of no use with --strategy ${strategy}: only plumtree has one tree or one for each source`
    : undefined

/**
 * What there is then; undefined of the usual, of which nothing need be said.
 *
 * @category printing
 * @since 0.1.0
 */
export const inWords = ({ strategy, trees }: Choice): string | undefined => {
  if (strategy === "thicket") return "a thicket"
  if (strategy === "flood") return "floods"
  return trees === "source" ? "a tree for each source" : undefined
}
