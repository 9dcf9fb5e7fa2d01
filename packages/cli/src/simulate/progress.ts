/** How far the simulations have come: a bar that is redrawn on a terminal, a line now and then elsewhere. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { Measure } from "@hyparview/simulator"
import { monotonicSeconds } from "../internal/monotonic.ts"
import type { Progress } from "./Simulation.ts"

export interface Display {
  /** Shows where each of the runs is; those that have not begun are undefined. */
  readonly show: (runs: ReadonlyArray<Progress | undefined>) => Effect.Effect<void>
  /** Takes the bar away. */
  readonly clear: Effect.Effect<void>
}

const barWidth = 24

/** What stands beside the bar, at most. */
const textWidth = 62

/** Of a terminal that does not say. */
const usualColumns = 80

/** Without a terminal. */
const lineSeconds = 10

/** Redrawing more often is nothing that an eye would notice. */
const redrawSeconds = 0.2

/** 7 s, 3:05, 1:02:03. */
export const duration = (seconds: number): string => {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number): string => String(value).padStart(2, "0")
  const hours = Math.floor(whole / 3_600)
  const minutes = Math.floor(whole / 60) % 60
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`
}

/** 812, 54 k, 8.66 M. */
export const rounded = (value: number): string =>
  value < 1_000
    ? value.toFixed(0)
    : value < 1_000_000
      ? `${(value / 1_000).toFixed(value < 10_000 ? 1 : 0)} k`
      : `${(value / 1_000_000).toFixed(value < 100_000_000 ? 2 : 0)} M`

/**
 * The state of all runs in a line of at most `room` columns: where they do not suffice, it goes without the number of events, and
 * then without what is being done. The time left is guessed from the work that is behind them.
 */
export const line = (
  runs: ReadonlyArray<Progress | undefined>,
  seconds: number,
  width: number,
  room = Number.POSITIVE_INFINITY
): string => {
  const share = Measure.mean(runs.map((run) => run?.share ?? 0))
  const events = runs.reduce((sum, run) => sum + (run?.events ?? 0), 0)
  const done = runs.filter((run) => run?.more === false).length
  const busy = runs.find((run) => run?.more === true)
  const filled = Math.floor(share * width)
  const bar = width === 0 ? [] : [`${"█".repeat(filled)}${"░".repeat(width - filled)}`]
  const percent = `${(share * 100).toFixed(0).padStart(3)} %`
  const doing = runs.length === 1 ? (busy?.phase ?? "metrics") : `${done} of ${runs.length} runs`
  const rate = `${rounded(seconds > 0 ? events / seconds : 0)}/s`
  const time = share > 0.01 && share < 1 ? `${duration((seconds * (1 - share)) / share)} left` : `${duration(seconds)}`
  const shortest = [percent, rate, time].join("  ")
  const longer = [
    [...bar, percent, doing, `${rounded(events)} events`, rate, time],
    [percent, doing, rate, time]
  ]
  return longer.map((parts) => parts.join("  ")).find((text) => text.length <= room) ?? shortest
}

export const makeDisplay = Effect.gen(function* () {
  const { canAnimate } = yield* TerminalCapabilities
  const terminal = yield* Terminal.Terminal
  const began = yield* monotonicSeconds
  let last = canAnimate ? -Infinity : 0
  let drawn = false
  const write = (text: string): Effect.Effect<void> => Effect.ignore(terminal.display(text))
  const show = Effect.fnUntraced(function* (runs: ReadonlyArray<Progress | undefined>) {
    const seconds = (yield* monotonicSeconds) - began
    if (seconds - last < (canAnimate ? redrawSeconds : lineSeconds)) return
    last = seconds
    if (!canAnimate) return yield* Console.error(line(runs, seconds, 0).trimStart())
    drawn = true
    const columns = (yield* terminal.columns) || usualColumns
    const width = Math.max(0, Math.min(barWidth, columns - textWidth - 1))
    // A line that wraps could not be taken back.
    yield* write(`\r\u001B[K${line(runs, seconds, width, columns - 1).slice(0, columns - 1)}`)
  })
  const clear = Effect.suspend(() => {
    const wasDrawn = drawn
    drawn = false
    return wasDrawn ? write("\r\u001B[K") : Effect.void
  })
  return { show, clear } satisfies Display
})
