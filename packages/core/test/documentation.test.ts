/** The examples of the core's documentation print what their comments say. */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { format } from "node:util"
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"

const core = fileURLToPath(new URL("..", import.meta.url))
const folder = join(core, "test/documented")

/** What stands between the fences of `@example`s, and of the README. */
const examples = [...globSync("src/**/*.ts", { cwd: core }).toSorted(), "README.md"].flatMap((path) => {
  const text = readFileSync(join(core, path), "utf8")
  const found = path.endsWith(".md")
    ? [...text.matchAll(/```ts\n(.*?)```/gs)]
    : [...text.matchAll(/ \* @example\n \* ```ts\n(.*?) \* ```/gs)]
  return found.map(([, code = ""], index) => ({
    name: `${path} (${index + 1})`,
    file: join(folder, `${path.replaceAll(/\W/g, "-")}-${index + 1}.ts`),
    source: path.endsWith(".md") ? code : code.replaceAll(/^ \* ?/gm, "")
  }))
})

/** What an example says that it prints: `// …` at the end of lines that print, or on lines of its own at its end. */
const promised = (source: string): ReadonlyArray<string> => {
  const beside = [...source.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = ""]) => text)
  return beside.length > 0 ? beside : [...source.matchAll(/^\/\/ (.*)$/gm)].map(([, text = ""]) => text)
}

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  for (const { file, source } of examples) writeFileSync(file, source)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("the documentation's examples", () => {
  it.for(examples)("$name prints what it says", async ({ file, source }) => {
    const lines: Array<string> = []
    const log = vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)))
    await import(/* @vite-ignore */ file)
    log.mockRestore()
    assert.isNotEmpty(lines)
    assert.deepStrictEqual(lines, promised(source))
  })

  it("are the same in the README and in Driver.ts", () => {
    const [readme, driver] = ["README.md", "src/Driver.ts"].map(
      (path) => examples.find(({ name }) => name.startsWith(path))?.source
    )
    assert.isString(readme)
    assert.strictEqual(readme, driver)
  })
})
