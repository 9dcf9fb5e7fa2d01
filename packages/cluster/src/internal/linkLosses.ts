/**
 * Which links the nodes of a worker process have lost, and why, until a supervisor takes the list. The oldest are
 * forgotten first.
 */
import type { LinkLoss } from "../Control.ts"

/** How many a worker remembers: a share of a large cluster killed at once. */
const rememberedLosses = 1_024

export const makeLinkLosses = () => {
  let losses: Array<LinkLoss> = []
  return {
    record: (loss: LinkLoss): void => {
      losses.push(loss)
      if (losses.length >= 2 * rememberedLosses) losses = losses.slice(-rememberedLosses)
    },
    take: (): ReadonlyArray<LinkLoss> => {
      const taken = losses.slice(-rememberedLosses)
      losses = []
      return taken
    }
  }
}
