import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"

/** The labels of `docs/protocol.md`, without the sentences that are about drivers. */
const rules = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8")
const labels = [...rules.matchAll(/^\* \*\*(\w+)\*\*( \*\(driver\)\*)?/gm)].flatMap(([, label = "", driver]) =>
  driver === undefined ? label : []
)

/** The labels that the names of the tests here begin with. */
const tests = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8"))
const cited = new Set(
  tests.flatMap((text) =>
    [...text.matchAll(/(?:it|describe)\(\s*[`"']((?:\w+\. )+)/g)].flatMap(([, names = ""]) =>
      names.split(". ").filter((name) => name !== "")
    )
  )
)

describe("the rules", () => {
  it("are numbered, each once", () => {
    assert.isAbove(labels.length, 100)
    assert.deepStrictEqual(
      labels.filter((label, index) => labels.indexOf(label) !== index),
      []
    )
  })

  it("have each a test that is named by it", () => {
    assert.deepStrictEqual(
      labels.filter((label) => !cited.has(label)),
      []
    )
  })

  it("and no test is named by a rule that there is not", () => {
    const every = new Set([...rules.matchAll(/\*\*(\w+)\*\*/g)].map(([, label = ""]) => label))
    assert.deepStrictEqual(
      [...cited].filter((label) => /^(?:\d+[a-z]|[A-Z]+\d+)$/.test(label) && !every.has(label)),
      []
    )
  })
})
