/**
 * Elementary functions from additions, multiplications and divisions alone. JavaScript fixes those to the last bit; it
 * leaves `Math.exp`, `Math.sin` and their kin, and even `Math.sqrt`, to the engine, so their last bits may differ between
 * machines, and with them every simulated delay. Errors stay below 1e-12, which rounding to whole microseconds swallows.
 *
 * @since 0.1.0
 */

/**
 * π.
 *
 * @category functions
 * @since 0.1.0
 */
export const pi = 3.141592653589793

const ln2 = 0.6931471805599453

/**
 * eˣ for |x| ≤ 700: by powers of two down to |rest| ≤ ln 2 / 2, then thirteen terms of the series, by Horner's rule.
 *
 * @category functions
 * @since 0.1.0
 */
export const exp = (x: number): number => {
  const doublings = Math.round(x / ln2)
  const r = x - doublings * ln2
  const high = 1 / 5040 + r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r / 479001600))))
  let sum = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * high))))))
  const factor = doublings < 0 ? 0.5 : 2
  for (let n = doublings < 0 ? -doublings : doublings; n > 0; n--) sum *= factor
  return sum
}

/**
 * The square root of x ≥ 0, by Newton's iteration.
 *
 * @category functions
 * @since 0.1.0
 */
export const squareRoot = (x: number): number => {
  if (x <= 0) return 0
  let root = x > 1 ? x : 1
  for (let round = 0; round < 60; round++) root = (root + x / root) / 2
  return root
}

/**
 * sin x for |x| ≤ 2π.
 *
 * @category functions
 * @since 0.1.0
 */
export const sine = (x: number): number => {
  let term = x
  let sum = x
  for (let n = 1; n <= 20; n++) {
    term = (-term * x * x) / (2 * n * (2 * n + 1))
    sum += term
  }
  return sum
}

/**
 * cos x for |x| ≤ π.
 *
 * @category functions
 * @since 0.1.0
 */
export const cosine = (x: number): number => sine(pi / 2 - (x < 0 ? -x : x))

/** arctan x for x ≥ 0: the argument is halved twice, then the series converges fast. */
const arctangent = (x: number): number => {
  if (x > 1) return pi / 2 - arctangent(1 / x)
  const half = x / (1 + squareRoot(1 + x * x))
  const quarter = half / (1 + squareRoot(1 + half * half))
  let power = quarter
  let sum = quarter
  for (let n = 1; n <= 14; n++) {
    power = -power * quarter * quarter
    sum += power / (2 * n + 1)
  }
  return 4 * sum
}

/**
 * arcsin x for 0 ≤ x ≤ 1.
 *
 * @category functions
 * @since 0.1.0
 */
export const arcsine = (x: number): number => (x >= 1 ? pi / 2 : arctangent(x / squareRoot(1 - x * x)))

/** The standard normal density. */
const density = (z: number): number => 0.3989422804014327 * exp((-z * z) / 2)

/** The standard normal distribution function for |z| ≤ 5, by Marsaglia's series ("Evaluating the Normal Distribution", 2004). */
const distribution = (z: number): number => {
  let term = z
  let sum = z
  for (let n = 3; n <= 121; n += 2) {
    term = (term * z * z) / n
    sum += term
  }
  return 0.5 + density(z) * sum
}

/**
 * How many equally likely values stand for the normal distribution.
 *
 * @category functions
 * @since 0.1.0
 */
export const quantileCount = 4096

let upperHalf: Int32Array | undefined

/** Built at the first use (10 ms), so that importing the module costs nothing. */
const buildUpperHalf = (): Int32Array => {
  const table = new Int32Array(quantileCount / 2)
  let z = 0
  for (let index = 0; index < table.length; index++) {
    const share = 0.5 + (index + 0.5) / quantileCount
    // Newton from the quantile before: the function is concave there, so that five rounds suffice even in the tail.
    for (let round = 0; round < 6; round++) z += (share - distribution(z)) / density(z)
    table[index] = Math.round(z * 1_000_000)
  }
  return table
}

/**
 * The quantile of the standard normal distribution at (index + ½) / `quantileCount`, in millionths, rounded: the middle
 * of the `index`-th of 4,096 equally likely slices. The outermost is ±3.67 standard deviations.
 *
 * @category functions
 * @since 0.1.0
 */
export const normalQuantileMillionths = (index: number): number => {
  const table = (upperHalf ??= buildUpperHalf())
  const half = quantileCount / 2
  return index < half ? -(table[half - 1 - index] ?? 0) : (table[index - half] ?? 0)
}
