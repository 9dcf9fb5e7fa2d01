/**
 * `hyparview node`: one live node of a cluster.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Struct from "effect/Struct"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { defaults, type Field, fields, flagOf, type Key, variableOf } from "./node/fields.ts"
import { live } from "./node/live.ts"
import { fileVariable, merge } from "./node/sources.ts"
import * as Telemetry from "./node/telemetry.ts"

/** The flag of a setting: text, checked later together with what comes from elsewhere. */
const flagFor = ({ description, isRepeatable, metavar }: Field, key: Key) => {
  const text = Flag.String(flagOf(key))
  const given = isRepeatable === true ? Flag.map(Flag.atLeast(text, 0), joined) : Flag.optional(text)
  return given.pipe(Flag.withMetavar(metavar), Flag.withDescription(`${description} (${variableOf(key)})`))
}

const joined = (texts: ReadonlyArray<string>): Option.Option<string> =>
  texts.length === 0 ? Option.none() : Option.some(texts.join(","))

/** The level of the log is a flag of every command, which the framework reads. */
const own: Readonly<Record<Exclude<Key, "logLevel">, Field>> = Struct.omit(fields, ["logLevel"])

const flags = {
  ...Record.map(own, flagFor),
  config: Flag.String("config").pipe(
    Flag.optional,
    Flag.withMetavar("FILE"),
    Flag.withDescription(`A JSON file with any of these settings (${fileVariable})`)
  )
}

const handle = Effect.fnUntraced(function* ({ config, ...others }: Command.Command.Config.Infer<typeof flags>) {
  // Here it is in small letters; the framework has checked it, and knows more names for the levels.
  const logLevel = Option.map(yield* GlobalFlag.LogLevel, (level) => level.toLowerCase())
  const given = Record.getSomes({ ...others, logLevel })
  const { settings, unknownVariables } = yield* merge(given, Option.getOrUndefined(config))
  return yield* Effect.gen(function* () {
    if (unknownVariables.length > 0) yield* Effect.logWarning("unknown environment variables", unknownVariables)
    yield* live(settings)
  }).pipe(Effect.provide(Telemetry.layer(settings)))
})

/**
 * @category commands
 * @since 0.1.0
 */
export const node = Command.make("node", flags, handle).pipe(
  Command.withShortDescription("Run one live node of a cluster"),
  Command.withDescription(
    [
      "Runs one node of a cluster, until Ctrl-C, SIGTERM or SIGHUP: then it says goodbye to its neighbours and exits 0, within 10",
      "seconds whatever they do; a second signal stops it at once.",
      "",
      "Every setting can be given as a flag, as the environment variable named beside it, or as a field of a JSON file, named",
      "like the flag, but in camel case (clusterSize, adminToken). A flag overrides a variable, a variable the file:",
      "",
      `  { "id": "node-b", "listen": "10.0.0.2:7946", "contacts": ["10.0.0.1:7946", "10.0.0.3:7946"], "logFormat": "json" }`,
      "",
      `The log level is --log-level, ${variableOf("logLevel")} or "logLevel". An empty variable is ignored.`,
      `Unless set: cluster ${defaults.cluster}, listen ${defaults.listen}. A first node has no contacts and waits for others.`,
      "With --data a node finds its way back to the peers that it knew even if it is given no contacts, and is known as a new",
      "start of the same node even if its clock was set back.",
      "",
      "With --admin it serves GET /healthz, /readyz, /metrics (Prometheus), /view, /events and /messages?topic=T (both",
      "server-sent), and POST /publish?topic=T. Beyond loopback that needs a token, which requests carry as `Authorization: Bearer TOKEN`.",
      "",
      "With --tls-cert, --tls-key and --tls-ca links are mutual TLS 1.3: both ends have a certificate of the cluster's own",
      "authority, and a node is who its certificate says. The files are read again when they change. Without them, links",
      "are neither authenticated nor encrypted: keep them to networks that you trust.",
      "",
      "Exit codes: 0 it has left; 1 it failed while it ran (another process uses its id), or could not leave in time; 2 bad",
      "input, nothing was started; 3 it could not start (a port in use); 129, 130 and 143 interrupted before it was up."
    ].join("\n  ")
  ),
  Command.withExamples(({ commandPath }) => {
    const name = commandPath.join(" ")
    const pem = (file: string) => `/etc/hyparview/${file}.pem`
    return [
      { command: `${name} --id node-a`, description: "A first node on this machine, at 127.0.0.1:7946" },
      {
        command: `${name} --id node-b --listen 127.0.0.1:0 --contacts 127.0.0.1:7946 --admin 127.0.0.1:9464`,
        description: "A second one that joins it, with health, metrics and the rest on port 9464"
      },
      {
        command: `${name} --id node-c --cluster example --listen 0.0.0.0:7946 --advertise 10.0.0.3:7946 --contacts 10.0.0.1:7946,10.0.0.2:7946 --data /var/lib/hyparview`,
        description: "A node of a cluster of machines, which remembers its peers over restarts"
      },
      {
        command: `${name} --id node-d --contacts 10.0.0.1:7946 --listen 10.0.0.4:7946 --tls-cert ${pem("node-d")} --tls-key ${pem("node-d-key")} --tls-ca ${pem("ca")}`,
        description: "A node of a secured cluster"
      },
      {
        command: `HYPARVIEW_ADMIN_TOKEN=$(cat token) ${name} --config node.json --admin 0.0.0.0:9464`,
        description: "Settings from a file, and an admin side that other machines may use with a token"
      },
      {
        command: `curl -N http://127.0.0.1:9464/events; curl --data-binary @message "http://127.0.0.1:9464/publish?topic=news"`,
        description: "What happens to its neighbours, as it happens; and a broadcast"
      }
    ]
  })
)
