/** What the parameters of the membership and of the broadcast have in common: how they override defaults, and what is none. */
import * as Predicate from "effect/Predicate"

/** What is wrong with a parameter. */
export interface Fault {
  readonly field: string
  readonly value: unknown
  readonly expected: string
}

/** The fault of what is no object, or has a parameter of a name that there is none of. */
export const strangeness = (config: unknown, names: ReadonlyArray<string>): Fault | undefined => {
  if (!Predicate.isObject(config))
    return { field: "config", value: config, expected: "expected an object of parameters" }
  const stranger = Object.entries(config).find(([name]) => !names.includes(name))
  if (stranger === undefined) return undefined
  const [field, value] = stranger
  return { field, value, expected: `no such parameter. Parameters are ${names.join(", ")}` }
}

/** Any of the parameters. One that is undefined is as if it were not there: the default. */
export type Override<Config> = { readonly [Field in keyof Config]?: Config[Field] | undefined }

/** The defaults with what is overridden in its place. */
export const overridden = <Config extends object>(defaults: Config, override: Override<Config>): Config => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined))
})
