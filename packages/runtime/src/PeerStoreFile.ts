/**
 * A peer store in a file: JSON, replaced as a whole. It stands on Effect's FileSystem, which is tagged unstable in 4.1,
 * so this adapter is an entry point of its own.
 *
 * The new memory is written to a temporary file beside the old one, forced to the disk, and renamed over it: a process
 * that is killed meanwhile, even by a power cut, leaves the old memory or the new one. Each node has a file of its own:
 * two that share one overwrite each other, and each ignores what the other wrote.
 *
 * @since 0.1.0
 */
import { Wire } from "@hyparview/core"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { strangeness } from "./internal/strangeness.ts"
import { type Memory, PeerStore, PeerStoreError } from "./PeerStore.ts"

/**
 * Where the memory is kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * The file's path, not empty. Its folder must exist, and the node must be allowed to create files in it. A link is followed
   * where it is read, and replaced by a file where it is written.
   */
  readonly file: string
  /**
   * The largest file that is read, in bytes, 1 or more; a larger one is `corrupt`. Default 4 MiB, room for 4,096 peers
   * with ids and addresses as long as they may be.
   */
  readonly maxBytes?: number | undefined
}

/**
 * An option is out of its bounds, or is none. No store was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class PeerStoreOptionsError extends Data.TaggedError("PeerStoreOptionsError")<{
  /** The option, or what was given as one; `options` where the whole is no object. */
  readonly option: string
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `peer store in a file: ${this.option} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

const Text = Schema.String.check(
  Schema.makeFilter(Wire.isName, { expected: `1 to ${Wire.maxTextBytes} bytes of UTF-8` })
)
const Epoch = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** The file's content. `version` is there for whoever changes the rest. */
const Content = Schema.fromJsonString(
  Schema.Struct({
    version: Schema.Literal(1).annotate({
      message: "a store of another version wrote it; this one reads and writes version 1"
    }),
    cluster: Text,
    id: Text,
    epoch: Epoch,
    peers: Schema.Array(Schema.Struct({ id: Text, epoch: Epoch, address: Text }))
  })
)

const decode = Schema.decodeUnknownEffect(Content)
const encode = Schema.encodeEffect(Content)

const names = Object.keys({ file: true, maxBytes: true } satisfies Record<keyof Options, true>)

/**
 * A store in a file. A file that does not exist is an empty memory.
 *
 * @example
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import * as PeerStoreFile from "@hyparview/runtime/PeerStoreFile"
 * import { Layer } from "effect"
 *
 * const Store = PeerStoreFile.layer({ file: "/var/lib/hyparview/node-a.json" }).pipe(
 *   Layer.provide(NodeFileSystem.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<PeerStore, PeerStoreOptionsError, FileSystem.FileSystem> =>
  Layer.effect(
    PeerStore,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const strange = strangeness(options, names)
      if (strange !== undefined) return yield* new PeerStoreOptionsError(strange)
      const { file, maxBytes = 4_194_304 } = options
      if (typeof file !== "string" || file === "") {
        return yield* new PeerStoreOptionsError({
          option: "file",
          value: file,
          expected: "expected the path of a file"
        })
      }
      if (!(Number.isSafeInteger(maxBytes) && maxBytes >= 1)) {
        const expected = "expected a whole number from 1 on"
        return yield* new PeerStoreOptionsError({ option: "maxBytes", value: maxBytes, expected })
      }
      // The system's own words, where there are some: "no space left on device" is what whoever reads it can do something about.
      const failure =
        (reason: PeerStoreError["reason"]) =>
        ({ cause, message }: { readonly message: string; readonly cause?: unknown }) =>
          new PeerStoreError({ reason, place: file, detail: cause instanceof Error ? cause.message : message })

      const load = Effect.gen(function* () {
        const { size, type } = yield* files.stat(file)
        if (type !== "File") return yield* failure("unreadable")({ message: `it is a ${type}` })
        if (Number(size) > maxBytes) {
          return yield* failure("corrupt")({ message: `it has ${size} bytes, more than ${maxBytes}` })
        }
        const { version: _, ...memory } = yield* decode(yield* files.readFileString(file))
        return memory
      }).pipe(
        Effect.catchTags({
          SchemaError: (error) => Effect.fail(failure("corrupt")(error)),
          PlatformError: (error) =>
            error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(failure("unreadable")(error))
        })
      )

      const temporary = `${file}.new`
      const write = (text: string): Effect.Effect<void, PlatformError> =>
        Effect.gen(function* () {
          // One that a killed process left behind. What others put there, as a link to a file of this user, is never written to.
          yield* files.remove(temporary, { force: true })
          const open = yield* files.open(temporary, { flag: "wx", mode: 0o600 })
          yield* open.writeAll(new TextEncoder().encode(text))
          yield* open.sync
        }).pipe(
          Effect.scoped,
          Effect.andThen(files.rename(temporary, file)),
          Effect.onError(() => Effect.ignore(files.remove(temporary, { force: true })))
        )

      const save = (memory: Memory) =>
        encode({ version: 1, ...memory }).pipe(
          Effect.flatMap((text) => write(`${text}\n`)),
          Effect.mapError(failure("unwritable"))
        )

      return { place: file, load, save }
    })
  )
