/** What the operating system's refusals mean to whoever gave the command, and what can be done about them. */
import * as util from "node:util"

const advice: Readonly<Record<string, string>> = {
  ENOENT: "its directory does not exist; make it first, or choose another place",
  EISDIR: "it is a directory; name a file in it",
  ENOTDIR: "a part of its path is a file, no directory; choose another place",
  EACCES: "permission denied; choose a place that you may write to",
  EPERM: "permission denied; choose a place that you may write to",
  EROFS: "it is on a file system that is read only; choose a place that you may write to",
  ENOSPC: "no space left on the device; free some, or choose another place"
}

const isSystemError = (value: unknown): value is { readonly code: string; readonly errno: number } =>
  value instanceof Error &&
  "code" in value &&
  typeof value.code === "string" &&
  "errno" in value &&
  typeof value.errno === "number"

/** The system's error in one that it has caused, as Effect's are. */
const systemErrorOf = (error: Error) => [error, error.cause].find(isSystemError)

/** Why something could not be written, and what can be done. */
export const reasonOf = (error: Error): string => advice[systemErrorOf(error)?.code ?? ""] ?? systemMessageOf(error)

/** The system's own words: "no such file or directory". */
export const systemMessageOf = (error: Error): string => {
  const known = systemErrorOf(error)
  return known === undefined ? error.message : util.getSystemErrorMessage(known.errno)
}
