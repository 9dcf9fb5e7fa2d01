/**
 * The bytes of every message, frozen: what one release wrote, every later one must read. `UPDATE_FIXTURES=1 npm test --
 * --project core Fixtures` rewrites `fixtures/v1.txt`; before the first release a change does so, with a line in the
 * CHANGELOG; after it, only new examples may be added.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { broadcast } from "@hyparview/core/wire/Broadcast"
import { control } from "@hyparview/core/wire/Control"
import { membership } from "@hyparview/core/wire/Membership"
import { frames } from "./examples.ts"

const path = join(import.meta.dirname, "fixtures/v1.txt")

const hexRows = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join(" ")
    .replace(/(.{47}) /g, "$1\n  ")

const text = `# Frames of version 1, frozen: a name, then the bytes in hexadecimal. See Fixtures.test.ts.
# The ends: alpha (epoch 1763862000123) sends to beta (epoch 2^53 - 1).
${frames.map(({ frame, name }) => `\n${name}\n  ${hexRows(frame)}\n`).join("")}`

if (process.env["UPDATE_FIXTURES"] === "1") writeFileSync(path, text)

/** The frozen frames by name. */
const frozen = new Map<string, Uint8Array>()
for (const block of readFileSync(path, "utf8").split(/\n\n/).slice(1)) {
  const [name = "", ...rows] = block.trimEnd().split("\n")
  const bytes = rows.flatMap((row) => row.trim().split(" ")).map((hex) => Number.parseInt(hex, 16))
  frozen.set(name, Uint8Array.from(bytes))
}

describe("the frozen frames", () => {
  it("hold every kind of message, each under its own tag", () => {
    const kinds = [...Object.entries(control), ...Object.entries(membership), ...Object.entries(broadcast)]
    for (const [name, { tag }] of kinds) {
      const named = [...frozen].filter(([example]) => example.split(",")[0] === name)
      assert.isAbove(named.length, 0, `no fixture of ${name}`)
      for (const [example, frame] of named) assert.strictEqual(frame[0], tag, example)
    }
    assert.strictEqual(new Set(kinds.map(([, { tag }]) => tag)).size, kinds.length)
  })

  it("are all of today's examples and no others", () => {
    assert.deepStrictEqual([...frozen.keys()].sort(), frames.map(({ name }) => name).sort())
  })

  for (const { frame, name, read, value } of frames) {
    it(`are written and read as before: ${name}`, () => {
      const bytes = frozen.get(name) ?? new Uint8Array(0)
      assert.strictEqual(hexRows(frame), hexRows(bytes))
      assert.deepStrictEqual(Result.getOrThrow(read(bytes)), value)
    })
  }
})
