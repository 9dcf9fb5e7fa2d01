/** What is drawn for fault plans and scenarios alike. */
import { nextBelow, type Random } from "@hyparview/core/Random"

/**
 * A whole number from `minimum` to `maximum`, both included. Spans beyond 2³² would lose evenness; none of ours has one.
 */
export const between = (random: Random, minimum: number, maximum: number): number =>
  minimum + nextBelow(random, maximum - minimum + 1)
