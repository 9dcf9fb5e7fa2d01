/** A mistake in the test: what is misspelt would be ignored without a word. */
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"

/** Throws if there is an option that is none of these, which are all there are. */
export const checkNames = <Options extends object>(
  options: Options,
  known: Readonly<Record<keyof Options, true>>
): void => {
  if (!Predicate.isObject(options)) throw new RangeError(`${Formatter.format(options)} is not an object of options`)
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return
  throw new RangeError(`${unknown}: no such option. Options are ${Object.keys(known).join(", ")}`)
}
