/**
 * What it costs to wake one fiber of many that sleep, under the virtual clock and under Effect's TestClock.
 *
 * Every fiber sleeps again and again for as many milliseconds as there are fibers, each at a phase of its own: one wakes
 * each millisecond, and all the others sleep on. Time is CPU time of the whole process, garbage collection included. The
 * clocks take turns; a figure is the median over the rounds.
 */
import { Effect, type Duration } from "effect"
import { TestClock } from "effect/testing"
import { VirtualClock } from "@hyparview/testing"
import { medianOf, type Row } from "./internal/row.ts"

/** Wakes that are measured under the virtual clock; under TestClock a twentieth of them. */
const wakes = 100_000

type Adjust = (duration: Duration.Input) => Effect.Effect<void, VirtualClock.EndlessInstant>

const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** CPU microseconds for one wake. */
const measure = (sleepers: number, wakes: number, adjust: Adjust) =>
  Effect.gen(function* () {
    // The last to wake falls asleep first: in this order TestClock, which keeps a sorted array, is quick to fill.
    for (let phase = sleepers; phase >= 1; phase--) {
      const again = Effect.forever(Effect.sleep(sleepers))
      yield* Effect.forkDetach(Effect.andThen(Effect.sleep(phase), again), { startImmediately: true })
    }
    yield* adjust(Math.ceil(wakes / 10))
    const begin = cpuMicros()
    yield* adjust(wakes)
    return (cpuMicros() - begin) / wakes
  })

export const virtualClockBench = async (rounds: number): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const count of [1_000, 10_000, 100_000]) {
    const virtual: Array<number> = []
    const test: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const onVirtual = measure(count, wakes, VirtualClock.adjust)
      virtual.push(await Effect.runPromise(onVirtual.pipe(Effect.provide(VirtualClock.layer()))))
      const onTest = measure(count, Math.ceil(wakes / 20), TestClock.adjust)
      test.push(await Effect.runPromise(onTest.pipe(Effect.provide(TestClock.layer()))))
    }
    const what = `a wake among ${count.toLocaleString("en")} sleepers`
    const value = medianOf(virtual.map((micros, round) => micros / (test[round] ?? NaN)))
    rows.push({
      what,
      median: medianOf(virtual),
      unit: "µs",
      ratio: { to: "TestClock", value },
      aim: { of: "ratio", bound: "≤", value: 0.1 }
    })
  }
  return rows
}
