import { assert, describe, it } from "@effect/vitest"
import { makeSeldom } from "../src/internal/seldom.ts"

describe("what is logged seldom", () => {
  it("is logged once a minute for each peer and reason, and then says how often it was not", () => {
    let now = 0
    const seldom = makeSeldom(() => now, 10)
    assert.deepStrictEqual([seldom("a", "slow"), seldom("a", "slow"), seldom("a", "slow")], [{}, undefined, undefined])
    assert.deepStrictEqual([seldom("b", "slow"), seldom("a", "protocol")], [{}, {}])
    now = 59_999
    assert.isUndefined(seldom("a", "slow"))
    now = 60_000
    assert.deepStrictEqual([seldom("a", "slow"), seldom("a", "slow")], [{ alsoSince: 3 }, undefined])
  })

  it("is remembered of so many: of more the one that was logged longest ago is forgotten", () => {
    let now = 0
    const seldom = makeSeldom(() => now, 3)
    for (const peer of ["a", "b", "c"]) seldom(peer, "slow")
    now = 60_000
    // Logged again, a is the latest; b makes room.
    seldom("a", "slow")
    assert.deepStrictEqual(seldom("d", "slow"), {})
    assert.deepStrictEqual([seldom("a", "slow"), seldom("d", "slow")], [undefined, undefined])
    assert.deepStrictEqual(seldom("e", "slow"), {})
    assert.deepStrictEqual(
      [seldom("d", "slow"), seldom("e", "slow"), seldom("a", "slow")],
      [undefined, undefined, undefined]
    )
    assert.deepStrictEqual(seldom("f", "slow"), {})
    assert.deepStrictEqual(seldom("a", "slow"), {})
  })
})
