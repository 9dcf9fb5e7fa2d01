/** A checker that cannot fail is a defect: each rule is fed a source that breaks it, and names the file and the line. */
import { existsSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { check, format, type Manifest, type Rule, type Workspace } from "../imports.ts"
import { readManifest, readWorkspaces, root } from "../repository.ts"
import { impureEffectModules, pureEffectModules, rooms } from "../rooms.ts"

const rootManifest: Manifest = { devDependencies: { effect: "4.1.0", vitest: "5.1.1" } }

const entry = (name: string, text: string): string => `packages/${name}/src/${text}`

/** A house in which every room imports everything that it may, with what it declares. */
const house = (): Array<Workspace> => [
  ...rooms.map((room) => {
    const outside =
      room.node === true && room.name !== "vopr" ? ["@effect/platform-node-shared", "@effect/platform-node"] : []
    const names = [...room.mayImport.map((name) => `@hyparview/${name}`), ...outside]
    return {
      folder: `packages/${room.name}`,
      manifest: {
        name: `@hyparview/${room.name}`,
        private: room.private === true,
        dependencies: Object.fromEntries(names.map((name) => [name, "0.0.0"])),
        peerDependencies: { effect: "^4.1.0" }
      },
      references: room.mayImport.map((name) => `packages/${name}`),
      files: {
        [entry(room.name, "index.ts")]: [
          `export const room = "${room.name}"`,
          ...room.mayImport.map(
            (name) => `import { ${room.onlyModules?.[name]?.[0] ?? "x"} } from "@hyparview/${name}"`
          ),
          ...outside.map((name) => `import * as X from "${name}/NodeSocket"`)
        ].join("\n")
      }
    }
  }),
  {
    folder: "benchmarks",
    manifest: { name: "@hyparview/benchmarks", private: true, dependencies: { "@hyparview/core": "0.0.0" } },
    references: ["packages/core"],
    files: { "benchmarks/main.ts": `import { x } from "@hyparview/core"\nimport * as fs from "node:fs"` }
  },
  {
    folder: "examples/swap",
    manifest: { name: "@hyparview/example-swap", private: true, dependencies: { "@hyparview/runtime": "0.0.0" } },
    references: ["packages/runtime"],
    files: { "examples/swap/main.ts": `import { x } from "@hyparview/runtime"\nexport const pid = process.pid` }
  }
]

/** The house with one file more, and what the check says about that file (or about any, with `everywhere`). */
const withFile = (path: string, text: string): ReadonlyArray<string> =>
  check(
    house().map((workspace) =>
      path.startsWith(`${workspace.folder}/`)
        ? { ...workspace, files: { ...workspace.files, [path]: text } }
        : workspace
    ),
    rootManifest
  ).map(format)

const withManifest = (folder: string, change: (workspace: Workspace) => Workspace): ReadonlyArray<string> =>
  check(
    house().map((workspace) => (workspace.folder === folder ? change(workspace) : workspace)),
    rootManifest
  ).map(format)

/** Exactly one violation, at this place, of this rule. */
const reports = (found: ReadonlyArray<string>, file: string, line: number, rule: Rule): void => {
  assert.strictEqual(found.length, 1, found.join("\n") || "nothing was reported")
  assert.include(found[0], `${file}:${line} [${rule}] `)
}

/** [what the sentence forbids, file, source, line, rule] */
const forbidden: ReadonlyArray<readonly [string, string, string, number, Rule]> = [
  // core and faults import nothing that has a clock, a socket, randomness of its own or a Promise
  ["core imports Effect", "core/src/A.ts", `\nimport { Effect } from "effect"`, 2, "pure-imports"],
  ["core imports a type of Clock", "core/src/A.ts", `import type { Clock } from "effect/Clock"`, 1, "pure-imports"],
  ["core imports all of effect", "core/src/A.ts", `import * as E from "effect"`, 1, "pure-imports"],
  ["core re-exports effect's Random", "core/src/A.ts", `export * from "effect/Random"`, 1, "pure-imports"],
  [
    "core names a type of Effect in place",
    "core/src/A.ts",
    `type A = import("effect/Effect").Effect<1>`,
    1,
    "pure-imports"
  ],
  ["faults imports effect's sockets", "faults/src/A.ts", `import { Socket } from "effect/socket"`, 1, "pure-imports"],
  [
    "faults imports a computed module",
    "faults/src/A.ts",
    `export const a = (b: string) => import(b)`,
    1,
    "pure-imports"
  ],
  ["core reads the clock", "core/src/A.ts", `// a\n\nexport const a = Date.now()`, 3, "pure-words"],
  ["core reads the clock by new", "core/src/A.ts", `export const a = new Date()`, 1, "pure-words"],
  ["core reads the performance clock", "core/src/A.ts", `export const a = performance.now()`, 1, "pure-words"],
  ["core draws from Math", "core/src/A.ts", `export const a = Math.random()`, 1, "pure-words"],
  ["core draws from Math by index", "core/src/A.ts", `export const a = Math["random"]()`, 1, "pure-words"],
  ["core takes Math apart", "core/src/A.ts", `const { random } = Math`, 1, "pure-words"],
  ["core reaches a global around its name", "core/src/A.ts", `const a = globalThis["Date"]`, 1, "pure-words"],
  ["faults makes a Promise", "faults/src/A.ts", `export const a = new Promise(() => {})`, 1, "pure-words"],
  ["faults names a Promise", "faults/src/A.ts", `export type A = Promise<number>`, 1, "pure-words"],
  ["faults has an async function", "faults/src/A.ts", `export async function a() {}`, 1, "pure-words"],
  ["faults has an async method", "faults/src/A.ts", `export const a = {\n  async b() {}\n}`, 2, "pure-words"],
  ["faults waits", "faults/src/A.ts", `await import("./B.ts")`, 1, "pure-words"],
  ["core sleeps", "core/src/A.ts", `setTimeout(() => {}, 1)`, 1, "pure-words"],
  ["core ticks", "core/src/A.ts", `setInterval(() => {}, 1)`, 1, "pure-words"],
  ["core yields to the loop", "core/src/A.ts", `setImmediate(() => {})`, 1, "pure-words"],
  ["core queues a microtask", "core/src/A.ts", `queueMicrotask(() => {})`, 1, "pure-words"],
  ["core fetches", "core/src/A.ts", `fetch("x")`, 1, "pure-words"],
  ["core draws from crypto", "core/src/A.ts", `crypto.randomUUID()`, 1, "pure-words"],
  ["core reads the process", "core/src/A.ts", `export const a = process.hrtime`, 1, "pure-words"],
  ["core prints", "core/src/A.ts", `console.log(1)`, 1, "pure-words"],
  ["core imports Node", "core/src/A.ts", `import * as fs from "node:fs"`, 1, "pure-imports"],
  ["core imports a package from outside", "core/src/A.ts", `import { parse } from "msgpackr"`, 1, "pure-imports"],
  ["the simulator imports Node", "simulator/src/A.ts", `import * as fs from "node:fs"`, 1, "pure-imports"],
  // the simulator's engine too
  ["the simulator reads the clock", "simulator/src/A.ts", `export const a = Date.now()`, 1, "pure-words"],
  ["the simulator's report reads the clock", "simulator/src/Report.ts", `export const a = Date.now()`, 1, "pure-words"],
  ["the simulator imports Effect's Random", "simulator/src/A.ts", `import { Random } from "effect"`, 1, "pure-imports"],
  ["the simulator takes a logarithm", "simulator/src/A.ts", `export const a = Math.log(2)`, 1, "exact-math"],
  ["the simulator takes a power", "simulator/src/A.ts", `export const a = (b: number) => b ** 0.5`, 1, "exact-math"],
  ["faults takes a sine", "faults/src/A.ts", `export const a = Math.sin(2)`, 1, "exact-math"],
  ["core takes an exponential", "core/src/A.ts", `export const a = Math.exp(2)`, 1, "exact-math"],
  // simulator sits on core and faults, never on runtime; imports point down only
  ["the simulator imports runtime", "simulator/src/A.ts", `import { x } from "@hyparview/runtime"`, 1, "down-only"],
  ["core imports faults", "core/src/A.ts", `import { x } from "@hyparview/faults"`, 1, "down-only"],
  [
    "core imports a type of runtime",
    "core/src/A.ts",
    `import type { x } from "@hyparview/runtime/Transport"`,
    1,
    "down-only"
  ],
  ["runtime loads the cli", "runtime/src/A.ts", `export const a = () => import("@hyparview/cli")`, 1, "down-only"],
  [
    "runtime imports a room below, off its edges",
    "runtime/src/A.ts",
    `import { x } from "@hyparview/faults"`,
    1,
    "allowed-edge"
  ],
  ["cluster imports the simulator", "cluster/src/A.ts", `import { x } from "@hyparview/simulator"`, 1, "allowed-edge"],
  ["tests of core import the cli", "core/test/A.test.ts", `import { x } from "@hyparview/cli"`, 1, "allowed-edge"],
  // a transport knows links and frames, not protocols
  [
    "a transport knows HyParView",
    "transport-memory/src/A.ts",
    `import { HyParView } from "@hyparview/core"`,
    1,
    "transport-knows-frames"
  ],
  [
    "a transport knows Plumtree",
    "transport-memory/src/A.ts",
    `import * as P from "@hyparview/core/Plumtree"`,
    1,
    "transport-knows-frames"
  ],
  [
    "a transport knows membership",
    "transport-tcp/src/A.ts",
    `import { Membership } from "@hyparview/runtime"`,
    1,
    "transport-knows-frames"
  ],
  [
    "a transport takes all of runtime",
    "transport-tcp/src/A.ts",
    `import * as R from "@hyparview/runtime"`,
    1,
    "transport-knows-frames"
  ],
  // Node is imported by transport-tcp, cluster, cli, dashboard's server, vopr, benchmarks and examples alone
  ["runtime imports Node", "runtime/src/A.ts", `import * as net from "node:net"`, 1, "node-only-where-allowed"],
  [
    "runtime imports Node by its bare name",
    "runtime/src/A.ts",
    `import * as fs from "fs/promises"`,
    1,
    "node-only-where-allowed"
  ],
  [
    "runtime reads the process",
    "runtime/src/A.ts",
    `\nexport const a = process.env["A"]`,
    2,
    "node-only-where-allowed"
  ],
  ["testing makes a Buffer", "testing/src/A.ts", `export const a = Buffer.alloc(1)`, 1, "node-only-where-allowed"],
  [
    "transport-memory imports Node",
    "transport-memory/src/A.ts",
    `import * as net from "node:net"`,
    1,
    "node-only-where-allowed"
  ],
  [
    "dashboard's page imports Node",
    "dashboard/src/Page.ts",
    `import * as net from "node:net"`,
    1,
    "node-only-where-allowed"
  ],
  // no published package depends on testing
  ["cli imports testing", "cli/src/A.ts", `import { x } from "@hyparview/testing"`, 1, "no-published-testing"],
  // a workspace that nothing imports
  ["cli imports the benchmarks", "cli/src/A.ts", `import { x } from "@hyparview/benchmarks"`, 1, "nothing-imports-it"],
  [
    "a test imports the benchmarks",
    "cli/test/A.test.ts",
    `import { x } from "@hyparview/benchmarks"`,
    1,
    "nothing-imports-it"
  ],
  [
    "an example imports the benchmarks",
    "examples/swap/A.ts",
    `import { x } from "@hyparview/benchmarks"`,
    1,
    "nothing-imports-it"
  ],
  ["cli imports an example", "cli/src/A.ts", `import { x } from "@hyparview/example-swap"`, 1, "nothing-imports-it"],
  [
    "cli reaches the benchmarks by path",
    "cli/src/A.ts",
    `import { x } from "../../../benchmarks/main.ts"`,
    1,
    "inside-the-package"
  ],
  // packages are imported by name, through their exports
  [
    "faults reaches core by path",
    "faults/src/A.ts",
    `import { x } from "../../core/src/B.ts"`,
    1,
    "inside-the-package"
  ],
  ["src imports test", "core/src/A.ts", `export * from "../test/B.ts"`, 1, "inside-the-package"],
  ["src imports itself by name", "core/src/A.ts", `import { x } from "@hyparview/core"`, 1, "inside-the-package"],
  [
    "faults imports core's internals",
    "faults/src/A.ts",
    `import { x } from "@hyparview/core/internal/b"`,
    1,
    "no-internals"
  ],
  ["a package that the table does not know", "core/src/A.ts", `import { x } from "@hyparview/common"`, 1, "known-room"],
  ["a source that does not parse", "core/src/A.ts", `export const = 1`, 1, "parses"]
]

/** [what is allowed, file, source] */
const allowed: ReadonlyArray<readonly [string, string, string]> = [
  [
    "core uses data and Schema",
    "core/src/A.ts",
    `import { Schema, Option } from "effect"\nimport * as D from "effect/Data"`
  ],
  ["core uses exact Math", "core/src/A.ts", `export const a = Math.floor(Math.sqrt(2)) * 2 ** 32`],
  ["core speaks of clocks in comments and strings", "core/src/A.ts", `// Date.now()\nexport const a = "new Promise"`],
  [
    "core has members named like globals",
    "core/src/A.ts",
    `export const a = (b: { process: number }) => ({ fetch: b.process })`
  ],
  [
    "the simulator's report takes a logarithm",
    "simulator/src/internal/reportAxis.ts",
    `export const a = Math.log10(2)`
  ],
  ["the simulator uses Effect", "simulator/src/A.ts", `import { Effect, Stream } from "effect"`],
  ["runtime uses the clock", "runtime/src/A.ts", `import { Clock } from "effect"\nexport const a = Date.now()`],
  ["transport-memory uses all of faults", "transport-memory/src/A.ts", `import * as F from "@hyparview/faults"`],
  [
    "a transport uses runtime's Transport",
    "transport-tcp/src/A.ts",
    `import * as T from "@hyparview/runtime/Transport"`
  ],
  ["transport-tcp uses Node", "transport-tcp/src/A.ts", `import * as net from "node:net"`],
  ["dashboard's server uses Node", "dashboard/src/server/A.ts", `import * as http from "node:http"`],
  ["vopr uses testing", "vopr/src/A.ts", `import { x } from "@hyparview/testing"`],
  [
    "tests of core use testing",
    "core/test/A.test.ts",
    `import { x } from "@hyparview/testing"\nimport { y } from "../src/index.ts"`
  ],
  [
    "tests of core use Node and their own package",
    "core/test/A.test.ts",
    `import "node:fs"\nimport { x } from "@hyparview/core"`
  ],
  ["tests use the root's tools", "core/test/A.test.ts", `import { it } from "vitest"\nimport { Effect } from "effect"`]
]

describe("import rules", () => {
  it("a house that keeps them passes", () => {
    assert.deepStrictEqual(check(house(), rootManifest).map(format), [])
  })

  for (const [sentence, file, source, line, rule] of forbidden) {
    const path = file.startsWith("examples/") ? file : `packages/${file}`
    it(`reports that ${sentence}`, () => reports(withFile(path, source), path, line, rule))
  }

  for (const [sentence, file, source] of allowed) {
    it(`allows that ${sentence}`, () => assert.deepStrictEqual(withFile(`packages/${file}`, source), []))
  }
})

describe("the rule against circles", () => {
  const folder = "packages/runtime/src"
  const found = (files: Readonly<Record<string, string>>) =>
    withManifest("packages/runtime", (workspace) => ({
      ...workspace,
      files: {
        ...workspace.files,
        ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]))
      }
    }))

  it("reports files that import each other, by types, by re-exports and by others, once", () => {
    const circle = {
      "A.ts": `import { d } from "./D.ts"\nimport type { B } from "./internal/b.ts"`,
      "internal/b.ts": `export * from "./c.ts"`,
      "internal/c.ts": `export type C = import("../A.ts").A`,
      "D.ts": `export const d = 1`
    }
    reports(found(circle), `${folder}/A.ts`, 2, "no-circles")
    assert.include(found(circle)[0], "A.ts, packages/runtime/src/internal/b.ts, packages/runtime/src/internal/c.ts")
  })

  it("reports each of two circles, one of which uses the other", () => {
    const lines = found({
      "A.ts": `import "./B.ts"`,
      "B.ts": `import "./A.ts"\nimport "./C.ts"`,
      "C.ts": `import "./D.ts"`,
      "D.ts": `import "./C.ts"`
    })
    assert.strictEqual(lines.filter((line) => line.includes("[no-circles]")).length, 2)
  })

  it("allows that two use a third, and a file that is imported twice", () => {
    const files = {
      "A.ts": `import "./B.ts"\nimport "./C.ts"`,
      "B.ts": `import "./C.ts"\nimport type { c } from "./C.ts"`,
      "C.ts": `export const c = 1`
    }
    assert.deepStrictEqual(found(files), [])
  })
})

