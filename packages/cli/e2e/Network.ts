/**
 * Hosts on this machine: network namespaces, each with one link to a namespace in the middle, the hub. What happens on the
 * way between two hosts happens in the hub:
 *
 *     host 1 ── wan ═══ host1 ─┐
 *     host 2 ── wan ═══ host2 ─┤ hub   loss and cuts: rules of nft, on every packet that arrives
 *       …                     …┘       delay and jitter: `tc netem` on the way out, or `relay.ts`
 *
 * With netem the hub is a router, and nodes listen on the addresses of the links (198.18.H.2). Where the kernel has none,
 * the hosts have a second device (`overlay`, 198.19.0.H) whose packets travel to the relay inside datagrams (VXLAN); the
 * rules of the hub meet one datagram for each packet, so that loss and cuts are the same.
 *
 * Nothing but the namespaces is touched, and they end with the scope. The names of a run hold its process id: what a run
 * has left that was killed, the next one removes. Needs root, iproute2 and nftables.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { CannotRun, type Command, hasWritten, run, start } from "./Processes.ts"

/** What packets suffer on the way from one host to another. */
export interface Weather {
  readonly delayMillis: number
  /** Up to so much more or less. Packets overtake each other. */
  readonly jitterMillis: number
  /** How many of 1,000 packets are lost. */
  readonly lostPerMille: number
}

export interface Host {
  /** From 1. */
  readonly number: number
  /** At which nodes on other hosts reach those on this one. */
  readonly address: string
  /** A program, run there. It does not outlive this process. */
  readonly there: (command: Command) => Command
}

export class Network extends Context.Service<
  Network,
  {
    readonly hosts: ReadonlyArray<Host>
    /** By what packets are delayed. */
    readonly delayedBy: "netem" | "relay"
    /** From now on every packet from and to the host is lost, without a word to its sender. */
    readonly cut: (host: Host) => Effect.Effect<void, CannotRun>
    readonly heal: (host: Host) => Effect.Effect<void, CannotRun>
    /** Packets that were lost by the weather and in cuts, since the beginning. */
    readonly losses: Effect.Effect<{ readonly byWeather: number; readonly byCut: number }, CannotRun>
  }
>()("Network") {}

const prefix = "hyparview"
const relayPort = 4_789

/** Less than what an Ethernet packet holds, by what VXLAN adds. */
const overlayBytes = 1_400

const hardwareAddress = (host: number): string => `02:00:00:00:00:${host.toString(16).padStart(2, "0")}`

const lines = (...parts: ReadonlyArray<string>): string => `${parts.join("\n")}\n`

const ip = (namespace: string, ...commands: ReadonlyArray<string>) =>
  run(["ip", "-netns", namespace, "-batch", "-"], { input: lines(...commands) })

/** A namespace for as long as the scope is open. */
const namespace = (name: string) =>
  Effect.acquireRelease(run(["ip", "netns", "add", name]), () => Effect.ignore(run(["ip", "netns", "delete", name])))

