/** What a worker process holds of the machine and of the runtime: memory, handles and fibers. */
import type * as Metric from "effect/Metric"

/** Counts the fibers that have begun and not ended. */
class FiberCount implements Metric.FiberRuntimeMetricsService {
  alive = 0

  recordFiberStart(): void {
    this.alive++
  }

  recordFiberEnd(): void {
    this.alive--
  }
}

/** All fibers of this process, if it is provided as `Metric.FiberRuntimeMetrics` to whatever forks them. */
export const fibers = new FiberCount()

/** Open handles and timers by kind, as Node counts them. */
export const handles = (): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
