/**
 * The golden scripts that come out the same on every driver, on the simulator's world: `packages/core/test/golden`
 * holds them, and rewrites them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Golden } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readdirSync, readFileSync } from "node:fs"
import { WorldHarness } from "./WorldHarness.ts"

const folder = new URL("../../../core/test/golden/", import.meta.url)

const scripts = readdirSync(folder)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => {
    const text = readFileSync(new URL(name, folder), "utf8")
    return { name, text, script: Result.getOrThrow(Golden.parse(text)) }
  })
  .filter(({ script }) => script.drivers === "all")

describe("golden scripts on the simulator", () => {
  it("are at least ten", () => assert.isAtLeast(scripts.length, 10))
  for (const { name, script, text } of scripts) {
    it.effect.each([false, true])(`${name}: ${script.title} (states rest as numbers: %s)`, (rests) =>
      Effect.map(Golden.run(script, new WorldHarness(rests)), (result) => assert.strictEqual(result, text))
    )
  }
})
