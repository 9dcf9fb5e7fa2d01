/** The files that a command is told to write, each named with its flag in whatever is said of it. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { badInput, failed } from "./failures.ts"

/** Before anything is started, and not after minutes: can it be written? The file, or its absence, is left as it was. */
export const checkWritable = Effect.fnUntraced(function* (flag: string, file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* Effect.gen(function* () {
    const existed = yield* fileSystem.exists(file)
    yield* Effect.scoped(fileSystem.open(file, { flag: "a" }))
    if (!existed) yield* fileSystem.remove(file)
  }).pipe(Effect.mapError(({ reason }) => badInput(`--${flag} ${file}: cannot be written (${reason._tag})`)))
})

export const writeText = Effect.fnUntraced(function* (flag: string, file: string, text: string) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* fileSystem
    .writeFileString(file, text)
    .pipe(Effect.mapError((error) => failed(`--${flag} ${file}: ${error.message}`)))
})
