/**
 * Discovery by DNS: the nodes of a cluster stand behind one name, as A/AAAA records (every node listens on the same
 * port) or as SRV records (each with a port of its own). It stands on Effect's DNS service, which is experimental in
 * 4.1, so this adapter is an entry point of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import { Dns, NetAddress } from "effect/net"
import { Discovery, DiscoveryError } from "./Discovery.ts"

/**
 * What to look up.
 *
 * - `addresses`: A and AAAA records of `name`, with this port. A name may have records of only one kind.
 * - `services`: SRV records of `name` (`_hyparview._tcp.example.com`); target and port come from the record. They are listed by
 *   priority, the lowest first, but a node asks its contacts in random order; the weight is ignored.
 *
 * @category models
 * @since 0.1.0
 */
export type Query =
  | { readonly kind: "addresses"; readonly name: string; readonly port: number }
  | { readonly kind: "services"; readonly name: string }

/**
 * Contacts from DNS, looked up anew each time the node asks. A name that does not exist, or has no records, yields no
 * contacts, and is warned of once for each time that it comes to be so; a resolver that fails is a `DiscoveryError`, and the
 * node asks again later.
 *
 * @example
 * ```ts
 * import { NodeDns } from "@effect/platform-node"
 * import * as DiscoveryDns from "@hyparview/runtime/DiscoveryDns"
 * import { Layer } from "effect"
 *
 * const FromDns = DiscoveryDns.layer({ kind: "services", name: "_hyparview._tcp.example.com" }).pipe(
 *   Layer.provide(NodeDns.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (query: Query): Layer.Layer<Discovery, never, Dns.Dns> =>
  Layer.effect(
    Discovery,
    Effect.gen(function* () {
      const dns = yield* Dns.Dns
      switch (query.kind) {
        case "services":
          return { contacts: warned(query, services(dns, query.name)) }
        case "addresses":
          return { contacts: warned(query, addresses(dns, query.name, query.port)) }
        default:
          // Whoever has no types would otherwise have addresses without a port.
          return yield* Effect.die(new RangeError(`query is ${Formatter.format(query)}: kind is addresses or services`))
      }
    })
  )

/** A name that is misspelt looks like that of a cluster whose first node this is: somebody should be told. */
const warned = (query: Query, found: ReturnType<typeof services>): ReturnType<typeof services> => {
  let wasEmpty = false
  return Effect.tap(found, (contacts) => {
    const isNew = contacts.length === 0 && !wasEmpty
    wasEmpty = contacts.length === 0
    return isNew
      ? Effect.logWarning("DNS names no contacts: the name has no such records, or there is none", query)
      : Effect.void
  })
}

/** A failed query of one kind; a name without records of that kind is none. */
const orNone = <A>(records: Effect.Effect<ReadonlyArray<A>, Dns.DnsError>) =>
  Effect.catchTag(records, "DnsError", (error) =>
    error.reason === "NotFound" ? Effect.succeed<ReadonlyArray<A>>([]) : Effect.fail(error)
  )

const described = Effect.mapError((error: Dns.DnsError) => new DiscoveryError({ detail: error.message }))

const services = (dns: Dns.Dns["Service"], name: string) =>
  orNone(dns.resolve(name, "SRV")).pipe(
    Effect.map((records) =>
      records
        // The root as a target says that there is no such service (RFC 2782).
        .filter(({ target }) => target !== ".")
        .toSorted((a, b) => a.priority - b.priority)
        .map(({ port, target }) => `${target.replace(/\.$/, "")}:${port}`)
    ),
    described
  )

const addresses = (dns: Dns.Dns["Service"], name: string, port: number) =>
  Effect.all([orNone(dns.resolve(name, "A")), orNone(dns.resolve(name, "AAAA"))], { concurrency: 2 }).pipe(
    Effect.map(([four, six]) => [
      ...four.map(({ address }) => `${NetAddress.formatIp(address)}:${port}`),
      ...six.map(({ address }) => `[${NetAddress.formatIp(address)}]:${port}`)
    ]),
    described
  )
