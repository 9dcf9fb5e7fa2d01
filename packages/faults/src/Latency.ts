/**
 * How long a frame travels: latency models as plain data, and one function that samples them. The simulator, the
 * in-process network and the reports share them, so that "log-normal" means the same everywhere.
 *
 * A model is JSON. Sampling takes the generator of the caller and returns whole microseconds, an hour of them at most, the
 * same on every machine: no engine's `Math.exp` or `Math.sin` takes part.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type { Random } from "@hyparview/core/Random"
import { nextBelow, seededFor } from "@hyparview/core/Random"
import { arcsine, cosine, exp, normalQuantileMillionths, pi, quantileCount, sine, squareRoot } from "./Arithmetic.ts"
import { cities } from "./internal/cities.ts"

/**
 * Every frame takes the same time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constant {
  readonly _tag: "Constant"
  /** One way, in microseconds. A whole number from 0. */
  readonly micros: number
}

/**
 * Every whole number of microseconds from `minMicros` to `maxMicros`, both included, is equally likely.
 *
 * @category models
 * @since 0.1.0
 */
export interface Uniform {
  readonly _tag: "Uniform"
  readonly minMicros: number
  readonly maxMicros: number
}

/**
 * `medianMicros · e^(sigma · Z)` with Z normal: a few frames take several times the median.
 *
 * Z is one of 4,096 equally likely quantiles, kept to a millionth, so that its tails end at ±3.67: with a sigma of 0.5 no
 * frame takes more than 6.3 times the median.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogNormal {
  readonly _tag: "LogNormal"
  readonly medianMicros: number
  /** The standard deviation of the logarithm, from 0 to 10. */
  readonly sigma: number
}

/**
 * Each node lives in a region, and a pair of regions has its delay: `matrixMicros[from][to]` plus up to `jitterShare` of
 * it, uniformly. `matrixOf` makes a matrix from coordinates.
 *
 * Without `seed` node i lives in region i modulo the number of regions; with one, in a region drawn for it from the seed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Geographic {
  readonly _tag: "Geographic"
  readonly matrixMicros: ReadonlyArray<ReadonlyArray<number>>
  readonly jitterShare: number
  readonly seed?: number | undefined
}

/**
 * A latency model.
 *
 * @category models
 * @since 0.1.0
 */
export type LatencyModel = Constant | Uniform | LogNormal | Geographic

/**
 * A model's numbers contradict themselves. Nothing was sampled.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidLatency extends Data.TaggedError("InvalidLatency")<{
  readonly model: LatencyModel
  readonly detail: string
}> {
  override get message(): string {
    return isModel(this.model) ? `latency model ${this.model._tag}: ${this.detail}` : `latency: ${this.detail}`
  }
}

/**
 * Whether a value says of itself that it is a model. Whether its numbers can be is for `validate`.
 *
 * @category validation
 * @since 0.1.0
 */
export const isModel = (value: unknown): value is LatencyModel => {
  if (typeof value !== "object" || value === null || !("_tag" in value)) return false
  switch (value._tag) {
    case "Constant":
      return "micros" in value
    case "Uniform":
      return "minMicros" in value && "maxMicros" in value
    case "LogNormal":
      return "medianMicros" in value && "sigma" in value
    case "Geographic":
      return "matrixMicros" in value && Array.isArray(value.matrixMicros) && value.matrixMicros.every(Array.isArray)
    default:
      return false
  }
}

/** The longest delay that a model may give: one hour. */
const maximumMicros = 3_600_000_000

const isDelay = (micros: number): boolean => Number.isInteger(micros) && micros >= 0 && micros <= maximumMicros

const problem = (model: LatencyModel): string | undefined => {
  if (!isModel(model))
    return "no model: one is Constant, Uniform, LogNormal or Geographic, with the numbers of its kind, or Latency.fromName of a name"
  switch (model._tag) {
    case "Constant":
      return isDelay(model.micros) ? undefined : "micros is not a whole number from 0 to one hour"
    case "Uniform":
      if (!isDelay(model.minMicros) || !isDelay(model.maxMicros))
        return "a bound is not a whole number from 0 to one hour"
      return model.minMicros <= model.maxMicros ? undefined : "minMicros is above maxMicros"
    case "LogNormal":
      if (!isDelay(model.medianMicros)) return "medianMicros is not a whole number from 0 to one hour"
      return model.sigma >= 0 && model.sigma <= 10 ? undefined : "sigma is not between 0 and 10"
    case "Geographic": {
      const regions = model.matrixMicros.length
      if (regions === 0) return "the matrix has no regions"
      if (model.matrixMicros.some((row) => row.length !== regions)) return "the matrix is not square"
      if (!model.matrixMicros.every((row) => row.every(isDelay)))
        return "a delay is not a whole number from 0 to one hour"
      return model.jitterShare >= 0 && model.jitterShare <= 1 ? undefined : "jitterShare is not between 0 and 1"
    }
  }
}

/**
 * The model itself if `sampleMicros` can use it, otherwise why not. Models written by hand or read from a file go through
 * here once; `sampleMicros` does not check again.
 *
 * @category validation
 * @since 0.1.0
 */
export const validate = (model: LatencyModel): Result.Result<LatencyModel, InvalidLatency> => {
  const detail = problem(model)
  return detail === undefined ? Result.succeed(model) : Result.fail(new InvalidLatency({ model, detail }))
}

/**
 * The region of a node under a geographic model.
 *
 * @category sampling
 * @since 0.1.0
 */
