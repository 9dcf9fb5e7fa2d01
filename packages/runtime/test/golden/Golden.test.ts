/**
 * The golden scripts that come out the same on every driver, on the runtime: `packages/core/test/golden` holds them, and
 * rewrites them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Golden, VirtualClock } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readdirSync, readFileSync } from "node:fs"
import { makeRuntimeHarness } from "./RuntimeHarness.ts"

const folder = new URL("../../../core/test/golden/", import.meta.url)

const scripts = readdirSync(folder)
  .filter((name) => name.endsWith(".txt"))
  .map((name) => {
    const text = readFileSync(new URL(name, folder), "utf8")
    return { name, text, script: Result.getOrThrow(Golden.parse(text)) }
  })
  .filter(({ script }) => script.drivers === "all")

describe("golden scripts on the runtime", () => {
  it("are at least ten", () => assert.isAtLeast(scripts.length, 10))
  for (const { name, script, text } of scripts) {
    it.effect(
      `${name}: ${script.title}`,
      () =>
        Effect.gen(function* () {
          const harness = yield* makeRuntimeHarness
          assert.strictEqual(yield* Golden.run(script, harness), text)
        }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer())),
      60_000
    )
  }
})
