/**
 * The import rules, as a pure function from the repository's files to the sentences they break. The table is in
 * `rooms.ts`, the command in `check-imports.ts`, and each rule is shown to bite in `test/imports.test.ts`.
 */
import { builtinModules } from "node:module"
import { dirname, join, normalize } from "node:path/posix"
import { parse, type Import, type Source } from "./parse.ts"
import { impureEffectModules, pureEffectModules, rooms, type Room } from "./rooms.ts"

export interface Manifest {
  readonly name?: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A workspace as the check sees it; paths are relative to the repository's root, with forward slashes. */
export interface Workspace {
  readonly folder: string
  readonly manifest: Manifest
  /** The project references of its tsconfig.json, as folders relative to the repository's root. */
  readonly references: ReadonlyArray<string>
  /** Every TypeScript file, by path. */
  readonly files: Readonly<Record<string, string>>
}

export type Rule =
  | "parses"
  | "known-room"
  | "down-only"
  | "allowed-edge"
  | "nothing-imports-it"
  | "no-published-testing"
  | "inside-the-package"
  | "no-circles"
  | "no-internals"
  | "pure-imports"
  | "pure-words"
  | "exact-math"
  | "transport-knows-frames"
  | "node-only-where-allowed"
  | "declared"
  | "declared-and-used"
  | "effect-is-a-peer"
  | "references"

export interface Violation {
  readonly file: string
  readonly line: number
  readonly rule: Rule
  readonly message: string
}

export const format = (violation: Violation): string =>
  `${violation.file}:${violation.line} [${violation.rule}] ${violation.message}`

const scope = "@hyparview/"
const builtins = new Set(builtinModules)
const nodeGlobals = /^(?:process|Buffer|NodeJS|__dirname|__filename|require|global|setImmediate|clearImmediate)(?:\.|$)/
const nodePackage = /^@effect\/platform-node(?:-shared)?$|^@types\/node$/

/** Globals that hold a clock, a socket, randomness, a Promise or the outside world. */
const impureGlobals = new Set(
  [
    "Date performance Temporal setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate",
    "queueMicrotask requestAnimationFrame requestIdleCallback Promise PromiseLike AsyncIterable AsyncIterator",
    "AsyncGenerator AbortController AbortSignal crypto fetch WebSocket XMLHttpRequest EventSource Worker",
    "MessageChannel BroadcastChannel process Buffer NodeJS require console navigator window document",
    "globalThis global eval Atomics SharedArrayBuffer WeakRef FinalizationRegistry"
  ].flatMap((line) => line.split(" "))
)

/** `Math` that IEEE 754 or integer arithmetic fixes to the bit on every machine. The rest may differ between engines. */
const exactMath = new Set(
  "abs ceil clz32 floor fround imul max min round sign sqrt trunc E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2".split(" ")
)

const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

const isRelative = (specifier: string): boolean => specifier.startsWith(".") || specifier.startsWith("/")

const isNode = (specifier: string): boolean =>
  specifier.startsWith("node:") || builtins.has(specifier) || builtins.has(packageOf(specifier))

/** The modules of `package` that an import reaches: named ones, or undefined for all of them. */
const modulesOf = (entry: Import): ReadonlyArray<string> | undefined => {
  const subpath = entry.specifier.slice(packageOf(entry.specifier).length + 1)
  return subpath === "" ? entry.names : [subpath]
}

const kindOf = (workspace: Workspace): "package" | "example" | "benchmarks" =>
  workspace.folder.startsWith("packages/")
    ? "package"
    : workspace.folder.startsWith("examples/")
      ? "example"
      : "benchmarks"

const roomOf = (workspace: Workspace): Room | undefined =>
  rooms.find((room) => workspace.folder === `packages/${room.name}`)

const rank = (name: string): number => rooms.findIndex((room) => room.name === name)

/** Declared under any of the given sections. */
const declares = (manifest: Manifest, name: string, sections: ReadonlyArray<keyof Manifest>): boolean =>
  sections.some((section) => {
    const entries = manifest[section]
    return typeof entries === "object" && name in entries
  })

type Report = (line: number, rule: Rule, message: string) => void

interface Place {
  readonly workspace: Workspace
  readonly room: Room | undefined
  readonly path: string
  /** The path under `src`, or undefined outside it. */
  readonly underSource: string | undefined
  readonly rootManifest: Manifest
}

/** Relative imports stay inside the package, and `src` does not reach into `test`. */
const checkRelative = ({ path, underSource, workspace }: Place, entry: Import, report: Report): void => {
  const target = normalize(join(dirname(path), entry.specifier))
  const home = underSource === undefined ? workspace.folder : `${workspace.folder}/src`
  if (entry.specifier.startsWith("/") || !target.startsWith(`${home}/`)) {
    report(entry.line, "inside-the-package", `${entry.specifier} leaves ${home}; import another package by its name`)
  }
}

/** Which workspace imports which: down only, along the table's edges. */
const checkEdge = ({ room, underSource, workspace }: Place, entry: Import, report: Report): void => {
  const name = packageOf(entry.specifier).slice(scope.length)
  const self = workspace.manifest.name === `${scope}${name}`
  const target = rooms.find((other) => other.name === name)
  const { line } = entry
  if (/^internal(?:\/|$)/.test(entry.specifier.slice(scope.length + name.length + 1))) {
    report(line, "no-internals", `${entry.specifier} is internal to ${scope}${name}`)
  }
  if (self) {
    if (underSource !== undefined) {
      report(line, "inside-the-package", `${entry.specifier} is this package itself; import its file`)
    }
    return
  }
  if (target === undefined) {
    const what = name === "benchmarks" || name.startsWith("example") ? "nothing-imports-it" : "known-room"
    report(line, what, `${entry.specifier} is no room of the table in scripts/rooms.ts that may be imported`)
    return
  }
  if (room === undefined) return
  if (underSource === undefined) {
    const testing = rooms.find((other) => other.name === "testing")
    const allowed = [...room.mayImport, "testing", ...(testing?.mayImport ?? [])]
    if (!allowed.includes(name)) {
      report(line, "allowed-edge", `tests of ${room.name} may import ${allowed.join(", ")}; not ${name}`)
    }
    return
  }
  if (name === "testing" && room.private !== true) {
    report(line, "no-published-testing", `${room.name} is published, so its src may not import testing`)
    return
  }
  if (rank(name) >= rank(room.name)) {
    report(line, "down-only", `${room.name} imports ${name}, which stands above it`)
  } else if (!room.mayImport.includes(name)) {
    report(line, "allowed-edge", `${room.name} may import ${room.mayImport.join(", ") || "no room"}; not ${name}`)
  }
  const only = room.onlyModules?.[name]
  if (only !== undefined) {
    const reached = modulesOf(entry)
    const beyond = reached?.filter((module) => !only.includes(module))
    if (beyond === undefined || beyond.length > 0) {
      report(
        line,
        "transport-knows-frames",
        `a transport knows links and frames, not protocols: of ${name} only ${only.join(", ")}; not ${beyond?.join(", ") ?? "all of it"}`
      )
    }
  }
}

/** What the pure and the deterministic rooms may take from outside. */
const checkPurity = ({ room, underSource }: Place, entry: Import, report: Report): void => {
  if (room?.purity === undefined || underSource === undefined) return
  const { line, specifier } = entry
  if (packageOf(specifier) !== "effect") {
    if (room.purity === "pure" || isNode(specifier)) {
      report(line, "pure-imports", `${room.name} is pure and may not import ${specifier}`)
    }
    return
  }
  const reached = modulesOf(entry)
  const beyond =
    room.purity === "pure"
      ? reached?.filter((module) => !pureEffectModules.has(module))
      : reached?.filter((module) => impureEffectModules.has(module) || /^[a-z]/.test(module))
  if (beyond === undefined) {
    report(line, "pure-imports", `${room.name} takes all of effect; name the modules`)
  } else if (beyond.length > 0) {
    report(line, "pure-imports", `${room.name} may not import ${beyond.join(", ")} from effect`)
  }
}

const mayUseNode = ({ room, underSource, workspace }: Place): boolean => {
  if (underSource === undefined || kindOf(workspace) !== "package") return true
  return room?.node === true || (room?.node !== undefined && room.node.test(underSource))
}

/** Words of a clock, a socket, a Promise or a machine's own arithmetic, and Node's globals. */
const checkWords = (place: Place, source: Source, report: Report): void => {
  const { room, underSource } = place
  if (underSource === undefined) return
  const pure = room?.purity !== undefined
  const exact = pure && room.presentation?.test(underSource) !== true
  for (const { line, text } of source.mentions) {
    const [global = "", member] = text.split(".")
    if (pure && impureGlobals.has(global)) report(line, "pure-words", `${text} in ${room.name}`)
    else if (pure && (text === "Math.random" || (global === "Math" && member === undefined))) {
      report(line, "pure-words", `${text} in ${room.name}; name the function: Math.floor, not Math itself`)
    } else if (exact && global === "Math" && !exactMath.has(member ?? "")) {
      report(line, "exact-math", `${text} is not the same to the bit on every machine`)
    } else if (!mayUseNode(place) && nodeGlobals.test(text)) {
      report(line, "node-only-where-allowed", `${text} is Node's`)
    }
  }
  for (const { kind, line } of source.constructs) {
    if (pure && kind === "async") report(line, "pure-words", `async or await in ${room.name}`)
    if (exact && kind === "power") report(line, "exact-math", "** is Math.pow, not the same to the bit everywhere")
  }
}

/** What is imported is declared by the workspace that imports it. */
const checkDeclared = ({ path, rootManifest, workspace }: Place, entry: Import, report: Report): void => {
  const name = packageOf(entry.specifier)
  if (name === workspace.manifest.name || name === "(computed)") return
  const sections = ["dependencies", "peerDependencies", "optionalDependencies"] as const
  if (declares(workspace.manifest, name, sections)) return
  // Nobody depends on the benchmarks: what they only compare with is not a dependency of the project.
  if (kindOf(workspace) === "benchmarks" && declares(workspace.manifest, name, ["devDependencies"])) return
  // A page is bundled: its libraries are part of what is published, and nobody installs them with it.
  if (path.startsWith(`${workspace.folder}/page/`) && declares(workspace.manifest, name, ["devDependencies"])) return
  if (path.startsWith(`${workspace.folder}/test/`) || path.startsWith(`${workspace.folder}/e2e/`)) {
    // Tests share the root's tools, and reach the workspaces through the links at the root.
    if (name.startsWith(scope) || declares(workspace.manifest, name, ["devDependencies"])) return
    if (declares(rootManifest, name, ["devDependencies"])) return
  }
  report(entry.line, "declared", `${name} is not in the dependencies of ${workspace.folder}/package.json`)
}

const checkFile = (place: Place, text: string, report: Report): Source => {
  const source = parse(place.path, text)
  for (const message of source.errors) report(1, "parses", message)
  for (const entry of source.imports) {
    if (entry.specifier === "(computed)") {
      if (place.room?.purity !== undefined && place.underSource !== undefined) {
        report(entry.line, "pure-imports", "an import whose specifier is computed")
      }
      continue
    }
    if (isRelative(entry.specifier)) {
      checkRelative(place, entry, report)
      continue
    }
    // An import that is forbidden need not be declared too.
    let forbidden = false
    const forbid: Report = (line, rule, message) => {
      forbidden = true
      report(line, rule, message)
    }
    if (entry.specifier.startsWith(scope)) checkEdge(place, entry, forbid)
    else checkPurity(place, entry, forbid)
    if (!forbidden && !mayUseNode(place) && (isNode(entry.specifier) || nodePackage.test(packageOf(entry.specifier)))) {
      forbid(entry.line, "node-only-where-allowed", `${entry.specifier} is Node's`)
    }
    if (!forbidden && !isNode(entry.specifier)) checkDeclared(place, entry, report)
  }
  checkWords(place, source, report)
  return source
}

/** The files of one workspace, and where each imports which other. */
type Graph = ReadonlyMap<string, ReadonlyArray<{ readonly to: string; readonly line: number }>>

const graphOf = (sources: ReadonlyMap<string, Source>): Graph =>
  new Map(
    [...sources].map(([path, { imports }]) => [
      path,
      imports
        .map(({ line, specifier }) => ({ line, to: normalize(join(dirname(path), specifier)), specifier }))
        .filter(({ specifier, to }) => isRelative(specifier) && sources.has(to))
    ])
  )

/** Each file that others in its circle import, and that imports them: the strongly connected components (Tarjan, 1972). */
const circlesOf = (graph: Graph): ReadonlyArray<ReadonlyArray<string>> => {
  const circles: Array<ReadonlyArray<string>> = []
  const lowest = new Map<string, number>()
  const path: Array<string> = []
  const visit = (file: string): number => {
    const index = lowest.size
    const depth = path.push(file) - 1
    lowest.set(file, index)
    let low = index
    for (const { to } of graph.get(file) ?? []) low = Math.min(low, lowest.get(to) ?? visit(to))
    lowest.set(file, low)
    if (low < index) return low
    const circle = path.splice(depth)
    // What is done with is no way back for those that come later.
    for (const member of circle) lowest.set(member, Infinity)
    if (circle.length > 1) circles.push(circle)
    return low
  }
  for (const file of graph.keys()) if (!lowest.has(file)) visit(file)
  return circles
}

/** Files import each other in one direction, types included: each can be read without those that stand on it. */
const checkCircles = (sources: ReadonlyMap<string, Source>, reporter: (file: string) => Report): void => {
  const graph = graphOf(sources)
  for (const circle of circlesOf(graph)) {
    const [first = ""] = circle
    const line = graph.get(first)?.find(({ to }) => circle.includes(to))?.line ?? 1
    reporter(first)(line, "no-circles", `these files import each other, types included: ${circle.join(", ")}`)
  }
}

/** The manifest and the tsconfig say the same as the imports. */
const checkManifest = (
  workspace: Workspace,
  imported: ReadonlySet<string>,
  folders: ReadonlyMap<string, string>,
  report: Report
): void => {
  const { manifest, references } = workspace
  const room = roomOf(workspace)
  const runtime = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }
  const published = kindOf(workspace) === "package" && manifest.private !== true
  if (kindOf(workspace) === "package" && room === undefined) {
    report(1, "known-room", `${workspace.folder} has no row in scripts/rooms.ts`)
  }
  if (room !== undefined && published === (room.private === true)) {
    report(1, "known-room", `"private" and scripts/rooms.ts disagree about ${room.name}`)
  }
  for (const name of Object.keys({ ...runtime, ...manifest.devDependencies })) {
    const target = name.startsWith(scope) ? name.slice(scope.length) : undefined
    if (target === undefined) continue
    if (rank(target) < 0) report(1, "nothing-imports-it", `depends on ${name}`)
    const isRuntime = name in runtime
    if (published && isRuntime && target === "testing") {
      report(1, "no-published-testing", `is published and depends on ${name}`)
    }
    if (room !== undefined && isRuntime && rank(target) >= rank(room.name)) {
      report(1, "down-only", `depends on ${name}, which stands above it`)
    } else if (room !== undefined && isRuntime && !room.mayImport.includes(target)) {
      report(1, "allowed-edge", `depends on ${name}, which is no edge of scripts/rooms.ts`)
    }
    const folder = folders.get(name)
    if (isRuntime && folder !== undefined && !references.includes(folder)) {
      report(1, "references", `tsconfig.json has no reference to ${folder}, which package.json depends on`)
    }
  }
  // An example's tests are built with it, and may need what nobody who runs it does.
  const referable = kindOf(workspace) === "example" ? { ...runtime, ...manifest.devDependencies } : runtime
  for (const folder of references) {
    const name = [...folders].find(([, other]) => other === folder)?.[0]
    if (name !== undefined && !(name in referable)) {
      report(1, "references", `tsconfig.json refers to ${folder}, which package.json does not depend on`)
    }
  }
  if (published && manifest.peerDependencies?.["effect"] === undefined) {
    report(1, "effect-is-a-peer", "a published package takes effect from its user, as a peer dependency")
  }
  if (published && declares(manifest, "effect", ["dependencies", "optionalDependencies"])) {
    report(1, "effect-is-a-peer", "two copies of effect break the identity of services; keep it a peer only")
  }
  for (const name of Object.keys(runtime)) {
    if (name !== "effect" && !imported.has(name)) {
      report(1, "declared-and-used", `declares ${name}, which ${published ? "nothing in src" : "no file"} imports`)
    }
  }
}

/** Everything that breaks a rule, in the order of the files. */
export const check = (workspaces: ReadonlyArray<Workspace>, rootManifest: Manifest): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const reporter =
    (file: string): Report =>
    (line, rule, message) => {
      violations.push({ file, line, rule, message })
    }
  const folders = new Map(workspaces.map(({ folder, manifest }) => [manifest.name ?? folder, folder]))
  for (const workspace of workspaces) {
    const isPackage = kindOf(workspace) === "package"
    const imported = new Set<string>()
    const sources = new Map<string, Source>()
    for (const [path, text] of Object.entries(workspace.files)) {
      const prefix = `${workspace.folder}/src/`
      const underSource = isPackage && path.startsWith(prefix) ? path.slice(prefix.length) : undefined
      const place: Place = { workspace, room: roomOf(workspace), path, underSource, rootManifest }
      const source = checkFile(place, text, reporter(path))
      sources.set(path, source)
      if (underSource !== undefined || !isPackage) {
        for (const { specifier } of source.imports) imported.add(packageOf(specifier))
      }
    }
    checkCircles(sources, reporter)
    checkManifest(workspace, imported, folders, reporter(`${workspace.folder}/package.json`))
  }
  return violations
}
