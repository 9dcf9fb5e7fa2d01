/** A peer store in a real file: replaced as a whole, and never fatal, whatever is found there. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, type Scope } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { PeerStore } from "../src/index.ts"
import * as PeerStoreFile from "../src/PeerStoreFile.ts"

const memory: PeerStore.Memory = {
  cluster: "test",
  id: "a",
  epoch: 1_700_000_000_000,
  peers: [{ id: "b", epoch: 3, address: "127.0.0.1:7946" }]
}

/** A node that starts when no descriptor is left, and gets them back when it has said so. */
const starved = `
  import { NodeFileSystem } from "@effect/platform-node"
  import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
  import { Discovery, Node } from "@hyparview/runtime"
  import * as PeerStoreFile from "@hyparview/runtime/PeerStoreFile"
  import { Effect, Layer } from "effect"
  import { closeSync, openSync, readFileSync } from "node:fs"
  const [file] = process.argv.slice(1)
  const taken = []
  const node = Node.layer({ id: "a", cluster: "test", peerStoreInterval: "50 millis" }).pipe(
    Layer.provide([
      MemoryTransport.layer({ address: "host-a" }).pipe(Layer.provide(MemoryNetwork.layer({ seed: 1 }))),
      Discovery.Discovery.layerNone,
      PeerStoreFile.layer({ file }).pipe(Layer.provide(NodeFileSystem.layer))
    ])
  )
  const before = readFileSync(file, "utf8")
  const live = Effect.gen(function* () {
    try {
      for (;;) taken.push(openSync("/dev/null", "r"))
    } catch {}
    yield* Layer.build(node)
    taken.forEach(closeSync)
    while (readFileSync(file, "utf8") === before) yield* Effect.sleep("10 millis")
  })
  await Effect.runPromise(Effect.scoped(live))
`

/** A folder of the test's own, and a store in it. */
const setUp = Effect.fnUntraced(function* (options: { readonly maxBytes?: number; readonly folder?: string } = {}) {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped()
  const file = `${folder}${options.folder ?? ""}/memory.json`
  const { folder: _, ...rest } = options
  const context = yield* Layer.build(PeerStoreFile.layer({ file, ...rest }))
  return { files, folder, file, store: Context.get(context, PeerStore.PeerStore) }
})

const test = (name: string, body: Effect.Effect<void, unknown, FileSystem.FileSystem | Scope.Scope>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))

