/**
 * The distance between the hosts, for kernels without `tc netem`: a process in the middle that keeps every packet for a
 * while. Each host has a VXLAN device, which puts each packet that it sends into one datagram to here; the datagram goes on
 * to the host for which the packet is. What nodes say stays what it was, packets of TCP: lost ones are sent again by the
 * kernel, and later ones overtake earlier ones, as with netem.
 *
 *     node relay.ts '{"hosts": ["198.18.1.2", …], "port": 4789, "delayMillis": 50, "jitterMillis": 20}'
 *
 * It writes a line of JSON once it listens, and then every second: what it has carried. It ends with its input.
 */
import { createSocket } from "node:dgram"

/** The hosts by number, from 1: where the datagrams for each go. */
interface Distance {
  readonly hosts: ReadonlyArray<string>
  readonly port: number
  readonly delayMillis: number
  /** Up to so much more or less, each value as likely as any other. */
  readonly jitterMillis: number
}

const { delayMillis, hosts, jitterMillis, port }: Distance = JSON.parse(process.argv[2] ?? "")

/** Packets under way at once, in all; what comes on top is dropped, as it is by a router. */
const mostUnderWay = 20_000

const ethernet = 8
const ip = ethernet + 14

/**
 * The number of the host for which a datagram's packet is, by the last byte of its hardware address, or undefined: a
 * multicast is for nobody here, since all hosts know each other's addresses beforehand.
 */
const recipient = (datagram: Buffer): string | undefined =>
  datagram.length > ip && ((datagram[ethernet] ?? 1) & 1) === 0 ? hosts[(datagram[ethernet + 5] ?? 0) - 1] : undefined

/** Where in a TCP or UDP header the checksum stands, by the number of the protocol. */
const checksumAt: ReadonlyMap<number, number> = new Map([
  [6, 16],
  [17, 6]
])

/**
 * Does what the last network card on the way would do: a kernel that only hands a packet on, from one virtual device to
 * another, never computes the checksum of what is inside, and the kernel at the other end refuses a wrong one.
 */
const completeChecksum = (datagram: Buffer): void => {
  const protocol = datagram[ip + 9] ?? 0
  const offset = checksumAt.get(protocol)
  if (datagram.readUInt16BE(ip - 2) !== 0x0800 || offset === undefined) return
  const start = ip + ((datagram[ip] ?? 0) & 15) * 4
  const end = ip + datagram.readUInt16BE(ip + 2)
  if (end > datagram.length || start + offset + 2 > end) return
  datagram.writeUInt16BE(0, start + offset)
  let sum = protocol + (end - start)
  // The two addresses stand before the segment.
  for (let at = ip + 12; at < ip + 20; at += 2) sum += datagram.readUInt16BE(at)
  for (let at = start; at + 1 < end; at += 2) sum += datagram.readUInt16BE(at)
  if ((end - start) % 2 === 1) sum += (datagram[end - 1] ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  datagram.writeUInt16BE(~sum & 0xffff || 0xffff, start + offset)
}

let carried = 0
let dropped = 0
let underWay = 0

const socket = createSocket("udp4")
socket.on("message", (datagram) => {
  const host = recipient(datagram)
  if (host === undefined) return
  if (underWay >= mostUnderWay) {
    dropped++
    return
  }
  completeChecksum(datagram)
  underWay++
  setTimeout(
    () => {
      underWay--
      // What the kernel may not send, because the host is cut off, is lost.
      socket.send(datagram, port, host, (error) => {
        if (error === null) carried++
      })
    },
    delayMillis + (Math.random() * 2 - 1) * jitterMillis
  )
})
const report = (): void => console.log(JSON.stringify({ carried, dropped, underWay }))
socket.bind(port, () => {
  report()
  setInterval(report, 1_000)
})
process.stdin.on("end", () => process.exit(0)).resume()
