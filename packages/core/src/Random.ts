/**
 * A small seeded generator whose whole state is two 32-bit integers, so that it can live inside a protocol's state:
 * the same seed gives the same numbers on every machine, and a copied state goes on exactly as the original would.
 *
 * The generator is xoroshiro64** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018): period
 * 2⁶⁴ − 1, passes PractRand and BigCrush, and needs only 32-bit integer operations, which JavaScript has exactly
 * (`Math.imul`, shifts). Both words are kept signed, so that V8 stores them unboxed.
 *
 * Every function takes the holder of the two words and advances it in place. A protocol passes the draft of its state,
 * which is its own to change; nothing else may.
 *
 * @since 0.1.0
 */

/**
 * Anything that carries a generator: the draft of a state, or a generator by itself (`seeded`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Random {
  random0: number
  random1: number
}

/** One round of the SplitMix32 finalizer: turns related seeds into unrelated words. */
const mix = (word: number): number => {
  let z = word | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) | 0
}

/**
 * A generator for a seed. Any finite number is a seed; its integer part up to 2⁵³ counts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seeded = (seed: number): Random => {
  const low = seed | 0
  const high = Math.floor(seed / 4294967296) | 0
  const random0 = mix(low + 0x9e3779b9) ^ mix(high + 0x7f4a7c15)
  const random1 = mix(random0 + 0x3c6ef372) ^ mix(low ^ 0x5bd1e995)
  // All zeroes is the one state that xoroshiro never leaves.
  return random0 === 0 && random1 === 0 ? { random0: 1, random1: 0 } : { random0, random1 }
}

/**
 * A generator for the `index`-th of many independent users of one seed (node 17 of a simulation, say). Indices that
 * differ in their lowest 32 bits never share one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seededFor = (seed: number, index: number): Random => {
  const low = mix(seed | 0)
  const high = mix(Math.floor(seed / 4294967296) + 0x51ed270b)
  return seeded(((low ^ high) >>> 11) * 4294967296 + ((low ^ mix(index)) >>> 0))
}

/**
 * The next 32 random bits, as a signed integer.
 *
 * @category drawing
 * @since 0.1.0
 */
export const nextBits = (random: Random): number => {
  const s0 = random.random0
  const s1 = random.random1 ^ s0
  const product = Math.imul(s0, 0x9e3779bb)
  random.random0 = ((s0 << 26) | (s0 >>> 6)) ^ s1 ^ (s1 << 9)
  random.random1 = (s1 << 13) | (s1 >>> 19)
  return Math.imul((product << 5) | (product >>> 27), 5)
}

/**
 * A whole number from 0 up to, and without, `bound` (1 to 2³²). Lemire's multiplication without the rejection step:
 * the bias is below bound / 2³², far below anything a simulation of a million nodes can see. A larger bound, up to 2⁵³, is
 * right but coarse: of the numbers below it 2³² can be drawn, evenly apart. Below 0 there is 0 alone.
 *
 * @category drawing
 * @since 0.1.0
 */
export const nextBelow = (random: Random, bound: number): number =>
  Math.floor(((nextBits(random) >>> 0) * bound) / 4294967296)

/**
 * `value` ± `share` of it, uniformly, rounded to a whole number: `jittered(r, 30_000, 0.5)` is 15,000 to 45,000.
 *
 * @category drawing
 * @since 0.1.0
 */
export const jittered = (random: Random, value: number, share: number): number => {
  const spread = Math.floor(value * share)
  return spread <= 0 ? value : value - spread + nextBelow(random, 2 * spread + 1)
}
