/** The repository's workspaces as they lie on disk. */
import { isReadonlyObject } from "effect/Predicate"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join, normalize } from "node:path/posix"
import type { Manifest, Workspace } from "./imports.ts"

export const root = join(import.meta.dirname, "..")

const json = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"))

const isManifest = (value: unknown): value is Manifest & Readonly<Record<string, unknown>> => isReadonlyObject(value)

export const readManifest = (folder: string): Manifest & Readonly<Record<string, unknown>> => {
  const manifest = json(join(folder, "package.json"))
  if (!isManifest(manifest)) throw new Error(`${folder}/package.json is not an object`)
  return manifest
}

/** The folders of a tsconfig's project references, relative to the root. */
const readReferences = (folder: string): ReadonlyArray<string> => {
  const config = json(join(folder, "tsconfig.json"))
  const references = isReadonlyObject(config) && Array.isArray(config["references"]) ? config["references"] : []
  return references.flatMap((reference: unknown) =>
    isReadonlyObject(reference) && typeof reference["path"] === "string"
      ? [normalize(join(folder, reference["path"]))]
      : []
  )
}

export const workspaceFolders = (): ReadonlyArray<string> => {
  const patterns = readManifest(".")["workspaces"]
  if (!Array.isArray(patterns)) throw new Error("package.json has no workspaces")
  return globSync(
    patterns.map((pattern) => `${String(pattern)}/package.json`),
    { cwd: root }
  )
    .map((path) => path.slice(0, -"/package.json".length))
    .toSorted()
}

export const readWorkspaces = (): ReadonlyArray<Workspace> =>
  workspaceFolders().map((folder) => {
    const paths = globSync("**/*.{ts,tsx,mts}", {
      cwd: join(root, folder),
      exclude: (name) => name === "node_modules" || name === "dist"
    })
    return {
      folder,
      manifest: readManifest(folder),
      references: existsSync(join(root, folder, "tsconfig.json")) ? readReferences(folder) : [],
      files: Object.fromEntries(
        paths.toSorted().map((path) => [`${folder}/${path}`, readFileSync(join(root, folder, path), "utf8")])
      )
    }
  })
