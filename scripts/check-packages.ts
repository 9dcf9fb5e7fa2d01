/**
 * `node scripts/check-packages.ts`: what a user installs. Every manifest has the shape that CONTRIBUTING.md describes,
 * publint finds nothing in what would be packed, and the lock names no registry host and no install script.
 * Needs `dist`, which `scripts/types.ts` emits.
 */
import { isReadonlyObject } from "effect/Predicate"
import { existsSync, lstatSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { readManifest, root, workspaceFolders } from "./repository.ts"

const three = (name: string): object => ({
  source: `./src/${name}.ts`,
  types: `./dist/${name}.d.ts`,
  default: `./dist/${name}.js`
})

const problems: Array<string> = []

const licence = readFileSync(join(root, "LICENSE"), "utf8")

const isLicence = (path: string): boolean =>
  existsSync(path) && lstatSync(path).isFile() && readFileSync(path, "utf8") === licence

const checkShape = (folder: string): void => {
  const manifest = readManifest(folder)
  const expected = {
    name: `@hyparview/${folder.slice("packages/".length)}`,
    license: "MPL-2.0",
    type: "module",
    sideEffects: [],
    engines: { node: ">=22.19.0" },
    files: ["src", "dist", "!dist/**/*.tsbuildinfo"],
    // Whoever packs a clean checkout packs what is built, the page included.
    scripts: { prepack: "npm --prefix ../.. run build" }
  }
  for (const [key, value] of Object.entries(expected)) {
    if (JSON.stringify(manifest[key]) !== JSON.stringify(value)) {
      problems.push(`${folder}/package.json: "${key}" must be ${JSON.stringify(value)}`)
    }
  }
  const entries: Record<string, unknown> = { ...(typeof manifest["exports"] === "object" ? manifest["exports"] : {}) }
  const expectedEntries = { ".": three("index"), "./*": three("*"), "./internal/*": null }
  for (const [key, value] of Object.entries(expectedEntries)) {
    if (JSON.stringify(entries[key]) !== JSON.stringify(value)) {
      problems.push(`${folder}/package.json: exports["${key}"] must be ${JSON.stringify(value)}`)
    }
  }
  for (const key of ["description", "version"]) {
    if (typeof manifest[key] !== "string") problems.push(`${folder}/package.json: "${key}" is missing`)
  }
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    if (!name.startsWith("@hyparview/")) continue
    const version = readManifest(`packages/${name.slice("@hyparview/".length)}`)["version"]
    if (range !== version) problems.push(`${folder}/package.json: ${name} must be ${String(version)}, its version here`)
  }
  if (existsSync(join(root, folder, "src/main.ts")) && manifest["bin"] === undefined) {
    problems.push(`${folder}/package.json: src/main.ts is a command, so "bin" must name ./dist/main.js`)
  }
  if (!existsSync(join(root, folder, "README.md"))) problems.push(`${folder}/README.md is missing`)
  // npm packs the licence that lies in the package's own folder, and no link to another.
  if (!isLicence(join(root, folder, "LICENSE"))) problems.push(`${folder}/LICENSE must be a copy of the root's`)
}

const checkPacked = async (folder: string): Promise<void> => {
  const { messages, pkg } = await publint({ pkgDir: join(root, folder), pack: "npm", level: "warning", strict: true })
  for (const message of messages) {
    problems.push(`${folder}: publint: ${formatMessage(message, pkg, { color: false }) ?? message.code}`)
  }
}

const checkLock = (): void => {
  const lock: unknown = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))
  const packages = isReadonlyObject(lock) && isReadonlyObject(lock["packages"]) ? Object.entries(lock["packages"]) : []
  for (const [path, entry] of packages) {
    if (!isReadonlyObject(entry)) continue
    if (String(entry["resolved"]).includes("://")) problems.push(`package-lock.json: ${path} names a registry host`)
    if (entry["hasInstallScript"] === true) problems.push(`package-lock.json: ${path} has an install script`)
    for (const name of Object.keys(
      isReadonlyObject(entry["optionalDependencies"]) ? entry["optionalDependencies"] : {}
    )) {
      const isLocked = packages.some(
        ([other]) => other === `node_modules/${name}` || other.endsWith(`/node_modules/${name}`)
      )
      if (!isLocked) problems.push(`package-lock.json: ${path} wants ${name}, which is not there; npm ci will refuse`)
    }
  }
}

checkLock()
const published = workspaceFolders().filter((folder) => readManifest(folder).private !== true)
published.forEach(checkShape)
for (const folder of published) await checkPacked(folder)
for (const problem of problems) console.log(problem)
console.log(`packages: ${published.length} published, ${problems.length} problems`)
if (problems.length > 0) process.exitCode = 1
