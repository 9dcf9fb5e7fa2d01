/** The example of the README, as it stands there, runs. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Broadcast } from "@hyparview/runtime"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Effect, Logger, type Scope } from "effect"

const readme = readFileSync(fileURLToPath(new URL("../README.md", import.meta.url)), "utf8")

interface Example {
  readonly program: Effect.Effect<void, unknown, Broadcast.Broadcast | Scope.Scope>
}

describe("the README's example", () => {
  it.live("publishes a score, and logs it", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(String(message)))
    return Effect.gen(function* () {
      const [, source] = /```ts\n(.*?)```/s.exec(readme) ?? []
      const file = fileURLToPath(new URL("readme.example.ts", import.meta.url))
      const { program }: Example = yield* Effect.acquireUseRelease(
        Effect.sync(() => writeFileSync(file, `${source}\nexport { program }\n`)),
        () => Effect.promise(() => import(/* @vite-ignore */ file)),
        () => Effect.sync(() => rmSync(file))
      )
      const cluster = yield* TestCluster.make({ nodes: 2, logLevel: "Info" })
      yield* cluster.joinAll()
      yield* cluster.settle()
      yield* Effect.forkScoped(Effect.provideService(program, Broadcast.Broadcast, cluster.node(0).broadcast))
      yield* cluster.pass("5 seconds")
      assert.include(lines, "anna: 3")
    }).pipe(Effect.scoped, Effect.provide([VirtualClock.layer(), Logger.layer([logger])]))
  })
})
