/**
 * What all nodes of a cluster should have alike. Each says in its Hello what it has, so that nobody is sent what it does not take, and
 * the logs of both ends tell of a difference.
 */
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import type { Settings } from "./settings.ts"

/** By the names of the options. Of a far end it holds whatever that one says, which may be of another version. */
export type Likeness = Readonly<Record<string, string | number>>

const json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** What this node has. Of the broadcast, what its strategy depends on; of the frames nothing, where the transport has no bound. */
export const likenessOf = ({ broadcast, outboxBytes }: Settings, maxFrameBytes: number): Likeness => {
  const { strategy, trees, treesCount } = broadcast
  const depends = strategy === "plumtree" ? { trees } : strategy === "thicket" ? { treesCount } : {}
  const bound = Number.isFinite(maxFrameBytes) ? { maxFrameBytes } : {}
  return { strategy, ...depends, ...bound, outboxBytes }
}

/** As a Hello tells it: well within the 255 bytes of a text. */
export const encodeLikeness: (likeness: Likeness) => string = Schema.encodeSync(json)

const decode = Schema.decodeUnknownOption(json)

const isValue = Schema.is(Schema.Union([Schema.String, Schema.Finite]))

/** What a Hello tells of it. What cannot be understood, which may be of a later version, does not count. */
export const decodeLikeness = (settings: string | undefined): Likeness =>
  Record.filter(
    Option.getOrElse(decode(settings), () => ({})),
    isValue
  )

/** In what they differ, of what both ends name; undefined if in nothing. */
export const differenceOf = (
  here: Likeness,
  there: Likeness
): { readonly here: Likeness; readonly there: Likeness } | undefined => {
  const names = Object.keys(here).filter((name) => Object.hasOwn(there, name) && there[name] !== here[name])
  const only = (likeness: Likeness) =>
    Object.fromEntries(Object.entries(likeness).filter(([name]) => names.includes(name)))
  return names.length === 0 ? undefined : { here: only(here), there: only(there) }
}

/** The largest frame that a far end takes, as far as it has said. */
export const frameTaken = ({ maxFrameBytes }: Likeness): number =>
  typeof maxFrameBytes === "number" && maxFrameBytes >= 1 ? maxFrameBytes : Infinity
