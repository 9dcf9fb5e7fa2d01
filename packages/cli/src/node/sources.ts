/**
 * Where a live node's settings come from: flags before environment variables before the file before the defaults. What is
 * wrong is said with the field and the source that it stands in, all of it at once.
 */
import { HyParView, Plumtree } from "@hyparview/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isLoopback } from "../admin/guard.ts"
import { badInput } from "../internal/failures.ts"
import { systemMessageOf } from "../internal/systemErrors.ts"
import { defaults, fields, flagOf, isKey, type Key, keys, Settings, variableOf } from "./fields.ts"
import * as Address from "@hyparview/transport-tcp/Address"

/** The process's environment, unless a test has another. */
export const Environment = Context.Reference<Readonly<Record<string, string | undefined>>>(
  "@hyparview/cli/Environment",
  { defaultValue: () => process.env }
)

/** The variable that names the file. */
export const fileVariable = "HYPARVIEW_CONFIG"

/** A larger file is not a node's settings. In bytes. */
const maxFileBytes = 1_048_576

/** A value as it was given, and where: `--listen`, `HYPARVIEW_LISTEN`, `node.json: listen`. */
interface Given {
  readonly value: unknown
  readonly where: string
}

type Source = ReadonlyMap<Key, Given>

/** The settings, and variables that look like some and are none. */
export interface Merged {
  readonly settings: Settings
  readonly unknownVariables: ReadonlyArray<string>
}

const asJson = (key: Key, text: string): unknown => fields[key].fromText?.(text) ?? text

const fromFlags = (flags: Readonly<Partial<Record<Key, string>>>): Source =>
  new Map(
    keys.flatMap((key) => {
      const text = flags[key]
      return text === undefined ? [] : [[key, { value: asJson(key, text), where: `--${flagOf(key)}` }] as const]
    })
  )

/** An empty variable is none: that is how a script unsets one. */
const fromEnvironment = (environment: Readonly<Record<string, string | undefined>>): Source =>
  new Map(
    keys.flatMap((key) => {
      const where = variableOf(key)
      const text = environment[where]
      return text === undefined || text === "" ? [] : [[key, { value: asJson(key, text), where }] as const]
    })
  )

const parseJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

const fromFile = Effect.fnUntraced(function* (file: string, where: string) {
  const files = yield* FileSystem.FileSystem
  const wrong = (detail: string) => Effect.fail(`${where} ${file}: ${detail}`)
  const cannot = Effect.mapError((error: Error) => `${where} ${file}: cannot be read: ${systemMessageOf(error)}`)
  const { size } = yield* cannot(files.stat(file))
  if (Number(size) > maxFileBytes) return yield* wrong(`${size} bytes are more than ${maxFileBytes}`)
  const parsed = parseJson(yield* cannot(files.readFileString(file)))
  if (Result.isFailure(parsed)) return yield* wrong("it is not JSON")
  const content = parsed.success
  if (!Predicate.isReadonlyObject(content)) return yield* wrong("it does not hold an object")
  const unknown = Object.keys(content).filter((name) => !isKey(name))
  if (unknown.length > 0) {
    return yield* wrong(`no such field: ${unknown.map(quoted).join(", ")}. Fields are ${keys.join(", ")}`)
  }
  return new Map(
    keys.flatMap((key) => {
      const value = content[key]
      return value === undefined ? [] : [[key, { value, where: `${file}: ${key}` }] as const]
    })
  )
})

/** Not by `JSON.stringify`, which fails of what is nested some thousand deep. */
const quoted = (value: unknown): string => shortened(Formatter.format(value))

const shortened = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text)

const faultIn = (key: Key, { value, where }: Given): string | undefined => {
  const { expected, isSecret } = fields[key]
  if (Result.isSuccess(decodeField(key, value))) return undefined
  return `${where}: ${isSecret === true ? "a value that is not shown here" : quoted(culprit(key, value))}. Expected: ${expected}`
}

/** What is wrong: of a list with one wrong value, that one; with several, those. */
const culprit = (key: Key, value: unknown): unknown => {
  if (!Array.isArray(value)) return value
  const wrong = value.filter((each: unknown) => Result.isFailure(decodeField(key, [each])))
  if (wrong.length === 0) return value
  return wrong.length === 1 ? wrong[0] : wrong
}

const decodeField = (key: Key, value: unknown) => Schema.decodeUnknownResult(Settings.fields[key])(value)

