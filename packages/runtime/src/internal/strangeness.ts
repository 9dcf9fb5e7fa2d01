/** Options that are none, and options of which a value is not what they take. */
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

/** Whoever has no types may give one address, as a text, or what is no address, where a list of them is expected. */
export const isTexts = (contacts: unknown): boolean => Array.isArray(contacts) && contacts.every(Predicate.isString)

/** Of each option there is, what is expected of a value, if it is not that. */
export type Checks<Options> = {
  readonly [Option in keyof Options]-?: (value: Options[Option]) => string | undefined
}

/** What is expected of a value, if it is not that. What is not there has its default. */
export const unless =
  <A>(holds: (value: A) => boolean, expected: string) =>
  (value: A | undefined): string | undefined =>
    value === undefined || holds(value) ? undefined : `expected ${expected}`

/** Finds the first fault of options by themselves. */
export const checkerOf = <Options extends object>(
  checks: Checks<Options>
): ((options: Options) => Fault | undefined) => {
  const isOption = (name: string): name is keyof Options & string => Object.hasOwn(checks, name)
  const names = Object.keys(checks).filter(isOption)
  const faultIn = <Option extends keyof Options & string>(options: Options, option: Option): Fault | undefined => {
    const value = options[option]
    const expected = checks[option](value)
    return expected === undefined ? undefined : { option, value, expected }
  }
  return (options) => {
    const strange = strangeness(options, names)
    if (strange !== undefined) return strange
    for (const option of names) {
      const fault = faultIn(options, option)
      if (fault !== undefined) return fault
    }
    return undefined
  }
}
