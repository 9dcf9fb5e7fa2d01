/** Processes, seen from outside. */
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"

/** Whether a process runs. One that has ended and waits for its parent to notice does not. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat`
  return !existsSync(stat) || !/^\d+ \(.*\) Z/s.test(readFileSync(stat, "utf8"))
}

/** Waits until none of them runs; whoever still does after the bound is the result. */
export const survivors = Effect.fnUntraced(function* (pids: ReadonlyArray<number>, withinMillis = 5_000) {
  const deadline = performance.now() + withinMillis
  let running = pids.filter(isRunning)
  while (running.length > 0 && performance.now() < deadline) {
    yield* Effect.sleep("20 millis")
    running = running.filter(isRunning)
  }
  return running
})