/** What a run has left that could not clean up: its process is gone. */
const removeLeftovers = Effect.gen(function* () {
  const names = (yield* run(["ip", "netns", "list"])).split("\n").map((line) => line.split(" ")[0] ?? "")
  for (const name of names) {
    const [, pid] = new RegExp(`^${prefix}-(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) yield* run(["ip", "netns", "delete", name])
  }
})

/** Whatever is for the hub or goes on through it arrives first, and once. */
const rules = ({ lostPerMille }: Weather): string =>
  lines(
    "table inet weather {",
    "  counter lost { }",
    "  counter severed { }",
    "  set cut { type ifname; }",
    "  chain arrivals {",
    "    type filter hook prerouting priority raw; policy accept;",
    "    iifname @cut counter name severed drop",
    `    iifname "host*" numgen random mod 1000 < ${lostPerMille} counter name lost drop`,
    "  }",
    "  chain departures {",
    "    type filter hook postrouting priority 300; policy accept;",
    "    oifname @cut counter name severed drop",
    "  }",
    "}"
  )

const Counters = Schema.fromJsonString(
  Schema.Struct({
    nftables: Schema.Array(
      Schema.Struct({ counter: Schema.optionalKey(Schema.Struct({ name: Schema.String, packets: Schema.Int })) })
    )
  })
)

/** Hosts that route through the hub, each of whose ways out takes its time. */
const delayByNetem = Effect.fnUntraced(function* (
  hub: string,
  names: ReadonlyArray<string>,
  { delayMillis, jitterMillis }: Weather
) {
  yield* run(["ip", "netns", "exec", hub, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
  for (const [index, name] of names.entries()) {
    const device = `host${index + 1}`
    const netem = ["netem", "delay", `${delayMillis}ms`, `${jitterMillis}ms`, "limit", "20000"]
    yield* run(["tc", "-netns", hub, "qdisc", "add", "dev", device, "root", ...netem])
    yield* ip(name, `route add default via 198.18.${index + 1}.1`)
  }
  return names.map((_, index) => `198.18.${index + 1}.2`)
})

/** Hosts whose packets the relay keeps for a while. */
const delayByRelay = Effect.fnUntraced(function* (
  hub: string,
  names: ReadonlyArray<string>,
  { delayMillis, jitterMillis }: Weather
) {
  const numbers = names.map((_, index) => index + 1)
  for (const [index, name] of names.entries()) {
    const number = index + 1
    const own = `remote 198.18.${number}.1 local 198.18.${number}.2 dstport ${relayPort}`
    yield* ip(
      name,
      `link add overlay address ${hardwareAddress(number)} mtu ${overlayBytes} type vxlan id 1 ${own} nolearning`,
      // One packet is one datagram: large ones are not left for a network card to split.
      "link set overlay gso_max_segs 1",
      `address add 198.19.0.${number}/24 dev overlay`,
      "link set overlay up",
      // Who has which address need not be asked.
      ...numbers
        .filter((other) => other !== number)
        .map((other) => `neigh add 198.19.0.${other} lladdr ${hardwareAddress(other)} nud permanent dev overlay`)
    )
  }
  const hosts = numbers.map((number) => `198.18.${number}.2`)
  const relay = join(import.meta.dirname, "relay.ts")
  const distance = JSON.stringify({ hosts, port: relayPort, delayMillis, jitterMillis })
  const running = yield* start(["ip", "netns", "exec", hub, process.execPath, relay, distance])
  yield* hasWritten(running, "carried")
  return numbers.map((number) => `198.19.0.${number}`)
})

const make = Effect.fnUntraced(function* (count: number, weather: Weather) {
  yield* removeLeftovers
  const common = `${prefix}-${process.pid}-${randomBytes(3).toString("hex")}`
  const hub = yield* Effect.as(namespace(`${common}-hub`), `${common}-hub`)
  const names = Array.from({ length: count }, (_, index) => `${common}-${index + 1}`)
  yield* Effect.forEach(names, namespace, { discard: true })
  yield* ip(
    hub,
    "link set lo up",
    ...names.flatMap((name, index) => [
      `link add host${index + 1} type veth peer name wan netns ${name}`,
      `address add 198.18.${index + 1}.1/24 dev host${index + 1}`,
      `link set host${index + 1} up`
    ])
  )
  for (const [index, name] of names.entries()) {
    yield* ip(name, "link set lo up", `address add 198.18.${index + 1}.2/24 dev wan`, "link set wan up")
  }
  const nft = (input: string) => run(["ip", "netns", "exec", hub, "nft", "-f", "-"], { input })
  yield* nft(rules(weather))
  const hasNetem = yield* run(["tc", "-netns", hub, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "0ms"]).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )
  const addresses = yield* (hasNetem ? delayByNetem : delayByRelay)(hub, names, weather)
  const hosts = names.map((name, index): Host => {
    const there = ["ip", "netns", "exec", name, "setpriv", "--pdeathsig", "KILL"] as const
    return { number: index + 1, address: addresses[index] ?? "", there: (command) => [...there, ...command] }
  })
  const change = (verb: "add" | "delete") => (host: Host) =>
    Effect.asVoid(nft(`${verb} element inet weather cut { "host${host.number}" }\n`))
  return Network.of({
    hosts,
    delayedBy: hasNetem ? "netem" : "relay",
    cut: change("add"),
    heal: change("delete"),
    losses: Effect.gen(function* () {
      const listed = yield* run(["ip", "netns", "exec", hub, "nft", "--json", "list", "counters"])
      const { nftables } = yield* Schema.decodeEffect(Counters)(listed).pipe(
        Effect.mapError(({ message }) => new CannotRun({ detail: `nft list counters: ${message}` }))
      )
      const packets = (name: string) => nftables.find(({ counter }) => counter?.name === name)?.counter?.packets ?? 0
      return { byWeather: packets("lost"), byCut: packets("severed") }
    })
  })
})

/** So many hosts, and the weather between them. */
export const layer = (count: number, weather: Weather): Layer.Layer<Network, CannotRun> =>
  Layer.effect(Network, make(count, weather))
