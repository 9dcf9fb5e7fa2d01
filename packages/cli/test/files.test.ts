/** Whether a file can be written is found out before anything is started, and leaves no trace. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { checkWritable, makeDirectory, realFile } from "../src/internal/files.ts"

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

  it.effect("leaves a link that leads to nothing yet as it was", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      yield* files.makeDirectory(`${folder}/deep`)
      yield* files.symlink("deep/second", `${folder}/first`)
      yield* files.symlink("../absent.json", `${folder}/deep/second`)
      yield* checkWritable("json", `${folder}/first`)
      assert.strictEqual(yield* files.readLink(`${folder}/first`), "deep/second")
      assert.sameMembers(yield* files.readDirectory(folder), ["deep", "first"])
      const real = yield* files.realPath(folder)
      assert.strictEqual(yield* realFile(`${folder}/first`), `${real}/absent.json`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is bad input where it cannot be, and names the flag", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checkWritable("json", "/no/such/place.json"))
      assert.strictEqual(
        error.message,
        "--json /no/such/place.json: cannot be written: its directory does not exist; make it first, or choose another place"
      )
      assert.strictEqual(error.exitCode, 2)
      assert.strictEqual(
        (yield* Effect.flip(checkWritable("json", "absent/"))).message,
        "--json absent/: cannot be written: it names a directory; name a file in it"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a directory that is made for a run", () => {
  it.effect("stays with what it holds, and is removed where nothing came of it", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      const deep = `${folder}/new/deep`
      yield* Effect.scoped(makeDirectory("report", deep, { mode: 0o700 }))
      for (const made of [`${folder}/new`, deep]) assert.strictEqual((yield* files.stat(made)).mode & 0o777, 0o700)
      assert.deepStrictEqual(yield* files.readDirectory(`${folder}/new`), ["deep"])
      yield* Effect.flip(Effect.scoped(Effect.andThen(makeDirectory("report", `${deep}/er/and`), Effect.fail("no"))))
      assert.deepStrictEqual(yield* files.readDirectory(deep), [])
      const kept = files.writeFileString(`${deep}/er/kept`, "kept")
      yield* Effect.flip(
        Effect.scoped(Effect.andThen(makeDirectory("report", `${deep}/er`), Effect.andThen(kept, Effect.fail("no"))))
      )
      assert.strictEqual(yield* files.readFileString(`${deep}/er/kept`), "kept")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is bad input where there can be none", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const folder = yield* files.makeTempDirectoryScoped()
      yield* files.writeFileString(`${folder}/plain`, "no folder")
      yield* files.symlink("nothing", `${folder}/link`)
      const message = (directory: string) =>
        Effect.map(Effect.flip(Effect.scoped(makeDirectory("report", directory))), (error) => error.message)
      assert.strictEqual(
        yield* message("/proc/foo/bar"),
        "--report /proc/foo/bar: cannot be made: /proc takes no directories; choose another place"
      )
      assert.strictEqual(
        yield* message(`${folder}/plain`),
        `--report ${folder}/plain: cannot be made: it is a file; choose another name`
      )
      assert.strictEqual(
        yield* message(`${folder}/link`),
        `--report ${folder}/link: cannot be made: ${folder}/link is a link that leads to nothing; choose another name`
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
