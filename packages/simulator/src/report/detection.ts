/** Which model of detection a run is of, and whether its first message was over before anybody was told of a broken link. */
import { Latency } from "@hyparview/faults"
import type { Options } from "../experiments/Options.ts"
import type { BroadcastResult, Result } from "../Result.ts"
import { number } from "./Figure.ts"

/** A message that was published as nodes died, and what to call it. */
export interface First {
  readonly run: Result
  readonly broadcast: Pick<BroadcastResult, "hops" | "latency">
  readonly name: string
}

/** Milliseconds until a flood's last delivery; undefined where neither they nor what a hop takes are known. */
const lastMillis = ({ broadcast: { hops, latency }, run: { config } }: First): number | undefined => {
  if (latency !== undefined) return latency.last
  const named = latencyIn(config)
  const model = named === undefined ? undefined : Latency.modelOf(named)
  return model?._tag === "Constant" ? (hops * model.micros) / 1000 : undefined
}

/** The latency that a result was made with, as far as it is one. */
export const latencyIn = ({ latency }: Result["config"]): Options["latency"] | undefined =>
  (typeof latency === "string" && Latency.isLatencyName(latency)) || Latency.isModel(latency) ? latency : undefined

const detectionMillis = ({ config }: Result): number => Number(config["detectionMillis"])

/** Whether its last delivery came after the first links had been found broken, so that repairs may have carried it. */
const isOutlasting = (first: First): boolean => (lastMillis(first) ?? 0) > detectionMillis(first.run)

/** Of how many of them that is so. */
export const pastDetection = (firsts: ReadonlyArray<First>): string =>
  firsts.length === 0 ? "–" : `${number(firsts.filter(isOutlasting).length)} of ${number(firsts.length)}`

/** How long a flood took: `650 ms`. */
export const duration = (first: First): string => {
  const millis = lastMillis(first)
  return millis === undefined ? "–" : `${number(millis)} ms`
}

/** So many runs are named one by one. */
const named = 6

/** What was told to whom when, and which of these floods were still under way by then. */
export const detection = (
  runs: ReadonlyArray<Result>,
  firsts: ReadonlyArray<First>,
  what = "first message"
): string => {
  const [run] = runs
  if (run === undefined) return ""
  const model = `Both ends of a broken link are told ${number(detectionMillis(run))} ms after it broke.`
  const timed = firsts.filter((first) => lastMillis(first) !== undefined)
  if (timed.length === 0) return model
  const late = timed.filter(isOutlasting)
  return `${model} ${late.length === 0 ? inTime(timed, what) : tooLong(timed, late, what)}`
}

const all = ({ length }: ReadonlyArray<First>, what: string): string =>
  length === 2 ? `Both ${what}s` : `All ${number(length)} ${what}s`

const inTime = (firsts: ReadonlyArray<First>, what: string): string => {
  const longest = number(Math.max(...firsts.map((first) => lastMillis(first) ?? 0)))
  const before = "before any repair began"
  return firsts.length === 1
    ? `The ${what} had its last delivery ${before}, after ${longest} ms.`
    : `${all(firsts, what)} had their last delivery ${before}, after ${longest} ms at most.`
}

const tooLong = (firsts: ReadonlyArray<First>, late: ReadonlyArray<First>, what: string): string => {
  const which =
    firsts.length === 1
      ? `The ${what} was`
      : late.length === firsts.length
        ? `${all(firsts, what)} were`
        : `${number(late.length)} of ${number(firsts.length)} ${what}s ${late.length === 1 ? "was" : "were"}`
  const names = [...new Set(late.map(({ name }) => name))]
  const list = names.slice(0, named).map((name) => {
    const own = late.filter((first) => first.name === name)
    const hops = number(Math.max(...own.map(({ broadcast }) => broadcast.hops)))
    const millis = number(Math.max(...own.map((first) => lastMillis(first) ?? 0)))
    return own.length === 1
      ? `${name} (${hops} hops, ${millis} ms)`
      : `${name} (${number(own.length)} of them, up to ${hops} hops and ${millis} ms)`
  })
  const more = names.length > named ? [`${number(names.length - named)} more`] : []
  return `${which} still under way then, and could meet mended links: ${[...list, ...more].join("; ")}.`
}
