/** The configuration: what each field may be, what contradicts what, and what a cluster size gives. */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Result from "effect/Result"

const thirtyDays = 30 * 24 * 3_600_000

/** A = 10 and P = 20, so that the fields bound by them have other bounds than their own. */
const base = Result.getOrThrow(HyParView.forClusterSize(10_000, { activeSize: 10, passiveSize: 20 }))

/** Fields that hold one whole number: the lowest and the highest it may be in `base`. */
const wholeFields: Readonly<Partial<Record<keyof HyParView.Config, readonly [lowest: number, highest: number]>>> = {
  passiveSize: [4, 1_000],
  activeWalkLength: [3, 32],
  passiveWalkLength: [0, 6],
  shuffleActive: [0, 10],
  shufflePassive: [0, 20],
  shuffleWalkLength: [1, 32],
  cycleMillis: [10, thirtyDays],
  requestTimeoutMillis: [1, thirtyDays],
  busyRetryMillis: [1, thirtyDays],
  heartbeatMillis: [0, thirtyDays],
  heartbeatMisses: [2, 1_000],
  protectedLinks: [0, 9],
  graveyardSize: [0, 10_000],
  probeMillis: [0, thirtyDays],
  contactProbeMillis: [0, thirtyDays],
  bridgeMillis: [1, thirtyDays],
  mixMillis: [0, thirtyDays],
  triangleExchanges: [0, 30],
  optimizeCandidates: [0, 20],
  unbiasedLinks: [0, 10],
  leftMemoryMillis: [0, thirtyDays],
  duplicateIdentityMillis: [0, thirtyDays],
  memorySize: [1, 10_000],
  contactsSize: [1, 1_000]
}

const shareFields = ["ageWeight", "cycleJitter", "optimizeHysteresis"] as const
const rateFields = ["admissionPerPeer", "admissionOverall"] as const
const backoffFields = ["repairBackoffMillis", "discoveryBackoffMillis"] as const

const accepts = (override: Partial<HyParView.Config>) =>
  assert.isTrue(Result.isSuccess(HyParView.validate({ ...base, ...override })), JSON.stringify(override))

/** Refused, with this field as the reason. */
const refuses = (field: keyof HyParView.Config, override: Partial<HyParView.Config>) => {
  const result = HyParView.validate({ ...base, ...override })
  assert.isTrue(Result.isFailure(result), JSON.stringify(override))
  if (Result.isSuccess(result)) return
  assert.instanceOf(result.failure, HyParView.ConfigError)
  assert.strictEqual(result.failure.field, field, JSON.stringify(override))
  assert.include(result.failure.message, field)
}

const noNumbers = [Number.NaN, Infinity, -Infinity, 0.5, 2.5]

describe("each field", () => {
  for (const [name, bounds] of Object.entries(wholeFields)) {
    const field = name as keyof typeof wholeFields
    const [lowest, highest] = bounds
    it(`${field} is a whole number from ${lowest} to ${highest}, here`, () => {
      for (const value of [lowest, highest]) accepts({ [field]: value })
      for (const value of [lowest - 1, highest + 1, ...noNumbers]) {
        assert.isTrue(Result.isFailure(HyParView.validate({ ...base, [field]: value })), `${field}: ${value}`)
      }
      if (lowest > 0) return
      refuses(field, { [field]: -1 })
    })
  }

  it("activeSize is a whole number from 1 to 30", () => {
    accepts({ activeSize: 1, shuffleActive: 1, protectedLinks: 0 })
    accepts({ activeSize: 30 })
    for (const value of [0, 31, ...noNumbers]) refuses("activeSize", { activeSize: value })
  })

  for (const field of shareFields) {
    it(`${field} is a share, 0 to 1`, () => {
      for (const value of [0, 0.5, 1]) accepts({ [field]: value })
      for (const value of [-0.1, 1.1, Number.NaN, Infinity]) refuses(field, { [field]: value })
    })
  }

  for (const field of rateFields) {
    it(`${field} is a burst of 1 to 10¹⁰ and a rate above 0, to 10¹⁰`, () => {
      for (const rate of [
        { burst: 1, perMinute: 0.1 },
        { burst: thirtyDays, perMinute: thirtyDays },
        { burst: 1e10, perMinute: 1e10 }
      ]) {
        accepts({ [field]: rate })
      }
      for (const rate of [
        { burst: 0, perMinute: 1 },
        { burst: 1.5, perMinute: 1 },
        { burst: 1, perMinute: 0 },
        { burst: 1, perMinute: -1 },
        { burst: 1, perMinute: Number.NaN },
        { burst: Infinity, perMinute: 1 },
        { burst: 1, perMinute: Infinity },
        { burst: 1e10 + 1, perMinute: 1 },
        { burst: 1, perMinute: 1e10 + 1 }
      ]) {
        refuses(field, { [field]: rate })
      }
    })
  }

  for (const field of backoffFields) {
    it(`${field} is a first wait and a longest, in this order`, () => {
      for (const waits of [
        [1, 1],
        [1, thirtyDays]
      ]) {
        accepts({ [field]: waits })
      }
      for (const waits of [
        [0, 1],
        [2, 1],
        [1, thirtyDays + 1],
        [0.5, 1],
        [1, 1.5],
        [Number.NaN, 1],
        [1, Number.NaN]
      ]) {
        refuses(field, { [field]: waits })
      }
    })
  }

  it("is looked at here", () => {
    const others = ["activeSize", ...shareFields, ...rateFields, ...backoffFields]
    assert.sameMembers([...Object.keys(wholeFields), ...others], Object.keys(base))
  })
})

