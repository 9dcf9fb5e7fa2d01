/** `hyparview node`, several on each host, over mutual TLS; asked over their admin sides, and subscribed to. */
import { keyOf, MessageId } from "@hyparview/cluster/Control"
import { Effect, Schema } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { type IncomingMessage, request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Host } from "./Network.ts"
import { CannotRun, type Command, type Environment, hasWritten, run, type Running, start } from "./Processes.ts"

const main = join(import.meta.dirname, "../src/main.ts")
const door = join(import.meta.dirname, "door.ts")
const hyparview = [process.execPath, "--conditions=source", main] as const

const firstPort = 7_946
const firstAdminPort = 9_464
const cluster = "hosts"
const topic = "news"

const View = Schema.fromJsonString(
  Schema.Struct({
    self: Schema.Struct({ id: Schema.String }),
    status: Schema.String,
    active: Schema.Array(
      Schema.Struct({ peer: Schema.Struct({ id: Schema.String }), roundTripMillis: Schema.NullOr(Schema.Finite) })
    ),
    passive: Schema.Array(Schema.Struct({ id: Schema.String })),
    pending: Schema.Int
  })
)

/** What a node says of itself. */
export type View = typeof View.Type

const Published = Schema.fromJsonString(Schema.Struct({ id: MessageId }))
const Message = Schema.fromJsonString(Schema.Struct({ id: MessageId, payload: Schema.String }))

/** What one subscriber has been handed. */
export interface Inbox {
  /** Its texts, by the message's name: more than one is one too many. */
  readonly texts: ReadonlyMap<string, ReadonlyArray<string>>
  /** Events that are no message: `Lagged`, and the end of the stream. */
  readonly others: ReadonlyArray<string>
}

export interface LiveNode {
  readonly id: string
  readonly host: Host
  readonly view: Effect.Effect<View, CannotRun>
  /** The message's name. */
  readonly publish: (text: string) => Effect.Effect<string, CannotRun>
  readonly inbox: Inbox
  readonly process: Running
}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "hyparview-hosts-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A request to the loopback port behind a door. */
const open = (socketPath: string, path: string, body?: string) =>
  Effect.callback<IncomingMessage, CannotRun>((resume) => {
    const method = body === undefined ? "GET" : "POST"
    const sent = request({ socketPath, path, method, agent: false, headers: { host: "localhost" } }, (response) =>
      resume(Effect.succeed(response))
    )
    sent.on("error", ({ message }) => resume(Effect.fail(new CannotRun({ detail: `${method} ${path}: ${message}` }))))
    sent.end(body)
  })

const ask = Effect.fnUntraced(function* (socketPath: string, path: string, body?: string) {
  const response = yield* open(socketPath, path, body)
  const text = yield* Effect.callback<string>((resume) => {
    let all = ""
    response.setEncoding("utf8").on("data", (chunk: string) => (all += chunk))
    response.on("close", () => resume(Effect.succeed(all)))
  })
  if (response.statusCode !== 200) return yield* new CannotRun({ detail: `${path}: ${response.statusCode} ${text}` })
  return text
})

const decoded = <A>(schema: Schema.Codec<A, string>, text: string): Effect.Effect<A, CannotRun> =>
  Schema.decodeEffect(schema)(text).pipe(
    Effect.mapError(({ message }) => new CannotRun({ detail: `${message} in ${text.slice(0, 200)}` }))
  )

