/**
 * Addresses of nodes on a TCP network, as text: `host:port`, with the host of an IPv6 address in brackets.
 *
 * Pure: nothing is looked up. A name that passes here may still not exist.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { isIPv4, isIPv6 } from "node:net"

/**
 * A host and a port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  /** An IPv4 address, an IPv6 address without brackets (a zone such as `%eth0` may follow), or a host name. */
  readonly host: string
  /** 0–65535. Port 0 means any free one: good for listening, not for dialling. */
  readonly port: number
}

/**
 * The text is not an address. Nothing was looked up and nothing was opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressError extends Data.TaggedError("AddressError")<{
  readonly text: string
  readonly detail: string
}> {
  override get message(): string {
    return `${JSON.stringify(this.text)} is not an address: ${this.detail}`
  }
}

/** What `Address` may hold at most: a name of 253 characters, brackets, a colon and five digits fit well. */
const maxTextLength = 320

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** Names of RFC 1123, and underscores, which networks of containers use. A name that ends in digits would be an IPv4. */
const isHostName = (host: string): boolean => {
  if (host.length > 253) return false
  const labels = (host.endsWith(".") ? host.slice(0, -1) : host).split(".")
  return labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1) ?? "")
}

/**
 * Whether the text is an IPv4 address, an IPv6 address without brackets, or a well-formed host name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHost = (host: string): boolean => isIPv4(host) || isIPv6(host) || isHostName(host)

/**
 * Whether the number can be a port: a whole number from 0 to 65535.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535

/**
 * Whether the host stands for all addresses of a machine, in whichever spelling: one can listen there, but nobody can
 * dial it. `0.0.0.0` and `::`, and as well `0::`, `::ffff:0.0.0.0` and `0x0`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWildcard = (host: string): boolean => {
  const [address = ""] = host.split("%")
  // A URL has one spelling of each address, and knows the old ones of IPv4 that the system's resolver takes.
  const url = URL.parse(isIPv6(address) ? `http://[${address}]` : `http://${address}`)
  return url !== null && wildcards.has(url.hostname)
}

/** As URLs spell them; the last is that of IPv4 in IPv6. */
const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "[::]", "[::ffff:0:0]"])

/**
 * Reads an address from text.
 *
 * **Example** (Three kinds of hosts)
 *
 * ```ts
 * import { Address } from "@hyparview/transport-tcp"
 * import { Result } from "effect"
 *
 * Address.parse("10.0.0.7:7946") // success: { host: "10.0.0.7", port: 7946 }
 * Address.parse("[::1]:7946") // success: { host: "::1", port: 7946 }
 * Address.parse("node-7.example:7946") // success: { host: "node-7.example", port: 7946 }
 * Result.isFailure(Address.parse("::1:7946")) // true: which colon is the port's?
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Address, AddressError> => {
  const fail = (detail: string) => Result.fail(new AddressError({ text: text.slice(0, maxTextLength), detail }))
  if (text.length > maxTextLength) return fail("too long")
  const colon = text.lastIndexOf(":")
  if (colon === -1) return fail("no port")
  const digits = text.slice(colon + 1)
  // One spelling per port, so that equal addresses are equal texts.
  if (!/^(?:0|[1-9]\d{0,4})$/.test(digits)) return fail("the port is not a number from 0 to 65535")
  const port = Number(digits)
  if (!isPort(port)) return fail("the port is not a number from 0 to 65535")
  const name = text.slice(0, colon)
  if (name.startsWith("[") && name.endsWith("]")) {
    const host = name.slice(1, -1)
    return isIPv6(host) ? Result.succeed({ host, port }) : fail("the brackets do not hold an IPv6 address")
  }
  if (name === "") return fail("no host")
  if (name.includes(":")) return fail("an IPv6 address needs brackets")
  return isHost(name) ? Result.succeed({ host: name, port }) : fail("the host is neither an IP address nor a name")
}

/**
 * Writes an address as text: `parse` reads it back.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (address: Address): string =>
  address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
