/** What a world refuses: numbers that cannot be, of its options and of its commands. */
import * as Struct from "effect/Struct"

const mostNodes = 2 ** 24

/** The numbers of a world's options. */
interface Numbers {
  readonly nodes: number
  readonly seed: number
  readonly detectionMillis: number
  readonly dialTimeoutMillis: number
  readonly sendAttempts: number
  readonly discoverySize: number
  readonly discoverable?: ReadonlyArray<number> | undefined
}

/** What is wrong with them. */
export const defectOf = (options: Numbers): string | undefined => {
  const least = {
    nodes: 0,
    seed: 0,
    detectionMillis: 0,
    dialTimeoutMillis: 0,
    sendAttempts: 1,
    discoverySize: 0
  } as const
  for (const option of Struct.keys(least)) {
    const value = options[option]
    if (!Number.isSafeInteger(value) || value < least[option]) {
      return `${option} is ${value}: expected a whole number from ${least[option]}`
    }
  }
  if (options.nodes > mostNodes) return `nodes is ${options.nodes}: expected ${mostNodes} at most`
  const stranger = options.discoverable?.find((node) => !isIndex(node, options.nodes))
  return stranger === undefined
    ? undefined
    : `discoverable: there is no node ${stranger}, the world has ${options.nodes}`
}

export const isIndex = (node: number, nodes: number): boolean => Number.isInteger(node) && node >= 0 && node < nodes

/** A limit of virtual time in whole microseconds. Whoever asks again until it is reached would never stop with a budget of NaN. */
export const limitOf = (time: number, budget: number): number => {
  if (Number.isNaN(budget)) throw new RangeError("a world cannot run for NaN events")
  if (Number.isNaN(time)) throw new RangeError("a world cannot run until NaN µs")
  return Math.min(Math.floor(time), Number.MAX_SAFE_INTEGER)
}
