/** Whether a file can be written is found out before anything is started, and leaves no trace. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { checkWritable } from "../src/internal/files.ts"

describe("a look whether a file can be written", () => {
  it.effect("leaves what is there, and what is not, as it was", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      yield* files.writeFileString(`${folder}/kept.json`, "kept")
      yield* checkWritable("json", `${folder}/kept.json`)
      yield* checkWritable("json", `${folder}/absent.json`)
      assert.deepStrictEqual(yield* files.readDirectory(folder), ["kept.json"])
      assert.strictEqual(yield* files.readFileString(`${folder}/kept.json`), "kept")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is bad input where it cannot be, and names the flag", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkWritable("json", "/no/such/place.json"))
      assert.strictEqual(error.message, "--json /no/such/place.json: cannot be written (NotFound)")
      assert.strictEqual(error.exitCode, 2)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