/** What the core says of parameters. */
const parameterFault = ({ expected, field, value }: HyParView.ConfigError | Plumtree.ConfigError): string =>
  `${shortened(field)} is ${quoted(value)}: ${expected}`

/** The parameters that are none, or out of their bounds: the membership's depend on the cluster's size. */
const parameterFaults = (
  { broadcast, clusterSize, membership }: Settings,
  where: (key: Key) => string
): ReadonlyArray<string> => {
  const views = HyParView.forClusterSize(clusterSize, membership)
  const spread = Plumtree.makeConfig(broadcast)
  return [
    ...(Result.isFailure(views) ? [`${where("membership")}: ${parameterFault(views.failure)}`] : []),
    ...(Result.isFailure(spread) ? [`${where("broadcast")}: ${parameterFault(spread.failure)}`] : [])
  ]
}

/** What no field can know by itself. `where` names the source of a field. */
const contradiction = (settings: Settings, where: (key: Key) => string): string | undefined => {
  const { admin, adminToken, advertise, listen } = settings
  if (isEverywhere(listen) && advertise === undefined) {
    return `${where("listen")} ${listen} means every address of the machine, and is not one that others could dial: add --advertise HOST:PORT`
  }
  if (advertise !== undefined && isEverywhere(advertise)) {
    return `${where("advertise")} ${advertise} is not an address that others could dial`
  }
  const tls: ReadonlyArray<Key> = ["tlsCert", "tlsKey", "tlsCa"]
  const absent = tls.filter((key) => settings[key] === undefined)
  const [present] = tls.filter((key) => settings[key] !== undefined)
  if (present !== undefined && absent.length > 0) {
    return `${where(present)} is not enough for TLS: add ${absent.map((key) => `--${flagOf(key)}`).join(" and ")}`
  }
  if (admin === undefined && adminToken !== undefined) {
    return `${where("adminToken")} is for an admin server, and there is none: add --admin HOST:PORT`
  }
  if (admin !== undefined && adminToken === undefined && !isLoopback(hostOf(admin))) {
    return `${where("admin")} ${admin} can be reached by other machines: give a token by HYPARVIEW_ADMIN_TOKEN, or use 127.0.0.1`
  }
  return undefined
}

const hostOf = (address: string): string => Result.getOrThrow(Address.parse(address)).host

const isEverywhere = (address: string): boolean => Address.isWildcard(hostOf(address))

/** Shown two columns in. */
const refused = (faults: ReadonlyArray<string>) => badInput(`${faults.join("\n  ")}\n\nSee hyparview node --help.`)

const missing = (key: Key): string =>
  `no ${key}: give --${flagOf(key)}, ${variableOf(key)}, or "${key}" in a configuration file`

/** Flags as they were given; `config` names the file. */
export const merge = Effect.fnUntraced(function* (
  flags: Readonly<Partial<Record<Key, string>>>,
  config: string | undefined
) {
  const environment = yield* Environment
  const variable = environment[fileVariable]
  const file = config ?? (variable === "" ? undefined : variable)
  const fileSource: Source =
    file === undefined
      ? new Map()
      : yield* fromFile(file, config === undefined ? fileVariable : "--config").pipe(
          Effect.mapError((fault) => refused([fault]))
        )
  const sources = [fileSource, fromEnvironment(environment), fromFlags(flags)]
  const faults = sources.flatMap((source) => [...source].flatMap(([key, given]) => faultIn(key, given) ?? []))
  const given = new Map(sources.flatMap((source) => [...source]))
  if (!given.has("id")) faults.push(missing("id"))
  if (faults.length > 0) return yield* refused(faults)
  const values = Object.fromEntries([...given].map(([key, { value }]) => [key, value]))
  const settings = yield* Schema.decodeUnknownEffect(Settings)({ ...defaults, ...values }).pipe(
    Effect.mapError((error) => refused([error.message]))
  )
  const where = (key: Key): string => given.get(key)?.where ?? `${key} (its default)`
  const contradicted = contradiction(settings, where)
  const others = [...parameterFaults(settings, where), ...(contradicted === undefined ? [] : [contradicted])]
  if (others.length > 0) return yield* refused(others)
  const known = new Set([fileVariable, ...keys.map(variableOf)])
  const unknownVariables = Object.keys(environment).filter((name) => name.startsWith("HYPARVIEW_") && !known.has(name))
  return { settings, unknownVariables } satisfies Merged
})
