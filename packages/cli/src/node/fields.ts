/**
 * The settings of a live node, each in one place: its name as a flag, an environment variable and a field of the file, what
 * it may be, and what it means. Everything else is derived: flags, help, merging, messages.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import type * as Plumtree from "@hyparview/core/Plumtree"
import * as Wire from "@hyparview/core/Wire"
import * as Address from "@hyparview/transport-tcp/Address"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const satisfying = <A>(holds: (value: A) => boolean) => Schema.makeFilter<A>((value) => holds(value))

const Name = Schema.String.check(satisfying(Wire.isName))
const HostPort = Schema.String.check(satisfying((text) => Result.isSuccess(Address.parse(text))))
const Dialable = HostPort.check(satisfying((text) => !text.endsWith(":0")))
const WebUrl = Schema.String.check(satisfying((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? "")))

/** Redacted from where it is checked on: no dump of the settings, no log and no error shows it. */
const secret = <S extends Schema.Constraint>(schema: S) => Schema.RedactedFromValue(schema, { disallowEncode: true })

/** Parameters of a protocol that differ from their defaults. Which there are, and within what bounds, the core knows, and checks. */
const parameters = <Override extends object>() =>
  Schema.declare((value): value is Override => Predicate.isReadonlyObject(value))

/** As many contacts as make sense: a node keeps 16, and one that is up is enough. */
const mostContacts = 256

/** The settings, as the configuration file holds them. The one schema of all sources. */
export const Settings = Schema.Struct({
  id: Name,
  cluster: Name,
  listen: HostPort,
  advertise: Schema.optionalKey(Dialable),
  contacts: Schema.Array(Dialable).check(Schema.isMaxLength(mostContacts)),
  clusterSize: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })),
  membership: Schema.optionalKey(parameters<HyParView.Override>()),
  broadcast: Schema.optionalKey(parameters<Plumtree.Override>()),
  tlsCert: Schema.optionalKey(Schema.NonEmptyString),
  tlsKey: Schema.optionalKey(secret(Schema.NonEmptyString)),
  tlsCa: Schema.optionalKey(Schema.NonEmptyString),
  data: Schema.optionalKey(Schema.NonEmptyString),
  admin: Schema.optionalKey(HostPort),
  adminToken: Schema.optionalKey(secret(Schema.String.check(Schema.isPattern(/^[!-~]{16,1024}$/)))),
  otlp: Schema.optionalKey(WebUrl),
  logFormat: Schema.Literals(["pretty", "json", "logfmt"]),
  logLevel: Schema.Literals(["all", "trace", "debug", "info", "warn", "error", "fatal", "none"])
})

export type Settings = typeof Settings.Type

export type Key = keyof Settings

export interface Field {
  readonly metavar: string
  readonly description: string
  /** What it may be, for whoever gave something else. */
  readonly expected: string
  /** What flags and variables hold is text: as the file would have it. */
  readonly fromText?: (text: string) => unknown
  /** Its flag may be given several times: what they hold is joined by commas. */
  readonly isRepeatable?: true
  /** It is not shown, not even if it is wrong. */
  readonly isSecret?: true
}

/** Several in one text, by commas. */
const listOf = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")

/** What is no JSON stays the text that it is. */
const jsonOf = (text: string): unknown =>
  Result.getOrElse(Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))(text), () => text)

const hostPort = "HOST:PORT, an IPv6 address in brackets"

