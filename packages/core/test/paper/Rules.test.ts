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

/** Every label, in its order. */
const numbered = [...rules.matchAll(/^\* \*\*(\w+)\*\*/gm)].map(([, label = ""]) => label)

const sources = new URL("../../src/", import.meta.url)

/** The table of a protocol in its file: the labels of each row, and the files in which they are kept. */
const tableOf = (protocol: string): ReadonlyArray<{ readonly rules: string; readonly files: string }> => {
  const text = readFileSync(new URL(`${protocol}.ts`, sources), "utf8")
  return [...text.matchAll(/^ \* \| [^|]+ \|( [^|]+)? \| ([^|]+) \|$/gm)]
    .map(([, rules = "", files = ""]) => ({ rules: rules.trim(), files }))
    .filter(({ rules }) => rules !== "rules")
}

const partsOf = (label: string): readonly [section: string, number: number, letter: string] => {
  const [, section = "", number = "", letter = ""] = /^([A-Z]*)(\d+)([a-z]?)$/.exec(label) ?? []
  return [section, Number(number), letter]
}

/** The labels that an entry of such a table stands for: one, all of a section (`4`), or from one to another (`R5–R8`). */
const labelsOf = (entry: string): ReadonlyArray<string> => {
  const [first = "", last = first] = entry.split("–")
  const [section, low, from] = partsOf(first)
  const [, high, to] = partsOf(last)
  return numbered.filter((label) => {
    const [other, number, letter] = partsOf(label)
    return other === section && number >= low && number <= high && (from === "" || (letter >= from && letter <= to))
  })
}

const tables = ["HyParView", "Plumtree"].flatMap(tableOf)

/** What is assumed of links, what must hold of states and of clusters, what never happens, and what went wrong elsewhere. */
const isOfNoFile = (label: string): boolean => /^[LICT]\d|^12/.test(label)

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

  it("have each a file, of which the table of its protocol says so", () => {
    const entries = tables.flatMap(({ rules }) => (rules === "" ? [] : rules.split(", ")))
    const kept = new Set(entries.flatMap(labelsOf))
    assert.deepStrictEqual(
      labels.filter((label) => !isOfNoFile(label) && !kept.has(label)),
      []
    )
    assert.deepStrictEqual(
      entries.filter((entry) => labelsOf(entry).length === 0),
      []
    )
  })

  it("and each file of a protocol stands in its table", () => {
    for (const [protocol, folder] of [
      ["HyParView", "hyparview"],
      ["Plumtree", "plumtree"]
    ] as const) {
      const named = tableOf(protocol).flatMap(({ files }) =>
        [...files.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name)
      )
      const folders = named.filter((name) => name.endsWith("/"))
      const files = readdirSync(new URL(`${folder}/`, sources), { encoding: "utf8", recursive: true })
        .map((name) => name.replaceAll("\\", "/"))
        .filter((name) => name.endsWith(".ts") && !folders.some((prefix) => name.startsWith(prefix)))
      assert.deepStrictEqual(named.filter((name) => name.endsWith(".ts")).sort(), files.sort())
    }
  })

  it("and no test is named by a rule that there is not", () => {
    const every = new Set([...rules.matchAll(/\*\*(\w+)\*\*/g)].map(([, label = ""]) => label))
    assert.deepStrictEqual(
      [...cited].filter((label) => /^(?:\d+[a-z]|[A-Z]+\d+)$/.test(label) && !every.has(label)),
      []
    )
  })
})
