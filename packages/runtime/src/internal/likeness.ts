/**
 * What all nodes of a cluster should have alike. Each says in its Hello what it has, so that nobody is sent what it does not take, and
 * the logs of both ends tell of a difference.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Settings } from "./settings.ts"

/** By the names of the options. Of a far end it holds whatever that one says, which may be of another version. */
export type Likeness = Readonly<Record<string, string | number>>

const json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite])))

/** What this node has. Of the broadcast, what its strategy depends on. */
export const likenessOf = ({ broadcast, outboxBytes }: Settings, maxFrameBytes: number): Likeness => {
  const { strategy, trees, treesCount } = broadcast
  const depends = strategy === "plumtree" ? { trees } : strategy === "thicket" ? { treesCount } : {}
  return { strategy, ...depends, maxFrameBytes, outboxBytes }
}

/** As a Hello tells it: well within the 255 bytes of a text. */
export const encodeLikeness: (likeness: Likeness) => string = Schema.encodeSync(json)

const decode = Schema.decodeUnknownOption(json)

/** What a Hello tells of it: nothing, where it says nothing, or what cannot be understood. */
export const decodeLikeness = (settings: string | undefined): Likeness => Option.getOrElse(decode(settings), () => ({}))

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
