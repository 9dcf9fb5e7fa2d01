/** What is kept, against a model that is a plain sorted array. */
import { assert, describe, it } from "@effect/vitest"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import * as Held from "../../src/plumtree/Held.ts"
import { payloadBytesBefore, sizeOf } from "../../src/plumtree/Page.ts"
import { type Held as Kind, type Kept, nothingHeld } from "../../src/plumtree/State.ts"
import { deepFreeze } from "../explore/Always.ts"

type Model = ReadonlyArray<Kept<number>>

/** One in twenty fills a page alone, nearly; every other is part of what was read at once. */
const payloadOf = (random: Random): Uint8Array => {
  const bytes = nextBelow(random, nextBelow(random, 20) === 0 ? 40_000 : 40)
  const read = new Uint8Array(nextBelow(random, 2) === 0 ? bytes : 3 * bytes + 100)
  return read.subarray(0, bytes).fill(nextBelow(random, 256))
}

const message = (random: Random, sequence: number): Kept<number> => ({
  sequence,
  payload: payloadOf(random),
  round: nextBelow(random, 9),
  publishedAt: sequence,
  bornAt: sequence + nextBelow(random, 5),
  parent: undefined
})

const added = (model: Model, kept: Kept<number>): Model =>
  [...model, kept].sort((one, other) => one.sequence - other.sequence)

const isSame = (one: Kept<number> | undefined, other: Kept<number> | undefined): boolean =>
  one === other ||
  (one !== undefined &&
    other !== undefined &&
    one.sequence === other.sequence &&
    one.round === other.round &&
    one.publishedAt === other.publishedAt &&
    one.bornAt === other.bornAt &&
    one.parent === other.parent &&
    Buffer.compare(one.payload, other.payload) === 0)

const isPlain = ({ dropped, pages }: Kind<number>): boolean =>
  pages.every((page, index) => sizeOf(page) > (index === 0 ? dropped : 0)) && (pages.length > 0 || dropped === 0)

/** What is dropped of a page stays in memory with it. */
const pinned = ({ dropped, pages: [page] }: Kind<number>): number =>
  page === undefined ? 0 : payloadBytesBefore(page, dropped)

