/** What has been seen, against a model that forgets nothing. */
import { assert, describe, it } from "@effect/vitest"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import {
  type Bounds,
  doneUntil,
  doubt,
  expect,
  gapsOf,
  giveUp,
  hasGap,
  isDone,
  hasOwedGap,
  isRuns,
  latest,
  notDone,
  see,
  type Seen,
  wantsOlder
} from "../../src/plumtree/Seen.ts"

/** Every number by itself: those done, and of these the ones that were lost. */
class Model {
  readonly done = new Set<number>()
  readonly lost = new Set<number>()
  /** The highest that has been seen or given up; above it all is hearsay. */
  latest: number
  top = -1
  readonly owed: number

  constructor(floor: number, owed: number) {
    for (let number = 0; number <= floor; number++) this.done.add(number)
    this.owed = owed
    this.latest = floor
    this.top = Math.max(floor, owed - 1)
  }

  see(sequence: number, { gapsSize, windowSize }: Bounds): void {
    this.done.add(sequence)
    this.latest = Math.max(this.latest, sequence)
    this.expect(sequence)
    this.giveUp(this.latest - windowSize)
    for (let runs = this.runs(); runs.length > gapsSize; runs = this.runs()) this.giveUp((runs[0] ?? 0) - 1)
  }

  expect(top: number): void {
    this.top = Math.max(this.top, top)
  }

  giveUp(upTo: number): void {
    for (let number = 0; number <= Math.min(upTo, this.latest); number++) {
      if (!this.done.has(number) && number >= this.owed) this.lost.add(number)
      this.done.add(number)
    }
  }

  /** Where each run above the floor begins. */
  private runs(): ReadonlyArray<number> {
    const starts: Array<number> = []
    for (let number = this.floor + 1; number <= this.top; number++) {
      if (this.done.has(number) && !this.done.has(number - 1)) starts.push(number)
    }
    return starts
  }

  get floor(): number {
    let floor = -1
    while (this.done.has(floor + 1)) floor++
    return floor
  }

  gaps(from = this.owed, to = this.top): ReadonlyArray<number> {
    const missing: Array<number> = []
    for (let number = from; number <= to; number++) if (!this.done.has(number)) missing.push(number)
    return missing
  }
}

const numbersIn = (runs: ReadonlyArray<number>): ReadonlyArray<number> => {
  const numbers: Array<number> = []
  for (let i = 0; i < runs.length; i += 2) {
    for (let number = runs[i] ?? 0; number <= (runs[i + 1] ?? 0); number++) numbers.push(number)
  }
  return numbers
}

/** Numbers that mostly rise, now and then repeat, fall back or jump. */
const next = (random: Random, last: number): number => {
  switch (nextBelow(random, 8)) {
    case 0:
      return Math.max(0, last - nextBelow(random, 12))
    case 1:
      return last + nextBelow(random, 20)
    case 2:
      return nextBelow(random, last + 2)
    case 3:
      return last
    default:
      return last + 1
  }
}

describe("a stream of numbered messages", () => {
  it("tells new from done, owed from not, exactly as a model does that keeps every number", () => {
    for (let seed = 0; seed < 250; seed++) {
      const random = seeded(seed)
      const bounds = { windowSize: 1 + nextBelow(random, 30), gapsSize: 1 + nextBelow(random, 5) }
      let last = nextBelow(random, 30)
      const floor = Math.max(-1, last - bounds.windowSize)
      const model = new Model(floor, last)
      // What is older than what is owed is wanted too, in every third.
      const wanted = seed % 3 === 0 ? nextBelow(random, last + 1) : last
      let stream: Seen = { floor, above: [], owed: last, wanted, top: Math.max(floor, last - 1) }
      const lost = new Set<number>()
      for (let count = 0; count < 80; count++) {
        last = next(random, last)
        const before = JSON.stringify(stream)
        const runs: Array<number> = []
        const isNew = !isDone(stream, last)
        const wasNew = !model.done.has(last)
        let after = stream
        switch (nextBelow(random, 12)) {
          case 0:
            after = expect(stream, last)
            model.expect(last)
            break
          case 1: {
            const upTo = Math.min(last, stream.top)
            after = giveUp(stream, upTo, runs)
            model.giveUp(upTo)
            break
          }
          case 2:
            after = doubt(stream)
            model.top = model.latest
            break
          default:
            if (isNew) after = see(stream, last, bounds, runs)
            if (wasNew) model.see(last, bounds)
        }
        for (const number of numbersIn(runs)) {
          if (lost.has(number)) assert.fail(`seed ${seed}: ${number} is lost twice`)
          lost.add(number)
        }
        // Told by hand: an assertion for each of them would take longer than all the rest.
        const alike =
          isNew === wasNew &&
          JSON.stringify(stream) === before &&
          after.floor === model.floor &&
          after.top === model.top &&
          lost.size === model.lost.size &&
          String(numbersIn(gapsOf(after))) === String(model.gaps(wanted)) &&
          hasGap(after) === model.gaps(wanted).length > 0 &&
          hasOwedGap(after) === model.gaps(model.owed, model.latest).length > 0 &&
          wantsOlder(after) === (wanted < model.owed && model.floor < model.owed - 1) &&
          (after.above.length === 0 || isRuns(after.above)) &&
          after.above.length <= 2 * bounds.gapsSize &&
          latest(after) - after.floor <= bounds.windowSize
        if (!alike) {
          assert.fail(`seed ${seed}, ${JSON.stringify(bounds)}: ${last} on ${before} gives ${JSON.stringify(after)}`)
        }
        const from = nextBelow(random, model.top + 2)
        const until = doneUntil(after, from)
        let end = from
        while (model.done.has(end)) end++
        assert.strictEqual(until, end)
        const asked = [from, from + 3, from + 6, from + 7]
        const absent = numbersIn(asked).filter((number) => !model.done.has(number))
        assert.deepStrictEqual(numbersIn(notDone(after, asked)), absent)
        stream = after
      }
    }
  })

  it("is gone through once for however many runs somebody names", () => {
    let reads = 0
    const runs = Array.from({ length: 4_000 }, (_, i) => 2 * (i - (i % 2)) + (i % 2))
    const above = new Proxy(
      runs.map((number) => number + 10),
      {
        get: (target, key, receiver) => {
          reads++
          return Reflect.get(target, key, receiver)
        }
      }
    )
    const stream: Seen = { floor: 0, above, owed: 0, wanted: 0, top: 10_000 }
    assert.deepStrictEqual(
      notDone(
        stream,
        runs.map((number) => number + 10)
      ),
      []
    )
    assert.isBelow(reads, 20 * runs.length)
  })

  it("in order holds nothing but its floor, however long it is", () => {
    let stream: Seen = { floor: -1, above: [], owed: 0, wanted: 0, top: -1 }
    for (let sequence = 0; sequence < 10_000; sequence++) {
      stream = see(stream, sequence, { windowSize: 16, gapsSize: 4 }, [])
    }
    assert.deepStrictEqual(stream, { floor: 9_999, above: [], owed: 0, wanted: 0, top: 9_999 })
  })
})
