/**
 * The compiler takes every example of the documentation: of doc comments, and of the READMEs, as they stand there. Those that print by
 * themselves are run, and print what stands beside.
 */
import { execFile, spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../repository.ts"

const folder = join(import.meta.dirname, "documented")

const paths = globSync(
  ["*.md", "docs/*.md", "{packages,examples}/*/README.md", "{packages,examples}/*/src/**/*.ts", "benchmarks/*.md"],
  { cwd: root }
)

/** What stands between the fences, each in a file of its own that is named after where it stands. */
const examples = paths.toSorted().flatMap((path) => {
  const text = readFileSync(join(root, path), "utf8")
  const inComments = path.endsWith(".ts")
  const fences = inComments ? /^ *\* ```ts\n(.*?)^ *\* ```/gms : /^```ts\n(.*?)^```/gms
  return [...text.matchAll(fences)].map(([, code = ""], index) => ({
    path,
    file: `${path.replaceAll(/\W/g, "-")}-${index + 1}.ts`,
    source: inComments ? code.replaceAll(/^ *\* ?/gm, "") : code
  }))
})

/** What an example says that it prints: behind a `console.log`, and in the comment at its end. */
const promised = (source: string): ReadonlyArray<string> => {
  const beside = [...source.matchAll(/^ *console\.log\(.*\) \/\/ (.*)$/gm)].map(([, said = ""]) => said)
  const [atEnd = ""] = /(?:^\/\/ .*\n)+(?![^])/m.exec(source) ?? []
  return [...beside, ...atEnd.split("\n").map((line) => line.slice(3))].filter((said) => said !== "")
}

/** What is said, as whole lines of what is printed: how many they are, and which quotes stand there, is the console's affair. */
const linesOf = (said: string): RegExp => {
  const blank = `[\\s"']*`
  const signs = [...said.replaceAll(/[\s"']/g, "")].map((sign) => sign.replace(/\W/, "\\$&"))
  return new RegExp(`^${blank}${signs.join(blank)}${blank}$`, "m")
}

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  for (const { file, source } of examples) writeFileSync(join(folder, file), source)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("the documentation's examples", () => {
  it("are found in every package that has some to show", () => {
    const found = new Set(examples.map(({ path }) => path.split("/").slice(0, 2).join("/")))
    for (const name of ["cli", "cluster", "core", "dashboard", "faults", "runtime", "simulator", "testing"]) {
      assert.isTrue(found.has(`packages/${name}`), name)
    }
    for (const transport of ["transport-memory", "transport-tcp"]) assert.isTrue(found.has(`packages/${transport}`))
    assert.isTrue(found.has("README.md"))
  })

  it("stand between fences marked ts, all of them: others nobody would look at", () => {
    const unread = paths.filter((path) => {
      const fences = readFileSync(join(root, path), "utf8").match(/^[ *]*(?:```|~~~)/gm) ?? []
      return fences.length !== 2 * examples.filter((example) => example.path === path).length
    })
    assert.deepStrictEqual(unread, [])
  })

  it("are taken by the compiler", () => {
    const config = {
      extends: "../../../tsconfig.test.base.json",
      include: ["*.ts"],
      // An example may end with what it makes.
      compilerOptions: { incremental: false, noUnusedLocals: false, rootDir: "../../.." }
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" })
    assert.strictEqual(stdout, "")
  })

  // Two packages run theirs themselves, line by line.
  const printing = examples.filter(
    ({ path, source }) =>
      !/^packages\/(?:core|transport-memory)\//.test(path) &&
      (promised(source).length > 0 || /^console\.log/m.test(source))
  )

  it("are some that print", () => assert.isAtLeast(printing.length, 9))

  it("are held to whole lines", () => {
    assert.match("4\n[\n  'a b'\n]\n5\n", linesOf('["a b"]'))
    for (const printed of ["15\n", "52\n", "1 5\n"]) assert.notMatch(printed, linesOf("5"))
  })

  for (const { file, source } of printing) {
    it(`print what they say: ${file}`, async () => {
      const node = ["--conditions=source", join(folder, file)]
      const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: root, timeout: 100_000 })
      for (const said of promised(source)) assert.match(stdout, linesOf(said))
    })
  }
})
