import { assert, describe, it } from "@effect/vitest"
import { tooOld } from "../src/internal/nodeVersion.ts"

const range = ">=22.19.0"

describe("a Node.js", () => {
  for (const version of ["22.19.0", "22.19.1", "22.20.0", "24.0.0", "100.1.2", "23.0.0-nightly20260101"]) {
    it(`of version ${version} runs the command`, () => {
      assert.isUndefined(tooOld(version, range))
    })
  }

  for (const version of ["20.20.2", "22.18.9", "22.9.0", "9.99.99"]) {
    it(`of version ${version} is told which one is needed`, () => {
      assert.strictEqual(tooOld(version, range), `hyparview needs Node.js 22.19.0 or newer; this is ${version}`)
    })
  }
})