describe("a peer store in a file", () => {
  test(
    "gives back what was saved last, and nothing before anything was",
    Effect.gen(function* () {
      const { files, folder, store } = yield* setUp()
      assert.strictEqual(store.place, `${folder}/memory.json`)
      assert.isUndefined(yield* store.load)
      yield* store.save(memory)
      yield* store.save({ ...memory, epoch: memory.epoch + 1 })
      assert.deepStrictEqual(yield* store.load, { ...memory, epoch: memory.epoch + 1 })
      // The temporary file is gone.
      assert.deepStrictEqual(yield* files.readDirectory(folder), ["memory.json"])
    })
  )

  test(
    "holds more peers than a node may remember",
    Effect.gen(function* () {
      const { store } = yield* setUp()
      const long = (index: number) => String(index).padStart(255, "x")
      const peers = Array.from({ length: 4_096 }, (_, index) => ({ id: long(index), epoch: 1, address: long(index) }))
      yield* store.save({ ...memory, peers })
      assert.strictEqual((yield* store.load)?.peers.length, 4_096)
    })
  )

  const corrupt: ReadonlyArray<readonly [name: string, content: string, said?: string]> = [
    ["nothing", ""],
    ["half a memory", JSON.stringify({ version: 1, ...memory }).slice(0, 50)],
    ["no JSON", "hello"],
    ["another version", JSON.stringify({ version: 2, ...memory }), "a store of another version wrote it"],
    ["no epoch", JSON.stringify({ version: 1, ...memory, epoch: "soon" })],
    ["a negative epoch", JSON.stringify({ version: 1, ...memory, epoch: -1 })],
    [
      "a name that no frame can hold",
      JSON.stringify({ version: 1, ...memory, cluster: "ä".repeat(128) }),
      "1 to 255 bytes of UTF-8"
    ],
    ["peers that are none", JSON.stringify({ version: 1, ...memory, peers: [{ id: "" }] })]
  ]
  for (const [name, content, said = ""] of corrupt) {
    test(
      `that holds ${name} is corrupt, and can be written again`,
      Effect.gen(function* () {
        const { file, files, store } = yield* setUp()
        yield* files.writeFileString(file, content)
        const error = yield* Effect.flip(store.load)
        assert.deepStrictEqual([error.reason, error.place], ["corrupt", file])
        assert.include(error.detail, said)
        yield* store.save(memory)
        assert.deepStrictEqual(yield* store.load, memory)
      })
    )
  }

  test(
    "is not read if it is too large to be a memory",
    Effect.gen(function* () {
      const { file, files, store } = yield* setUp({ maxBytes: 100 })
      yield* files.writeFileString(file, JSON.stringify({ version: 1, ...memory, pad: "x".repeat(100) }))
      const error = yield* Effect.flip(store.load)
      assert.strictEqual(error.reason, "corrupt")
      assert.match(error.message, /bytes, more than 100/)
    })
  )

  for (const maxBytes of [0, -1, 1.5, NaN]) {
    test(
      `is refused with a limit of ${maxBytes} bytes`,
      Effect.gen(function* () {
        const error = yield* Effect.flip(setUp({ maxBytes }))
        assert.strictEqual(error._tag, "PeerStoreOptionsError")
        assert.include(error.message, `maxBytes is ${maxBytes}`)
      })
    )
  }

  for (const file of ["", undefined, 5]) {
    test(
      `is refused with no path: ${file}`,
      Effect.gen(function* () {
        // @ts-expect-error: whoever has no types may give anything.
        const error = yield* Effect.flip(Layer.build(PeerStoreFile.layer({ file })))
        assert.strictEqual(error._tag, "PeerStoreOptionsError")
        assert.include(error.message, `file is ${JSON.stringify(file)}: expected the path of a file`)
      })
    )
  }

  test(
    "is refused with an option that there is none of",
    Effect.gen(function* () {
      // @ts-expect-error: whoever has no types may give anything.
      const error = yield* Effect.flip(Layer.build(PeerStoreFile.layer({ file: "/a", maxByte: 5 })))
      assert.strictEqual(error._tag, "PeerStoreOptionsError")
      assert.include(error.message, "maxByte is 5: no such option. Options are file, maxBytes")
    })
  )

  it.live.runIf(process.platform === "linux")(
    "keeps what it held over a start at which no descriptor was left to read it with",
    () =>
      Effect.gen(function* () {
        const { file, store } = yield* setUp()
        yield* store.save({ ...memory, epoch: 1 })
        const { stdout } = yield* Effect.promise(() =>
          promisify(execFile)(
            "sh",
            [
              "-c",
              `ulimit -n 100; exec "$0" "$@"`,
              process.execPath,
              "--conditions=source",
              "--input-type=module",
              "-e",
              starved,
              file
            ],
            { cwd: import.meta.dirname }
          )
        )
        assert.match(stdout, /cannot be read.*[^]*EMFILE/)
        const after = yield* store.load
        assert.deepStrictEqual(after?.peers, memory.peers)
        assert.isAbove(after?.epoch ?? 0, 1)
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  test(
    "writes to no file that somebody linked to in its folder, and minds none that a killed process left there",
    Effect.gen(function* () {
      const { file, files, folder, store } = yield* setUp()
      const others = `${folder}/others`
      yield* files.writeFileString(others, "precious")
      yield* files.symlink(others, `${file}.new`)
      yield* store.save(memory)
      yield* files.writeFileString(`${file}.new`, "half a mem")
      yield* store.save({ ...memory, epoch: 1 })
      assert.strictEqual(yield* files.readFileString(others), "precious")
      assert.strictEqual((yield* store.load)?.epoch, 1)
      assert.deepStrictEqual((yield* files.readDirectory(folder)).sort(), ["memory.json", "others"])
    })
  )

  test(
    "that is a folder cannot be read; one in a folder that does not exist cannot be written",
    Effect.gen(function* () {
      const first = yield* setUp()
      yield* first.files.makeDirectory(first.file)
      assert.strictEqual((yield* Effect.flip(first.store.load)).reason, "unreadable")
      const unwritable = yield* Effect.flip(first.store.save(memory))
      assert.strictEqual(unwritable.reason, "unwritable")
      // What the system said, and not only that the renaming failed.
      assert.match(unwritable.detail, /directory/)
      assert.deepStrictEqual(yield* first.files.readDirectory(first.folder), ["memory.json"])
      const second = yield* setUp({ folder: "/none" })
      assert.isUndefined(yield* second.store.load)
      assert.strictEqual((yield* Effect.flip(second.store.save(memory))).reason, "unwritable")
    })
  )
})
