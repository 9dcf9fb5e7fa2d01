/** What a transport lacks, in its log. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { Socket } from "node:net"
import { makeCounters } from "../src/internal/counters.ts"
import { makeShortages } from "../src/internal/shortage.ts"

describe("what is said of a lack of descriptors", () => {
  for (const [code, advice] of [
    ["EMFILE", "ulimit -n"],
    ["ENFILE", "fs.file-max"]
  ] as const) {
    it(`is ${advice} for ${code}, once a minute, with how many more there were`, () => {
      const said: Array<readonly [message: string, fields: Readonly<Record<string, unknown>>]> = []
      let now = 0
      const shortages = makeShortages(
        makeCounters(Context.make(Metric.MetricRegistry, new Map())),
        { maxLinks: 1, maxHandshakes: 1 },
        () => Object.assign(new Error(code), { code }),
        () => now,
        (...entry) => said.push(entry)
      )
      for (const at of [0, 1, 59_999, 60_000]) {
        now = at
        shortages.accepted(new Socket())
      }
      assert.deepStrictEqual(
        said.map(([message, fields]) => [message.includes(advice), fields]),
        [
          [true, { code, far: "unknown" }],
          [true, { code, far: "unknown", alsoSince: 2 }]
        ]
      )
    })
  }
})
