import { Random } from "@hyparview/core"
import { fuzz } from "@hyparview/vopr/Bytes"
import { hostileFrame } from "@hyparview/vopr/FrameDraw"
import { Live } from "@hyparview/vopr/Live"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("hostile frames", () => {
  it("give a message or a typed error, and come far into the reader", () => {
    const { faults, met } = fuzz(7, 20_000)
    assert.deepStrictEqual(faults, [])
    const reasons = ["truncated", "trailing", "unknownTag", "unexpected", "magic", "range", "nonCanonical", "utf8"]
    for (const reason of [...reasons, "emptyId", "read", "with extensions"])
      assert.isAbove(met[reason] ?? 0, 50, reason)
  })

  it("are the same for the same seed", () => {
    const [a, b] = [Random.seeded(9), Random.seeded(9)]
    for (let index = 0; index < 200; index++) assert.deepStrictEqual(hostileFrame(a), hostileFrame(b))
  })

  it.live("do not bring down a live node, nor its link to a friend", () =>
    Effect.gen(function* () {
      const live = yield* Live.make
      assert.deepStrictEqual(yield* live.fuzz(3, 300), [])
      assert.deepStrictEqual(yield* live.verdict, [])
      assert.strictEqual(live.counts.frames, 300)
    }).pipe(Effect.scoped)
  )
})
