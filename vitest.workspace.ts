import { existsSync, readdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/**
 * The root config of every test run: one project per workspace that has a `test` folder, plus the tooling's own.
 * Workspaces are resolved to their sources (the `source` condition), so no test needs a build.
 */
const workspaces = ["packages", "examples"]
  .flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((name) => ({ name, root: `${folder}/${name}` })) : []
  )
  .concat({ name: "benchmarks", root: "benchmarks" }, { name: "tooling", root: "scripts" })
  .filter(({ root }) => existsSync(`${root}/test`))

export default defineConfig({
  ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // A guard against a test that hangs, not a bound on its speed: the machine may have much else to do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // While a large cluster joins, V8 takes most of what is made for what will stay, and a quarter of the time goes by in collecting it.
    execArgv: ["--no-allocation-site-pretenuring"],
    // Half of the time goes by in tests that wait for sockets and processes: even one core has work for two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: workspaces.map((test) => ({ extends: true as const, test }))
  }
})
