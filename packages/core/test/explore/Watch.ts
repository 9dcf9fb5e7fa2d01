/**
 * Looks at every step of every node in a world: freezes what it gives, so that a later step that changes it throws, and
 * collects what the invariants have to say.
 */
import { deepFreeze, transitionFaults } from "./Always.ts"
import { nameOf, settledFaults } from "./Calm.ts"
import { underWay } from "./Events.ts"
import type { World } from "./World.ts"

export class Watch {
  /** Whether some node has drawn randomness since this was last set to false. */
  rolled = false
  private faults: Array<string> = []
  private readonly freezes: boolean

  /** `freezes`: false where so much is watched that freezing it would take the longest. */
  constructor(freezes = true) {
    this.freezes = freezes
  }

  readonly observe: NonNullable<World["observer"]> = (node, before, input, step) => {
    if (this.freezes) deepFreeze(step)
    if (before.random0 !== step.state.random0 || before.random1 !== step.state.random1) this.rolled = true
    for (const fault of transitionFaults(before, input.now, step)) this.faults.push(`${nameOf(node)}: ${fault}`)
  }

  /** Watches a world, besides whoever does so already. */
  attach(world: World): void {
    const seen = world.observer
    world.observer = (node, before, input, step) => {
      seen?.(node, before, input, step)
      this.observe(node, before, input, step)
    }
  }

  /** What has gone wrong in steps since the last call. */
  take(): ReadonlyArray<string> {
    const { faults } = this
    if (faults.length > 0) this.faults = []
    return faults
  }

  /** The same; and where nothing is under way, asymmetry too. */
  takeWithRest(world: World): ReadonlyArray<string> {
    const faults = this.take()
    return faults.length === 0 && underWay(world).length === 0 ? settledFaults(world) : faults
  }
}