describe("fields that contradict each other", () => {
  it("protect as many links as there are: then none could be evicted", () => {
    refuses("protectedLinks", { protectedLinks: 10 })
    refuses("protectedLinks", { activeSize: 1, shuffleActive: 1, protectedLinks: 1 })
  })

  it("leave a passive entry later on the walk than the walk is long", () => {
    refuses("passiveWalkLength", { activeWalkLength: 2, passiveWalkLength: 3 })
  })

  it("put more into a shuffle than the views hold", () => {
    refuses("shuffleActive", { activeSize: 2, protectedLinks: 1, shuffleActive: 3 })
    refuses("shufflePassive", { passiveSize: 3, shufflePassive: 4 })
  })

  it("put more into a shuffle than a frame holds", () => {
    accepts({ passiveSize: 1_000, shufflePassive: 200 })
    refuses("shufflePassive", { passiveSize: 1_000, shufflePassive: 201 })
  })
})

describe("a cluster size", () => {
  const table: ReadonlyArray<readonly [n: number, activeSize: number, passiveSize: number]> = [
    [1, 5, 30],
    [2, 5, 30],
    [10, 5, 30],
    [100, 5, 30],
    [10_000, 5, 30],
    [10_001, 6, 36],
    [100_000, 6, 36],
    [100_001, 7, 42],
    [1_000_000, 7, 42],
    [1_000_000_000, 10, 60]
  ]

  for (const [n, activeSize, passiveSize] of table) {
    it(`of ${n} gives A = ${activeSize} and P = ${passiveSize}`, () => {
      const config = Result.getOrThrow(HyParView.forClusterSize(n))
      assert.deepStrictEqual([config.activeSize, config.passiveSize], [activeSize, passiveSize])
      assert.strictEqual(config.protectedLinks, Math.floor(activeSize / 2))
      assert.strictEqual(config.graveyardSize, passiveSize)
    })
  }

  it("gives the paper's other values at any size", () => {
    for (const [n] of table) {
      const config = Result.getOrThrow(HyParView.forClusterSize(n))
      const { activeWalkLength, passiveWalkLength, shuffleActive, shufflePassive } = config
      assert.deepStrictEqual([activeWalkLength, passiveWalkLength, shuffleActive, shufflePassive], [6, 3, 3, 4])
    }
  })

  it("is a whole number from 1 to 10⁹", () => {
    for (const n of [0, -1, 1.5, 1e9 + 1, Number.NaN, Infinity]) {
      const result = HyParView.forClusterSize(n)
      assert.isTrue(Result.isFailure(result), `${n}`)
      if (Result.isFailure(result)) assert.strictEqual(result.failure.field, "clusterSize")
    }
  })

  it("gives way to what the caller sets, and the rest follows from that", () => {
    const narrow = Result.getOrThrow(HyParView.forClusterSize(10_000, { activeSize: 2 }))
    assert.deepStrictEqual(
      [narrow.activeSize, narrow.passiveSize, narrow.shuffleActive, narrow.shufflePassive, narrow.protectedLinks],
      [2, 12, 2, 4, 1]
    )
    const short = Result.getOrThrow(HyParView.forClusterSize(10_000, { activeWalkLength: 2, passiveSize: 3 }))
    assert.deepStrictEqual([short.passiveWalkLength, short.shufflePassive, short.graveyardSize], [2, 3, 3])
    assert.isTrue(Result.isFailure(HyParView.forClusterSize(10_000, { activeSize: 0 })))
  })
})

