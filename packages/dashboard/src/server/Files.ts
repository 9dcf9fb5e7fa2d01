/**
 * The files of the built page, read once. Nothing else of the file system can be asked for: what is not in this table
 * does not exist.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Where `page/build.ts` puts the page: the same place seen from `src/server` and from `dist/server`. */
const built = fileURLToPath(new URL("../../dist/page/", import.meta.url))

/** There only where the sources are: an installed package holds the built page, and nothing to build it from. */
const builder = fileURLToPath(new URL("../../page/build.ts", import.meta.url))

/**
 * The page is not there, or could not be built.
 *
 * @category errors
 * @since 0.1.0
 */
export class PageMissing extends Data.TaggedError("PageMissing")<{ readonly detail: string }> {
  override get message(): string {
    return `the dashboard's page is missing: ${this.detail}`
  }
}

export interface PageFile {
  readonly bytes: Uint8Array
  readonly type: string
  /** Its name holds a hash of its content. */
  readonly isImmutable: boolean
}

/** By path, beginning with a slash. */
export type PageFiles = ReadonlyMap<string, PageFile>

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml"
}

const missing = (error: unknown): PageMissing =>
  new PageMissing({ detail: error instanceof Error ? error.message : String(error) })

const read = Effect.tryPromise({
  try: async (): Promise<PageFiles> => {
    const names = await readdir(built, { recursive: true })
    const files = new Map<string, PageFile>()
    for (const name of names) {
      const type = types[extname(name)]
      if (type === undefined) continue
      const path = `/${name.replaceAll("\\", "/")}`
      files.set(path, { bytes: await readFile(join(built, name)), type, isImmutable: path.startsWith("/assets/") })
    }
    const index = files.get("/index.html")
    if (index === undefined) throw new Error(`${built} holds no index.html`)
    return files.set("/", index)
  },
  catch: missing
})

/** In a process of its own: the builder is large, and needed once. It does nothing if the sources have not changed. */
const build = Effect.callback<void, PageMissing>((resume) => {
  const child = spawn(process.execPath, [builder], { stdio: ["ignore", "ignore", "pipe"] })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4_096)
  })
  child.on("error", (error) => resume(Effect.fail(missing(error))))
  child.on("close", (code) => {
    resume(code === 0 ? Effect.void : Effect.fail(new PageMissing({ detail: `its build failed: ${said.trim()}` })))
  })
  return Effect.sync(() => child.kill())
})

/** The files, built before if the sources are here and have changed since the last time. */
export const load: Effect.Effect<PageFiles, PageMissing> = Effect.suspend(() =>
  existsSync(builder) ? Effect.andThen(build, read) : read
)