describe("manifest rules", () => {
  const at = "packages/runtime/package.json"

  it("reports an import that is not declared", () => {
    const path = "packages/runtime/src/A.ts"
    reports(withFile(path, `import pino from "pino"`), path, 1, "declared")
  })

  it("reports an undeclared import of an example", () => {
    reports(withFile("examples/swap/A.ts", `import { Effect } from "effect"`), "examples/swap/A.ts", 1, "declared")
  })

  it("lets a page take what is bundled with it from the development dependencies, and nothing else do so", () => {
    const withPage = (path: string) =>
      withManifest("packages/dashboard", (workspace) => ({
        ...workspace,
        manifest: { ...workspace.manifest, devDependencies: { preact: "1.0.0" } },
        files: { ...workspace.files, [path]: `import { render } from "preact"\nexport const x = render` }
      }))
    assert.deepStrictEqual(withPage("packages/dashboard/page/main.tsx"), [])
    assert.deepStrictEqual(withPage("packages/dashboard/e2e/Page.ts"), [])
    const path = "packages/dashboard/src/Page.ts"
    reports(withPage(path), path, 1, "declared")
  })

  it("lets the benchmarks, and no package, declare as a development dependency what they compare with", () => {
    const comparing = (folder: string, path: string) =>
      check(
        house().map((workspace) =>
          workspace.folder === folder
            ? {
                ...workspace,
                manifest: { ...workspace.manifest, devDependencies: { pino: "1.0.0" } },
                files: { ...workspace.files, [path]: `import pino from "pino"` }
              }
            : workspace
        ),
        rootManifest
      ).map(format)
    assert.deepStrictEqual(comparing("benchmarks", "benchmarks/pino.ts"), [])
    reports(comparing("packages/runtime", "packages/runtime/src/A.ts"), "packages/runtime/src/A.ts", 1, "declared")
  })

  it("reports a dependency that nothing imports", () => {
    const found = withManifest("packages/runtime", (workspace) => ({
      ...workspace,
      manifest: { ...workspace.manifest, dependencies: { ...workspace.manifest.dependencies, pino: "1.0.0" } }
    }))
    reports(found, at, 1, "declared-and-used")
  })

  it("reports a published package that depends on testing", () => {
    const found = withManifest("packages/cli", (workspace) => ({
      ...workspace,
      manifest: { ...workspace.manifest, optionalDependencies: { "@hyparview/testing": "0.0.0" } },
      references: [...workspace.references, "packages/testing"]
    }))
    assert.isTrue(found.some((line) => line.startsWith("packages/cli/package.json:1 [no-published-testing]")))
  })

  it("reports a dependency that points up", () => {
    const found = withManifest("packages/core", (workspace) => ({
      ...workspace,
      manifest: { ...workspace.manifest, dependencies: { "@hyparview/cli": "0.0.0" } }
    }))
    assert.isTrue(found.some((line) => line.startsWith("packages/core/package.json:1 [down-only]")))
  })

  it("reports a dependency on the benchmarks", () => {
    const found = withManifest("packages/core", (workspace) => ({
      ...workspace,
      manifest: { ...workspace.manifest, devDependencies: { "@hyparview/benchmarks": "0.0.0" } }
    }))
    reports(found, "packages/core/package.json", 1, "nothing-imports-it")
  })

  it("reports a published package without effect as its peer", () => {
    const found = withManifest(
      "packages/runtime",
      ({ manifest: { peerDependencies: _, ...manifest }, ...workspace }) => ({
        ...workspace,
        manifest
      })
    )
    reports(found, at, 1, "effect-is-a-peer")
  })

  it("reports a missing project reference", () => {
    reports(
      withManifest("packages/runtime", (workspace) => ({ ...workspace, references: [] })),
      at,
      1,
      "references"
    )
  })

  it("reports a project reference that is no dependency", () => {
    const found = withManifest("packages/runtime", (workspace) => ({
      ...workspace,
      references: [...workspace.references, "packages/faults"]
    }))
    reports(found, at, 1, "references")
  })

  it("reports a package without a row in the table", () => {
    const found = check(
      [
        ...house(),
        {
          folder: "packages/common",
          manifest: { name: "@hyparview/common", peerDependencies: { effect: "^4.1.0" } },
          references: [],
          files: {}
        }
      ],
      rootManifest
    ).map(format)
    reports(found, "packages/common/package.json", 1, "known-room")
  })

  it("reports a published package that the table calls private", () => {
    const found = withManifest("packages/vopr", (workspace) => ({
      ...workspace,
      manifest: { ...workspace.manifest, private: false }
    }))
    assert.isTrue(found.some((line) => line.startsWith("packages/vopr/package.json:1 [known-room]")))
  })
})

describe("the table", () => {
  it("lets a room import only rooms that stand below it", () => {
    for (const [rank, room] of rooms.entries()) {
      for (const name of room.mayImport) {
        assert.isTrue(
          rooms.slice(0, rank).some((below) => below.name === name),
          `${room.name} may import ${name}`
        )
      }
    }
  })

  it("names modules that effect has", () => {
    for (const name of [...pureEffectModules, ...impureEffectModules]) {
      assert.isTrue(existsSync(`${root}/node_modules/effect/dist/${name}.js`), name)
    }
  })

  it("reads the repository's own workspaces", () => {
    const folders = readWorkspaces().map(({ folder }) => folder)
    for (const folder of ["packages/core", "packages/cli", "benchmarks"]) assert.include(folders, folder)
    assert.strictEqual(readManifest("packages/core").name, "@hyparview/core")
  })
})