/** Bytes of all that they are views of. */
const buffersOf = (held: Kind<number>): number => {
  const buffers = new Set(Held.all(held).map(({ payload }) => payload.buffer))
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

const runsIn = (model: Model, size: number): ReadonlyArray<number> => {
  const numbers = new Set(model.map(({ sequence }) => sequence))
  const runs = model.flatMap(({ sequence }) => [
    ...(numbers.has(sequence - 1) ? [] : [sequence]),
    ...(numbers.has(sequence + 1) ? [] : [sequence])
  ])
  return runs.slice(-2 * size)
}

/** The next state of both: most steps add the next number or drop the first, as a stream in good order does. */
const change = (random: Random, held: Kind<number>, model: Model, most: number): readonly [Kind<number>, Model] => {
  const last = model.at(-1)?.sequence ?? nextBelow(random, 50)
  const any = model[nextBelow(random, Math.max(1, model.length))]
  switch (nextBelow(random, 16)) {
    case 0: {
      const bornAt = (model[nextBelow(random, 1 + (model.length >> 2))]?.bornAt ?? 0) + nextBelow(random, 3)
      return [Held.withoutOlder(held, bornAt), model.filter((kept) => kept.bornAt >= bornAt)]
    }
    case 1: {
      if (any === undefined) return [held, model]
      const other = { ...any, round: any.round + 1, parent: 7 }
      return [Held.replace(held, other), model.map((kept) => (kept === any ? other : kept))]
    }
    case 2:
    case 3: {
      // Late, where there is a gap.
      const sequence = nextBelow(random, last + 2)
      if (model.some((kept) => kept.sequence === sequence)) return [held, model]
      const late = message(random, sequence)
      return [Held.add(held, late), added(model, late)]
    }
    case 4:
    case 5:
    case 6:
      return [Held.withoutFirst(held), model.slice(1)]
    default: {
      const next = message(random, last + 1 + (nextBelow(random, 4) === 0 ? nextBelow(random, 6) : 0))
      const more = Held.add(held, next)
      return model.length < most ? [more, added(model, next)] : [Held.withoutFirst(more), added(model, next).slice(1)]
    }
  }
}

describe("the messages kept of a stream", () => {
  it("are apart for two who add to the same, each something else", () => {
    const read = new Uint8Array(10_000).map((_, index) => index)
    const kept = (sequence: number, first: number): Kept<number> => ({
      ...message(seeded(1), sequence),
      payload: read.subarray(first, first + 3)
    })
    const both = Held.add(Held.add(nothingHeld, kept(0, 10)), kept(1, 20))
    const one = Held.add(both, kept(2, 30))
    const other = Held.add(Held.add(both, kept(2, 40)), kept(3, 50))
    const payloads = (held: Kind<number>) => Held.all(held).map(({ payload }) => [...payload])
    assert.deepStrictEqual(payloads(one), [
      [10, 11, 12],
      [20, 21, 22],
      [30, 31, 32]
    ])
    assert.deepStrictEqual(payloads(other), [
      [10, 11, 12],
      [20, 21, 22],
      [40, 41, 42],
      [50, 51, 52]
    ])
    assert.strictEqual(Held.all(one)[2]?.payload.buffer, Held.all(other)[2]?.payload.buffer)
  })

  it("hold on to little beside them, whatever they were read from, and however many have gone", () => {
    const random = seeded(3)
    let held: Kind<number> = nothingHeld
    let most = 100
    for (let sequence = 0; sequence < 5_000; sequence++) {
      const read = new Uint8Array(65_536).subarray(0, nextBelow(random, 2_000))
      held = Held.add(held, { ...message(random, sequence), payload: read, bornAt: sequence })
      if (nextBelow(random, 100) === 0) most = 1 + nextBelow(random, 200)
      if (nextBelow(random, 100) === 0) held = Held.withoutOlder(held, sequence - nextBelow(random, 40))
      while (held.count > most) held = Held.withoutFirst(held)
      const bytes = buffersOf(held)
      if (bytes > 5 * held.bytes) assert.fail(`${sequence}: ${bytes} bytes for the ${held.bytes} that are kept`)
    }
  })

  it("hold on to no room that others have followed", () => {
    const read = new Uint8Array(65_536)
    const kept = (sequence: number, bytes: number): Kept<number> => ({
      ...message(seeded(1), sequence),
      payload: read.subarray(0, bytes),
      bornAt: sequence
    })
    let held: Kind<number> = nothingHeld
    let sequence = 0
    const add = (count: number, bytes: number): void => {
      for (let i = 0; i < count; i++) held = Held.add(held, kept(sequence++, bytes))
    }
    // A page, and a room that is nearly full; of what is in it less and less stays, and what is added finds no place there.
    add(32 + 31, 1_050)
    for (const [stay, bytes] of [
      [8, 1_050],
      [3, 3_000],
      [2, 400],
      [1, 30]
    ] as const) {
      held = Held.withoutOlder(held, sequence - stay)
      add(1, bytes)
      assert.isAtMost(buffersOf(held), 5 * held.bytes)
    }
  })

  it("are copied little beside one that is large", () => {
    const random = seeded(7)
    const large = (sequence: number): Kept<number> => ({
      ...message(random, sequence),
      payload: new Uint8Array(1_000_000)
    })
    let copies = 0
    const followed = (held: Kind<number>, sequence: number, added: number): Kind<number> => {
      const after = Held.add(held, message(random, added))
      if (Held.find(held, sequence)?.payload.buffer !== Held.find(after, sequence)?.payload.buffer) copies++
      return after
    }
    let held: Kind<number> = nothingHeld
    for (let sequence = 0; sequence < 10; sequence++) held = Held.add(held, message(random, sequence))
    held = Held.add(held, large(5_000))
    for (let sequence = 10; sequence < 200; sequence++)
      held = followed(held, 5_000, sequence % 2 === 0 ? sequence : 5_000 - sequence)
    assert.strictEqual(copies, 0)
    // Late itself it is packed with others, from which it is parted as the next one comes.
    held = nothingHeld
    for (let sequence = 0; sequence < 200; sequence++)
      if (sequence < 50 || sequence > 90) held = Held.add(held, message(random, sequence))
    held = Held.add(held, large(70))
    for (let sequence = 51; sequence < 90; sequence++) if (sequence !== 70) held = followed(held, 70, sequence)
    assert.isAtMost(copies, 1)
  })

  it("go on when somebody has transferred payloads away: only those are empty", () => {
    for (const isView of [false, true]) {
      const own: Array<Uint8Array<ArrayBuffer>> = []
      let held: Kind<number> = nothingHeld
      let sequence = 0
      const add = (): void => {
        const bytes = sequence % 10 === 0 ? 40_000 : 100
        const payload = new Uint8Array(isView ? 3 * bytes : bytes).subarray(0, bytes).fill(7)
        held = Held.add(held, { ...message(seeded(1), sequence), payload, bornAt: sequence++ })
        own.push(payload)
      }
      const transfer = (payloads: ReadonlyArray<Uint8Array>): void => {
        for (const { buffer } of payloads)
          if (buffer instanceof ArrayBuffer && !buffer.detached) structuredClone(buffer, { transfer: [buffer] })
      }
      for (let i = 0; i < 75; i++) add()
      // Those that came, and those that stand in pages and in the room, as who asks for history is given them.
      transfer(own)
      transfer(Held.all(held).map(({ payload }) => payload))
      for (let i = 0; i < 75; i++) add()
      held = Held.withoutFirst(held)
      held = Held.add(held, { ...message(seeded(1), 70.5), payload: new Uint8Array(3), bornAt: sequence })
      held = Held.withoutOlder(held, 20)
      while (Held.all(held)[0]?.sequence !== 72) held = Held.withoutFirst(held)
      const lengths = Held.all(held).map(({ payload }) => payload.byteLength)
      const expected = (number: number) => (number < 75 ? 0 : number % 10 === 0 ? 40_000 : 100)
      assert.deepStrictEqual(
        lengths,
        Held.all(held).map(({ sequence }) => expected(sequence))
      )
      assert.strictEqual(lengths.length, 78)
    }
  })

  it("are copied little where they come in no order", () => {
    const random = seeded(5)
    let held: Kind<number> = nothingHeld
    for (let sequence = 2_000; sequence > 0; sequence--) {
      held = Held.add(held, { ...message(random, sequence), payload: new Uint8Array(10_000) })
      const largest = Math.max(0, ...held.pages.map(({ payloads }) => payloads.byteLength))
      if (largest > 3 * 32_768) assert.fail(`${sequence}: a page of ${largest} bytes`)
    }
  })

  it("are what a sorted array would hold, and no step changes what was there before", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seeded(seed)
      const most = 1 + nextBelow(random, 300)
      let held: Kind<number> = nothingHeld
      let model: Model = []
      for (let count = 0; count < 600; count++) {
        deepFreeze(held)
        const [after, expected] = change(random, held, model, most)
        const kept = Held.all(after)
        const alike =
          kept.length === expected.length &&
          kept.every((one, index) => isSame(one, expected[index])) &&
          after.count === expected.length &&
          after.bytes === expected.reduce((sum, { payload }) => sum + Held.bytesOf(payload), 0) &&
          Held.all(held).every((one, index) => isSame(one, model[index])) &&
          isPlain(after) &&
          pinned(after) <= after.bytes
        if (!alike) assert.fail(`seed ${seed}, step ${count}: not what the array holds`)
        held = after
        model = expected
      }
      const since = nextBelow(random, 2 + (model.at(-1)?.bornAt ?? 0))
      const young = model.filter((kept) => kept.bornAt >= since)
      assert.deepStrictEqual(Held.runsOf(held, 4, 0), runsIn(model, 4))
      assert.deepStrictEqual(Held.runsOf(held, 4, since), runsIn(young, 4))
      for (let sequence = 0; sequence <= (model.at(-1)?.sequence ?? 0) + 1; sequence++) {
        const found = model.find((kept) => kept.sequence === sequence)
        const next = young.find((kept) => kept.sequence >= sequence)?.sequence
        if (!isSame(Held.find(held, sequence), found))
          assert.fail(`seed ${seed}: ${sequence} is not found as it should be`)
        if (Held.nextOf(held, sequence, since) !== next) assert.fail(`seed ${seed}: what follows ${sequence} is wrong`)
      }
      const some = nextBelow(random, model.length + 2)
      const latest = Held.last(held, some - nextBelow(random, 2) / 2)
      assert.isTrue(latest.length === Math.min(some, model.length))
      assert.isTrue(latest.every((kept, index) => isSame(kept, model[model.length - latest.length + index])))
      const seen: Array<number> = []
      const low = nextBelow(random, 200)
      const whole = Held.visit(held, low, low + 100, ({ sequence }) => seen.push(sequence) < 20)
      const expected = model.map(({ sequence }) => sequence).filter((number) => number >= low && number <= low + 100)
      assert.deepStrictEqual(seen, expected.slice(0, 20))
      assert.strictEqual(whole, expected.length < 20)
    }
  })
})
