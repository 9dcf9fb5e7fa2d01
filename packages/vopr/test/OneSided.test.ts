import { OneSided } from "@hyparview/vopr/OneSided"
import { assert, describe, it } from "@effect/vitest"

const view = (id: number, ...active: ReadonlyArray<number>) => ({ id, active, passive: [], pending: 0 })

const symmetric = [view(1, 2), view(2, 1)]
const oneSided = [view(1, 2), view(2)]

describe("a link that one end alone holds", () => {
  it("is a fault once it was so at every look for a request time-out", () => {
    const links = new OneSided<number>(1_000)
    assert.strictEqual(links.everyMillis, 250)
    for (const at of [0, 250, 500, 750]) assert.deepStrictEqual(links.look(oneSided, at), [])
    assert.deepStrictEqual(links.look(oneSided, 1_000), ["held by one end only, for a request time-out: 1 → 2"])
  })

  it("is none if it was whole at any look between: then two changes have been on their way", () => {
    const links = new OneSided<number>(1_000)
    for (const at of [0, 250]) assert.deepStrictEqual(links.look(oneSided, at), [])
    assert.deepStrictEqual(links.look(symmetric, 500), [])
    for (const at of [750, 1_000, 1_250]) assert.deepStrictEqual(links.look(oneSided, at), [])
  })
})
