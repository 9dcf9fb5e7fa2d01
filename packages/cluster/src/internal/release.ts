/**
 * Hands memory back once a storm is over. When hundreds of nodes join at once, each opens dozens of links that live for
 * seconds; V8 keeps the pages for long, and a machine that runs thousands of nodes needs them for others. A collection
 * that compacts gives them back (300 nodes in 5 processes: 1,100 kB a node before, 200 after), and takes some hundredths
 * of a second, at a time when the process has little to do.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** Growth that is worth a collection. */
const worthBytes = 8 * 1_024 * 1_024

/** The share of one core below which a process is quiet. */
const quietShare = 0.25

const everySeconds = 5

/** Collects and compacts; without `--expose-gc`, nothing. */
export const collect = Effect.sync(() => globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" }))

/**
 * Looks after the process for ever. Only what a storm has left is worth it: a quiet process, too, allocates some megabytes in a
 * minute, and to collect them this way took up to half of the time that 200 idle nodes need.
 */
export const whenQuiet = Effect.suspend(() => {
  let floor = process.memoryUsage.rss()
  let cpu = process.cpuUsage()
  let hasStormed = false
  return Effect.suspend(() => {
    const { system, user } = process.cpuUsage(cpu)
    cpu = process.cpuUsage()
    const isQuiet = (system + user) / (everySeconds * 1e6) < quietShare
    if (!isQuiet) hasStormed = true
    if (!isQuiet || !hasStormed) return Effect.void
    hasStormed = false
    if (process.memoryUsage.rss() <= floor + worthBytes) return Effect.void
    return Effect.tap(collect, () =>
      Effect.sync(() => {
        floor = process.memoryUsage.rss()
        // Its own time is no storm.
        cpu = process.cpuUsage()
      })
    )
  }).pipe(Effect.schedule(Schedule.spaced(`${everySeconds} seconds`)))
})