/** What a configuration read from elsewhere may hold, and no compiler has seen. */
describe("parameters that no compiler has seen", () => {
  const membership = (override: object | null) =>
    Result.match(HyParView.forClusterSize(100, override ?? JSON.parse("null")), {
      onFailure: ({ message }) => message,
      onSuccess: () => "taken"
    })
  const broadcast = (override: object | null) =>
    Result.match(Plumtree.makeConfig(override ?? JSON.parse("null")), {
      onFailure: ({ message }) => message,
      onSuccess: () => "taken"
    })

  it("have their default where they are undefined", () => {
    const undefinedOf = (config: object) => Object.fromEntries(Object.keys(config).map((name) => [name, undefined]))
    assert.deepStrictEqual(
      HyParView.forClusterSize(100, { ...undefinedOf(base), activeSize: 3 }),
      HyParView.forClusterSize(100, { activeSize: 3 })
    )
    assert.deepStrictEqual(Plumtree.makeConfig(undefinedOf(Plumtree.defaultConfig)), Plumtree.makeConfig())
    assert.deepStrictEqual(
      Plumtree.makeConfig({ ...undefinedOf(Plumtree.floodConfig), trees: "source" }, Plumtree.floodConfig),
      Result.succeed({ ...Plumtree.floodConfig, trees: "source" })
    )
    assert.isTrue(Result.isFailure(HyParView.validate({ ...base, ...undefinedOf({ activeSize: 0 }) })))
  })

  it("are refused where there is none of the name, which are listed", () => {
    assert.match(
      membership({ aktiveSize: 3 }),
      /^aktiveSize is 3: no such parameter. Parameters are activeSize, .*, contacts/
    )
    assert.match(
      broadcast({ activeSize: 3 }),
      /^activeSize is 3: no such parameter. Parameters are strategy, .*, recallMillis$/
    )
    assert.match(membership({ toString: 3 }), /^toString is 3: no such/)
    const both = { ...base, ...Plumtree.defaultConfig }
    assert.deepInclude(Result.getOrThrow(Result.flip(HyParView.validate(both))), {
      field: "strategy",
      value: "plumtree"
    })
    assert.deepInclude(Result.getOrThrow(Result.flip(Plumtree.validate(both))), { field: "activeSize", value: 10 })
  })

  it("are refused where they are no parameters", () => {
    assert.strictEqual(membership(null), "config is null: expected an object of parameters")
    assert.strictEqual(broadcast(null), "config is null: expected an object of parameters")
    assert.strictEqual(membership([1]), "config is [1]: expected an object of parameters")
  })

  it("are refused, and shown as they are, where they are of another kind", () => {
    const shown: ReadonlyArray<readonly [override: object, message: string]> = [
      [{ activeSize: 5n }, "activeSize is 5n: expected a whole number from 1 to 30"],
      [{ passiveSize: Symbol("p") }, "passiveSize is Symbol(p): expected a whole number"],
      [{ activeWalkLength: {} }, "activeWalkLength is {}: expected"],
      [{ cycleMillis: "5000" }, 'cycleMillis is "5000": expected a whole number from 10'],
      [{ cycleMillis: { toString: () => assert.fail("thrown") } }, "cycleMillis is [toString threw]: expected"],
      [{ ageWeight: "0.5" }, 'ageWeight is "0.5": expected 0 to 1'],
      [{ ageWeight: true }, "ageWeight is true: expected 0 to 1"],
      [{ cycleJitter: null }, "cycleJitter is null: expected 0 to 1"],
      [{ repairBackoffMillis: 5 }, "repairBackoffMillis is 5: expected [first, longest]"],
      [{ discoveryBackoffMillis: [1, 2, 3] }, "discoveryBackoffMillis is [1,2,3]: expected [first, longest]"],
      [{ discoveryBackoffMillis: ["1", 2] }, 'discoveryBackoffMillis is ["1",2]: expected'],
      [{ admissionPerPeer: null }, "admissionPerPeer is null: expected a burst"],
      [{ admissionOverall: { burst: 1 } }, 'admissionOverall is {"burst":1}: expected a burst'],
      [{ admissionOverall: { burst: 1, perMinute: "2" } }, 'admissionOverall is {"burst":1,"perMinute":"2"}: expected'],
      [{ admissionPerPeer: { burst: 1, perMinute: 2, perHour: 3 } }, "and no other field"]
    ]
    for (const [override, message] of shown) assert.include(membership(override), message)
    assert.include(broadcast({ strategy: "plumtre" }), 'strategy is "plumtre": expected plumtree or flood or thicket')
    assert.include(broadcast({ fetchBytes: 5n }), "fetchBytes is 5n: expected")
    const text: number = JSON.parse('"10"')
    assert.strictEqual(
      Result.getOrThrow(Result.flip(HyParView.forClusterSize(text))).message,
      'clusterSize is "10": expected a whole number from 1 to 10⁹'
    )
  })
})