/** Follows the topic until the scope closes. */
const subscribe = Effect.fnUntraced(function* (socketPath: string) {
  const response = yield* Effect.acquireRelease(open(socketPath, `/messages?topic=${topic}`), (opened) =>
    Effect.sync(() => opened.destroy())
  )
  if (response.statusCode !== 200) return yield* new CannotRun({ detail: `/messages: ${response.statusCode}` })
  const texts = new Map<string, Array<string>>()
  const others: Array<string> = []
  const take = (event: string): void => {
    const [, data] = /^event: Message\ndata: (.*)$/.exec(event) ?? []
    if (data !== undefined) {
      const { id, payload } = Schema.decodeSync(Message)(data)
      const text = Buffer.from(payload, "base64").toString()
      texts.set(keyOf(id), [...(texts.get(keyOf(id)) ?? []), text])
    } else if (!event.startsWith(":")) others.push(event)
  }
  let partial = ""
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const events = (partial + chunk).split("\n\n")
    partial = events.pop() ?? ""
    events.forEach(take)
  })
  response.on("close", () => others.push("the stream has ended"))
  const inbox: Inbox = { texts, others }
  return inbox
})

/** An authority and a certificate for each node, made as a user makes them. */
const certify = Effect.fnUntraced(function* (directory: string, ids: ReadonlyArray<string>, environment: Environment) {
  yield* run([...hyparview, "certs", "init", "--dir", directory], { environment })
  const each = ids.flatMap((id) => ["--id", id])
  yield* run([...hyparview, "certs", "issue", "--dir", directory, "--cluster", cluster, ...each], { environment })
  return (id: string): ReadonlyArray<string> => {
    const file = (name: string): string => join(directory, id, name)
    return ["--tls-cert", file("cert.pem"), "--tls-key", file("key.pem"), "--tls-ca", file("ca.pem")]
  }
})

/**
 * So many nodes on each host, joining through the first nodes of the first two hosts, every one with a subscriber that
 * misses nothing from its start on. Ids are `host1-a`, `host1-b` and so on.
 */
export const startNodes = Effect.fnUntraced(function* (hosts: ReadonlyArray<Host>, perHost: number) {
  const directory = yield* folder
  const places = hosts.flatMap((host) =>
    Array.from({ length: perHost }, (_, index) => ({ id: `host${host.number}-${"abcdefghij"[index]}`, host, index }))
  )
  // Once compiled is enough for twenty processes: it halves the time until they listen.
  const environment = { NODE_COMPILE_CACHE: join(directory, "compiled") }
  const tlsOf = yield* certify(
    join(directory, "pki"),
    places.map(({ id }) => id),
    environment
  )
  const contacts = hosts.slice(0, 2).map(({ address }) => `${address}:${firstPort}`)
  const doorsOf = (host: Host): string => join(directory, String(host.number))
  yield* Effect.forEach(
    hosts,
    Effect.fnUntraced(function* (host) {
      mkdirSync(doorsOf(host))
      const ports = Array.from({ length: perHost }, (_, index) => String(firstAdminPort + index))
      const running = yield* start(host.there([process.execPath, door, doorsOf(host), ...ports]))
      yield* hasWritten(running, "open")
    }),
    { concurrency: "unbounded", discard: true }
  )
  return yield* Effect.forEach(
    places,
    Effect.fnUntraced(function* ({ host, id, index }) {
      const listen = `${host.address}:${firstPort + index}`
      const own = ["--id", id, "--cluster", cluster, "--listen", listen, "--log-format", "json", ...tlsOf(id)]
      const others = contacts.filter((contact) => contact !== listen).join(",")
      const admin = `127.0.0.1:${firstAdminPort + index}`
      const command: Command = [...hyparview, "node", ...own, "--contacts", others, "--admin", admin]
      const running = yield* start(host.there(command), environment)
      yield* hasWritten(running, "listening")
      const socketPath = join(doorsOf(host), String(firstAdminPort + index))
      const node: LiveNode = {
        id,
        host,
        process: running,
        view: Effect.flatMap(ask(socketPath, "/view"), (text) => decoded(View, text)),
        publish: (text) =>
          Effect.flatMap(ask(socketPath, `/publish?topic=${topic}`, text), (answer) =>
            Effect.map(decoded(Published, answer), ({ id: name }) => keyOf(name))
          ),
        inbox: yield* subscribe(socketPath)
      }
      return node
    }),
    // As many as the machine has processors load their modules at a time.
    { concurrency: 4 }
  )
})
