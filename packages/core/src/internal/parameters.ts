/** What the parameters of the membership and of the broadcast have in common: how they override defaults, and what is none. */

/** What is wrong with a parameter. */
export interface Fault {
  readonly field: string
  readonly value: unknown
  readonly expected: string
}

/** Whoever has no types may give anything in a configuration's place. */
const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The fault of what is no object, or has a parameter of a name that there is none of. */
export const strangeness = (config: unknown, names: ReadonlyArray<string>): Fault | undefined => {
  if (!isRecord(config)) return { field: "config", value: config, expected: "expected an object of parameters" }
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
