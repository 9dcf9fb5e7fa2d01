/** The files that a command is told to write, each named with its flag in whatever is said of it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { rmdirSync } from "node:fs"
import { badInput, failed } from "./failures.ts"
import { reasonOf } from "./systemErrors.ts"

/** Of links that lead to links: as many as the system follows. */
const mostLinks = 40

/** A directory's path without links. What of it does not exist keeps its name. */
const realDirectory = (directory: string): Effect.Effect<string, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const { basename, dirname, join } = yield* Path.Path
    const real = yield* Effect.option(fileSystem.realPath(directory))
    if (Option.isSome(real) || dirname(directory) === directory) return Option.getOrElse(real, () => directory)
    return join(yield* realDirectory(dirname(directory)), basename(directory))
  })

/** The file that is written where a path is: links are followed, also one to a file that does not exist yet. */
export const realFile = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { basename, dirname, join, resolve } = yield* Path.Path
  let path = resolve(file)
  for (let links = 0; links < mostLinks; links++) {
    const directory = yield* realDirectory(dirname(path))
    path = join(directory, basename(path))
    const link = yield* Effect.option(fileSystem.readLink(path))
    if (Option.isNone(link)) break
    path = resolve(directory, link.value)
  }
  return path
})

/** Before anything is started, and not after minutes: can it be written? The file, or its absence, is left as it was. */
export const checkWritable = Effect.fnUntraced(function* (flag: string, file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { sep } = yield* Path.Path
  if (file.endsWith("/") || file.endsWith(sep)) {
    return yield* badInput(`--${flag} ${file}: cannot be written: it names a directory; name a file in it`)
  }
  yield* Effect.gen(function* () {
    if (yield* fileSystem.exists(file)) {
      yield* Effect.scoped(fileSystem.open(file, { flag: "a" }))
      return
    }
    // Of a link that leads to nothing, what it leads to is made and removed again, and not the link.
    const real = yield* realFile(file)
    yield* Effect.scoped(fileSystem.open(real, { flag: "ax" }))
    yield* fileSystem.remove(real)
  }).pipe(Effect.mapError((error) => badInput(`--${flag} ${file}: cannot be written: ${reasonOf(error)}`)))
})

/**
 * Makes a directory, and those above it that do not exist. What stays empty until the scope closes with a failure is removed
 * again: nothing came of it.
 */
export const makeDirectory = Effect.fnUntraced(function* (
  flag: string,
  directory: string,
  options: { readonly mode?: number } = {}
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { dirname, resolve } = yield* Path.Path
  const refused = (reason: string) => badInput(`--${flag} ${directory}: cannot be made: ${reason}`)
  const explained = (error: Error) => refused(reasonOf(error))
  const absent: Array<string> = []
  let path = resolve(directory)
  while (!(yield* Effect.mapError(fileSystem.exists(path), explained)) && dirname(path) !== path) {
    absent.unshift(path)
    path = dirname(path)
  }
  const { type } = yield* Effect.mapError(fileSystem.stat(path), explained)
  if (type !== "Directory") return yield* refused("it is a file; choose another name")
  // One after the other: in a place like /proc, which takes none, Node never comes back from making all of them at once.
  for (const each of absent) {
    const make = fileSystem
      .makeDirectory(each, options)
      .pipe(
        Effect.mapError((error) =>
          error.reason._tag === "NotFound"
            ? refused(`${dirname(each)} takes no directories; choose another place`)
            : error.reason._tag === "AlreadyExists"
              ? refused(`${each} is a link that leads to nothing; choose another name`)
              : explained(error)
        )
      )
    yield* Effect.acquireRelease(make, (_, exit) => (Exit.isSuccess(exit) ? Effect.void : removeEmpty(each)))
  }
})

const removeEmpty = (directory: string) => Effect.ignore(Effect.try(() => rmdirSync(directory)))

export const writeText = Effect.fnUntraced(function* (flag: string, file: string, text: string) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* fileSystem
    .writeFileString(file, text)
    .pipe(Effect.mapError((error) => failed(`--${flag} ${file}: cannot be written: ${reasonOf(error)}`)))
})
