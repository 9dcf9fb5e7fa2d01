/** The README's example, as it stands there, prints what it says. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { format } from "node:util"
import { assert, it, vi } from "@effect/vitest"

it("the README's example puts nodes on one network, and hurts it", async () => {
  const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")
  const [, source = ""] = /```ts\n(.*?)```/s.exec(readme) ?? []
  const file = fileURLToPath(new URL("readme.example.ts", import.meta.url))
  const lines: Array<string> = []
  const log = vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)))
  writeFileSync(file, source)
  try {
    await import(/* @vite-ignore */ file)
  } finally {
    rmSync(file)
    log.mockRestore()
  }
  const promised = [...source.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
  assert.isNotEmpty(promised)
  assert.deepStrictEqual(
    lines.filter((line) => !/INFO|WARN/.test(line)),
    promised
  )
})
