import { assert, describe, it } from "@effect/vitest"
import * as Golden from "@hyparview/testing/Golden"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { CoreHarness } from "./CoreHarness.ts"

/** `UPDATE_GOLDEN=1 npm test -- --project core golden` writes what came out in place of what was expected. */
const update = process.env["UPDATE_GOLDEN"] === "1"

const scripts = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => {
    const path = `${import.meta.dirname}/${name}`
    const text = readFileSync(path, "utf8")
    return { name, path, text, script: Result.getOrThrow(Golden.parse(text)) }
  })

describe("golden scripts on the bare core", () => {
  for (const { name, path, script, text } of scripts) {
    it.effect(`${name}: ${script.title}`, () =>
      Effect.map(Golden.run(script, new CoreHarness()), (result) => {
        if (update) writeFileSync(path, result)
        else assert.strictEqual(result, text)
      })
    )
  }

  // Whatever is drawn, and however long messages take: else a story could not end alike on every driver.
  for (const { name, script, text } of scripts.filter(({ script }) => script.drivers === "all")) {
    it.effect(`${name} ends alike for other seeds and latencies`, () =>
      Effect.gen(function* () {
        for (const [seed, latency] of [
          [2, "1ms"],
          [3, "200ms"]
        ] as const) {
          const varied = text.replace(/^nodes \d+/m, `$& seed=${seed} latency=${latency}`)
          const result = yield* Golden.run(Result.getOrThrow(Golden.parse(varied)), new CoreHarness())
          if (!update) assert.strictEqual(result, varied)
        }
        assert.strictEqual(script.drivers, "all")
      })
    )
  }

  it("are many, and enough of them for every driver", () => {
    assert.isAtLeast(scripts.length, 25)
    assert.isAtLeast(scripts.filter(({ script }) => script.drivers === "all").length, 10)
  })
})