export const regionOf = (model: Geographic, node: number): number =>
  model.seed === undefined
    ? node % model.matrixMicros.length
    : nextBelow(seededFor(model.seed, node), model.matrixMicros.length)

/**
 * How long one frame from node `from` to node `to` takes, in whole microseconds. `from` and `to` are the nodes' indices
 * (from 0); only the geographic model looks at them. `Constant` draws nothing from the generator, the others one number.
 *
 * @category sampling
 * @since 0.1.0
 * @example
 * ```ts
 * import { seeded } from "@hyparview/core/Random"
 * import * as Latency from "@hyparview/faults/Latency"
 *
 * const random = seeded(42)
 * const model = Latency.fromName("lognormal")
 * const micros = Latency.sampleMicros(model, 0, 1, random)
 * ```
 */
export const sampleMicros = (model: LatencyModel, from: number, to: number, random: Random): number => {
  switch (model._tag) {
    case "Constant":
      return model.micros
    case "Uniform":
      return model.minMicros + nextBelow(random, model.maxMicros - model.minMicros + 1)
    case "LogNormal": {
      const millionths = normalQuantileMillionths(nextBelow(random, quantileCount))
      return Math.min(Math.round(model.medianMicros * exp((model.sigma * millionths) / 1_000_000)), maximumMicros)
    }
    case "Geographic": {
      const micros = model.matrixMicros[regionOf(model, from)]?.[regionOf(model, to)] ?? 0
      return Math.min(micros + nextBelow(random, Math.floor(micros * model.jitterShare) + 1), maximumMicros)
    }
  }
}

/**
 * What a frame from one node to another takes without noise, in whole microseconds: what X-BOT's oracle is told of a link in
 * the simulator. The geographic model's delay without jitter; the mean of `Uniform`; the median of `LogNormal`.
 *
 * @category sampling
 * @since 0.1.0
 */
export const typicalMicros = (model: LatencyModel, from: number, to: number): number => {
  switch (model._tag) {
    case "Constant":
      return model.micros
    case "Uniform":
      return Math.round((model.minMicros + model.maxMicros) / 2)
    case "LogNormal":
      return model.medianMicros
    case "Geographic":
      return model.matrixMicros[regionOf(model, from)]?.[regionOf(model, to)] ?? 0
  }
}

/**
 * A place on the globe, in degrees north and east.
 *
 * @category geography
 * @since 0.1.0
 */
export interface Place {
  /** From -90 to 90. */
  readonly latitude: number
  /** From -180 to 180. */
  readonly longitude: number
}

/** The mean radius of the Earth (IUGG). */
const earthRadiusKilometres = 6371.0088

/** The great-circle distance, by the haversine formula. */
const distanceKilometres = (a: Place, b: Place): number => {
  const radians = pi / 180
  const north = sine(((b.latitude - a.latitude) * radians) / 2)
  const east = sine(((b.longitude - a.longitude) * radians) / 2)
  const haversine = north * north + cosine(a.latitude * radians) * cosine(b.latitude * radians) * east * east
  return 2 * earthRadiusKilometres * arcsine(squareRoot(haversine))
}

/**
 * A matrix of one-way delays between places: light in fibre (4.9 µs a kilometre, a refractive index of 1.468) over the
 * great circle, stretched by 1.5 because cables do not follow it, plus 500 µs for the machines and their last mile. The
 * stretch and the 500 µs are guesses; London to Sydney comes to 125 ms, measured round trips are about 250 to 280 ms.
 *
 * @category geography
 * @since 0.1.0
 */
export const matrixOf = (places: ReadonlyArray<Place>): ReadonlyArray<ReadonlyArray<number>> =>
  places.map((from) => places.map((to) => Math.round(distanceKilometres(from, to) * 4.9 * 1.5) + 500))

/**
 * The twenty cities of `fromName("geographic")`, in the order of its regions.
 *
 * @category geography
 * @since 0.1.0
 */
export const cityNames: ReadonlyArray<string> = cities.map((city) => city.name)

/**
 * The models that have a name.
 *
 * @category names
 * @since 0.1.0
 */
export const names = ["constant", "uniform", "lognormal", "geographic"] as const

/**
 * The name of a model with default parameters.
 *
 * @category names
 * @since 0.1.0
 */
export type LatencyName = (typeof names)[number]

/**
 * Whether a text names a model.
 *
 * @category names
 * @since 0.1.0
 */
export const isLatencyName = (text: string): text is LatencyName => names.some((name) => name === text)

/**
 * The model itself, or the one of a name.
 *
 * @category names
 * @since 0.1.0
 */
export const modelOf = (latency: LatencyName | LatencyModel): LatencyModel =>
  typeof latency === "string" ? fromName(latency) : latency

/**
 * A named model with its default parameters, all guesses of a plausible network:
 *
 * - `constant`: 10 ms
 * - `uniform`: 5 to 50 ms
 * - `lognormal`: median 20 ms, sigma 0.5 (nine in ten between 9 and 46 ms)
 * - `geographic`: twenty cities (`cityNames`) in turn, jitter 10 %; 0.5 ms within a city, up to 137 ms one way
 *
 * @category names
 * @since 0.1.0
 */
export const fromName = (name: LatencyName): LatencyModel => {
  switch (name) {
    case "constant":
      return { _tag: "Constant", micros: 10_000 }
    case "uniform":
      return { _tag: "Uniform", minMicros: 5_000, maxMicros: 50_000 }
    case "lognormal":
      return { _tag: "LogNormal", medianMicros: 20_000, sigma: 0.5 }
    case "geographic":
      return { _tag: "Geographic", matrixMicros: matrixOf(cities), jitterShare: 0.1 }
  }
}
