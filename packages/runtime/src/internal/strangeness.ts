/** Options that are none. */
import * as Predicate from "effect/Predicate"

/** What is wrong with an option. */
export interface Fault {
  readonly option: string
  readonly value: unknown
  readonly expected: string
}

/** The fault of what is no object, or has an option of a name that there is none of; whoever has no types may give either. */
export const strangeness = (options: unknown, names: ReadonlyArray<string>): Fault | undefined => {
  if (!Predicate.isObject(options))
    return { option: "options", value: options, expected: "expected an object of options" }
  const stranger = Object.keys(options).find((name) => !names.includes(name))
  return stranger === undefined
    ? undefined
    : { option: stranger, value: options[stranger], expected: `no such option. Options are ${names.join(", ")}` }
}