export const fields: Readonly<Record<Key, Field>> = {
  id: {
    metavar: "ID",
    description: "The node's permanent name: unique in the cluster, and the same after a restart. Required",
    expected: "1 to 255 bytes of UTF-8"
  },
  cluster: {
    metavar: "NAME",
    description: "The cluster's name; nodes of another are refused. Default: default",
    expected: "1 to 255 bytes of UTF-8"
  },
  listen: {
    metavar: "HOST:PORT",
    description: "Where to listen for other nodes; port 0 is any free one. Default: 127.0.0.1:7946",
    expected: hostPort
  },
  advertise: {
    metavar: "HOST:PORT",
    description: "Where others can dial this node. Default: where it listens",
    expected: `${hostPort}, the port not 0`
  },
  contacts: {
    metavar: "HOST:PORT,…",
    description: "Nodes through which to join, separated by commas, or one per flag. None: this is a first node",
    expected: `up to ${mostContacts} of ${hostPort}, the port not 0`,
    fromText: listOf,
    isRepeatable: true
  },
  clusterSize: {
    metavar: "N",
    description: "The largest size expected, from which the views are sized. Default: 10000",
    expected: "a whole number from 1 to 1000000000",
    fromText: (text) => (/^\d+$/.test(text) ? Number(text) : text)
  },
  membership: {
    metavar: "JSON",
    description: `Parameters of the membership in place of their defaults, e.g. {"ageWeight":0.5}. A thicket wants {"activeSize":25}, of fewer than 75 nodes a third of their number`,
    expected: "an object of parameters, in JSON",
    fromText: jsonOf
  },
  broadcast: {
    metavar: "JSON",
    description: `Parameters of the broadcast in place of their defaults, e.g. {"retainedMillis":600000}. All nodes should have the same strategy, trees and treesCount`,
    expected: "an object of parameters, in JSON",
    fromText: jsonOf
  },
  tlsCert: {
    metavar: "PEM",
    description:
      "The file with the node's certificate, which names cluster and id: links are then mutual TLS. Default: none",
    expected: "the path of a PEM file, or its text"
  },
  tlsKey: {
    metavar: "PEM",
    description: "The file with that certificate's key",
    expected: "the path of a PEM file, or its text",
    isSecret: true
  },
  tlsCa: {
    metavar: "PEM",
    description: "The file with the certificate of the cluster's own authority: whoever it has signed is a member",
    expected: "the path of a PEM file, or its text"
  },
  data: {
    metavar: "DIR",
    description:
      "A folder of this node alone, in which its epoch and known peers are kept over restarts. Default: none",
    expected: "the path of a folder"
  },
  admin: {
    metavar: "HOST:PORT",
    description: "Where to serve health, metrics, view, events and publish over HTTP. Default: nowhere",
    expected: hostPort
  },
  adminToken: {
    metavar: "TOKEN",
    description:
      "What admin requests must carry, 16 to 1024 visible ASCII characters. Needed beyond loopback. Others may see a flag: prefer the variable or the file",
    expected: "16 to 1024 visible ASCII characters",
    isSecret: true
  },
  otlp: {
    metavar: "URL",
    description: "Export traces, metrics and logs by OTLP over HTTP, as JSON, to this base, e.g. http://127.0.0.1:4318",
    expected: "a URL that begins with http:// or https://"
  },
  logFormat: {
    metavar: "FORMAT",
    description: "pretty, json or logfmt. Default: pretty",
    expected: "pretty, json or logfmt"
  },
  logLevel: {
    metavar: "LEVEL",
    description: "From which level on to log. Default: info",
    expected: "all, trace, debug, info, warn, error, fatal or none"
  }
}

export const isKey = (name: string): name is Key => Object.hasOwn(fields, name)

export const keys: ReadonlyArray<Key> = Object.keys(fields).filter(isKey)

/** What holds where nobody has said anything. */
export const defaults = {
  cluster: "default",
  listen: "127.0.0.1:7946",
  contacts: [],
  clusterSize: 10_000,
  logFormat: "pretty",
  logLevel: "info"
} as const satisfies Partial<Settings>

const words = (key: Key): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** `clusterSize` → `cluster-size`. */
export const flagOf = words

/** `clusterSize` → `HYPARVIEW_CLUSTER_SIZE`. */
export const variableOf = (key: Key): string => `HYPARVIEW_${words(key).replaceAll("-", "_").toUpperCase()}`
