/**
 * `node scripts/types.ts`: type-checks every project and emits `dist`. With the Effect compiler where it exists (it
 * also finds floating effects, a missing `return yield*` and missing requirements), with plain `tsc` elsewhere.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { root } from "./repository.ts"

const effectCompiler = join(root, `node_modules/@effect/tsgo-${process.platform}-${process.arch}/lib/tsc`)
const hasEffect = existsSync(effectCompiler)
if (!hasEffect) {
  console.log(`No Effect compiler for ${process.platform}-${process.arch}: plain tsc, without the Effect diagnostics.`)
}
const compiler = hasEffect ? effectCompiler : join(root, "node_modules/.bin/tsc")
const { error, status } = spawnSync(compiler, ["-b", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" })
if (error !== undefined) throw error
process.exitCode = status ?? 1
