/** A mistake in the test: what is misspelt would be ignored without a word. */
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"

/** Throws if there is an option that none of these names has. */
export const checkNames = (options: object, known: ReadonlyArray<string>): void => {
  if (!Predicate.isObject(options)) throw new RangeError(`${Formatter.format(options)} is not an object of options`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`${unknown}: no such option. Options are ${known.join(", ")}`)
}
