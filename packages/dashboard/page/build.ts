/**
 * `node page/build.ts`: builds the page into `dist/page`, with Vite. Does nothing if the sources are the same as the last
 * time, so that a start need not ask: a hash of all that goes in is kept beside what came out. `--force` builds anyway.
 */
import { createHash } from "node:crypto"
import {
  appendFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "vite"

const page = dirname(fileURLToPath(import.meta.url))
const workspace = join(page, "..")
const output = join(workspace, "dist/page")
const stamp = join(output, ".sources")

/** The sources, what they share with the server, and the versions of what is bundled with them. */
const sources = (): string => {
  const hash = createHash("sha256")
  const inputs = globSync(["page/**/*", "src/*.ts", "package.json"], { cwd: workspace })
  for (const input of inputs.toSorted()) {
    if (!/\.(?:ts|tsx|css|html|svg|json)$/.test(input)) continue
    hash.update(`${input}\u0000`).update(readFileSync(join(workspace, input)))
  }
  return hash.digest("hex")
}

/** What Vite does not list: the licence of what a worker alone holds, and the notice that the Apache licence asks for. */
const unlisted = [
  ["graphology-layout-forceatlas2 (MIT)", "graphology-layout-forceatlas2/iterate.js", "LICENSE.txt"],
  ["The notice of echarts", "echarts/core", "NOTICE"]
] as const

const addUnlisted = (licences: string): void => {
  const { resolve } = createRequire(import.meta.url)
  for (const [title, module, file] of unlisted) {
    appendFileSync(licences, `\n## ${title}\n\n${readFileSync(join(dirname(resolve(module)), file), "utf8").trim()}\n`)
  }
}

const wanted = sources()
const isFresh = existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && !process.argv.includes("--force")
if (!isFresh) {
  // Beside its place and then moved there, so that two that start at once, or one that is stopped, leave no half a page.
  const draft = join(workspace, `dist/page.${process.pid}`)
  mkdirSync(dirname(output), { recursive: true })
  await build({
    root: page,
    configFile: false,
    logLevel: "warn",
    base: "./",
    publicDir: join(page, "public"),
    resolve: { conditions: ["source", "module", "browser", "production"] },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    worker: { format: "es" },
    build: {
      outDir: draft,
      emptyOutDir: true,
      target: "es2024",
      // Text that is loaded once over loopback; the graph and the charts are what is large.
      chunkSizeWarningLimit: 2_000,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      // What is bundled is passed on to whoever installs the package, and so are the terms on which it may be.
      license: { fileName: "licences.md" }
    }
  })
  addUnlisted(join(draft, "licences.md"))
  writeFileSync(join(draft, ".sources"), wanted)
  rmSync(output, { recursive: true, force: true })
  renameSync(draft, output)
}
