import { assert, describe, it } from "@effect/vitest"
import type { NodeView } from "@hyparview/cluster/Control"
import * as Overview from "@hyparview/cluster/Overview"
import { line, screen, traffic } from "../src/internal/clusterStatus.ts"
import { kilobytes, many, seconds, table } from "../src/internal/table.ts"

const rules: Overview.Rules = { activeSize: 2, passiveSize: 6, requestTimeoutMillis: 3_000 }

const node = (id: string, active: ReadonlyArray<string>): NodeView => ({
  id,
  epoch: 1,
  address: `${id}.test:1`,
  status: "joined",
  active,
  passive: [],
  passiveSize: 0,
  pending: 0,
  graveyard: 0,
  links: active.length,
  sent: 1_000,
  received: 0,
  delivered: 0,
  duplicates: 0,
  eager: [],
  outboxBytes: 0
})

const overviewOf = (nodes: ReadonlyArray<NodeView>) =>
  Overview.observe(Overview.watch, { atMillis: 0, nodes }, rules).overview

const triangle = overviewOf([node("a", ["b", "c"]), node("b", ["a", "c"]), node("c", ["a", "b"])])
const broken = overviewOf([node("a", ["b", "x"]), node("b", []), node("c", [])])

const unknown = { columns: 0, rows: 0 }

const header = { nodes: 3, processes: 2, contact: "127.0.0.1:7946", upSeconds: 3_725 }

describe("the live status", () => {
  it("shows a whole overlay on one screen", () => {
    assert.deepStrictEqual(screen(header, triangle, unknown), [
      "hyparview cluster: 3 nodes in 2 processes, up 01:02:05; contact 127.0.0.1:7946; Ctrl-C leaves",
      "",
      "  components   1, all 3 nodes in it",
      "  joined       3 of 3",
      "  links        3 links, all symmetric",
      "  messages     – sent; 3,000 in all; 0 bytes waiting",
      "  neighbours   (2 wanted)",
      `    2          ${"█".repeat(40)} 3`
    ])
  })

  it("shows what is wrong", () => {
    const text = screen(header, broken, unknown).join("\n")
    assert.include(text, "components   2; the largest has 2 of 3, 1 is alone")
    assert.include(text, "links        1 link, all symmetric, 2 just changing")
    assert.match(text, /0 <\s+█+ 2/)
  })

  it("never wraps: lines are as wide as the terminal at most", () => {
    assert.isTrue(screen(header, triangle, { columns: 20, rows: 0 }).every((line) => line.length <= 20))
  })

  it("never scrolls: it leaves a row to the cursor", () => {
    const whole = screen(header, triangle, unknown)
    assert.deepStrictEqual(screen(header, triangle, { columns: 0, rows: 5 }), whole.slice(0, 4))
  })

  it("says that nobody is alive", () => {
    assert.include(screen(header, overviewOf([]), unknown).join("\n"), "components   none: nobody is alive")
  })

  it("is one line without a terminal, the same as long as nothing but the traffic changes", () => {
    assert.strictEqual(line(triangle), "components 1, all 3 nodes in it; 3 links, all symmetric; neighbours 2: 3")
    assert.strictEqual(traffic(triangle), "messages –, 3,000 in all")
  })
})

describe("text", () => {
  it("counts in words", () => {
    assert.deepStrictEqual(
      [many(1, "node"), many(2, "node"), many(2, "process"), many(1_200, "link")],
      ["1 node", "2 nodes", "2 processes", "1,200 links"]
    )
  })

  it("gives times and sizes in as many digits as matter", () => {
    assert.deepStrictEqual(
      [seconds(0.0123), seconds(1.234), seconds(12.34), seconds(123.4), kilobytes(123_456)],
      ["0.012 s", "1.23 s", "12.3 s", "123 s", "123 kB"]
    )
  })

  it("stands in columns", () => {
    assert.deepStrictEqual(
      table(
        [
          ["a", "1"],
          ["bbb", "22"]
        ],
        [1]
      ),
      ["a     1", "bbb  22"]
    )
  })
})
