/** `npm run check`: types with Effect diagnostics, lint, format, import rules, tags, packages. Fails if one does. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./repository.ts"

const bin = (name: string): string => join(root, "node_modules/.bin", name)

const steps: ReadonlyArray<{ readonly name: string; readonly command: ReadonlyArray<string> }> = [
  { name: "types", command: [process.execPath, "scripts/types.ts"] },
  { name: "lint", command: [bin("oxlint"), "--deny-warnings"] },
  { name: "format", command: [bin("oxfmt"), "--check", "."] },
  { name: "import rules", command: [process.execPath, "scripts/check-imports.ts"] },
  { name: "documentation", command: [process.execPath, "scripts/check-documentation.ts"] },
  { name: "packages", command: [process.execPath, "scripts/check-packages.ts"] }
]

const failed: Array<string> = []
for (const { command, name } of steps) {
  console.log(`\n── ${name}`)
  const [file = "", ...args] = command
  const { error, status } = spawnSync(file, args, { cwd: root, stdio: "inherit" })
  if (error !== undefined) console.log(String(error))
  if (status !== 0) failed.push(name)
}
console.log(failed.length === 0 ? "\ncheck: all passed" : `\ncheck: failed: ${failed.join(", ")}`)
if (failed.length > 0) process.exitCode = 1
