/** The books of a soak, shown to find what they are there to find. */
import { assert, describe, it } from "@effect/vitest"
import type * as Control from "@hyparview/cluster/Control"
import * as SoakLedger from "../src/SoakLedger.ts"

const options: SoakLedger.Options = { dueMillis: 1_000, settleMillis: 100, keptMillis: 3_000 }

const id = (sequence: number): Control.MessageId => ({ source: "n1", epoch: 1, topic: "t", sequence })

/** Four nodes that are up from the start. */
const ledgerOf = () => {
  const ledger = SoakLedger.make(options)
  for (const node of ["n1", "n2", "n3", "n4"]) ledger.up(node, 0)
  return ledger
}

const handed = (sequence: number, ...nodes: ReadonlyArray<string>): Control.Told => ({
  id: id(sequence),
  receivers: nodes.map((node) => [node, 1] as const)
})

const all = ["n1", "n2", "n3", "n4"] as const

describe("the books of a soak", () => {
  it("are in order when everybody was handed everything once", () => {
    const ledger = ledgerOf()
    // Others may have it before the publisher's answer is here.
    ledger.told([handed(0, "n2")], [], 490)
    ledger.published(id(0), 500)
    ledger.told([handed(0, "n1", "n3", "n4")], [], 600)
    ledger.judge(1_500)
    assert.deepInclude(ledger.totals(), { published: 1, handed: 4, judged: 1, owed: 4, missing: 0, repeated: 0 })
    assert.deepStrictEqual(ledger.breaches(), [])
  })

  it("judge nothing before it is due", () => {
    const ledger = ledgerOf()
    ledger.published(id(0), 500)
    ledger.judge(1_499)
    assert.strictEqual(ledger.totals().judged, 0)
    ledger.judge(1_499, 900)
    assert.strictEqual(ledger.totals().judged, 1)
  })

  it("show who stayed and was told nothing", () => {
    const ledger = ledgerOf()
    ledger.published(id(0), 500)
    ledger.told([handed(0, "n1", "n2", "n3")], [], 600)
    ledger.judge(1_500)
    assert.strictEqual(ledger.totals().missing, 1)
    assert.match(ledger.breaches().join(), /^n4 stayed, and was told nothing of n1@1\/t#0, published .*, which 3 have$/)
  })

  it("show who stayed and was told that it had lost what was still retained", () => {
    const ledger = ledgerOf()
    ledger.published(id(7), 500)
    const range = { source: "n1", sourceEpoch: 1, first: 5, last: 8 }
    ledger.told([handed(7, "n1", "n2", "n3")], [{ node: "n4", epoch: 1, topic: "t", missed: 4, range }], 600)
    ledger.judge(1_500)
    assert.deepInclude(ledger.totals(), { missing: 0, givenUp: 1, lagged: 4 })
    assert.match(ledger.breaches().join(), /n4 stayed, and was told that it had lost n1@1\/t#7/)
  })

  it("owe nothing to who went, or came too late", () => {
    const ledger = ledgerOf()
    ledger.down("n4")
    ledger.up("n4", 450)
    ledger.down("n3")
    ledger.published(id(0), 500)
    ledger.told([handed(0, "n1", "n2")], [], 600)
    ledger.judge(1_500)
    assert.deepInclude(ledger.totals(), { judged: 1, owed: 2, missing: 0 })
  })

  it("owe nothing of what a publisher took along into its crash, unless somebody who stayed has it", () => {
    const ledger = ledgerOf()
    ledger.published(id(0), 500)
    ledger.published(id(1), 500)
    ledger.told([handed(0, "n1"), handed(1, "n1", "n2")], [], 600)
    ledger.down("n1")
    ledger.judge(1_500)
    assert.deepInclude(ledger.totals(), { lostWithPublisher: 1, judged: 1, owed: 3, missing: 2 })
  })

  it("show what one incarnation was handed twice, and not what its next one is handed again", () => {
    const ledger = ledgerOf()
    ledger.published(id(0), 500)
    ledger.told([handed(0, ...all)], [], 600)
    ledger.told([{ id: id(0), receivers: [["n4", 2]] }], [], 700)
    assert.strictEqual(ledger.totals().repeated, 0)
    ledger.told([handed(0, "n2")], [], 800)
    assert.strictEqual(ledger.totals().repeated, 1)
    assert.deepStrictEqual(ledger.breaches(), ["n2@1 was handed n1@1/t#0 2 times"])
  })

  it("show what nobody has published", () => {
    const ledger = ledgerOf()
    ledger.told([handed(0, "n2")], [], 600)
    ledger.judge(3_601)
    assert.strictEqual(ledger.totals().invented, 1)
    assert.match(ledger.breaches().join(), /nobody has published it/)
  })

  it("know what they have forgotten from what never was", () => {
    const ledger = ledgerOf()
    ledger.published(id(0), 500)
    ledger.told([handed(0, ...all)], [], 600)
    ledger.judge(3_501)
    ledger.told([handed(0, "n2")], [], 3_600)
    ledger.judge(7_000)
    assert.deepInclude(ledger.totals(), { late: 1, invented: 0 })
    assert.deepStrictEqual(ledger.breaches(), [])
  })
})
