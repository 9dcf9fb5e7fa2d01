/**
 * A way into a host that is no way through its network: a Unix socket is reached from every network namespace. For each
 * port of the host's loopback there is one, `DIRECTORY/PORT`, and what connects to it is connected to the port. So a node is
 * asked how it is while its host is cut off, and nothing that is asked is delayed or lost.
 *
 *     node door.ts DIRECTORY PORT …
 *
 * It writes a line once all are open, and ends with its input.
 */
import { connect, createServer } from "node:net"
import { join } from "node:path"

const [, , directory = "", ...ports] = process.argv

const open = (port: string): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer((outside) => {
      const inside = connect(Number(port), "127.0.0.1")
      outside.pipe(inside).pipe(outside)
      // Either end's failure is the other's end.
      outside.on("error", () => inside.destroy()).on("close", () => inside.destroy())
      inside.on("error", () => outside.destroy()).on("close", () => outside.destroy())
    })
    server.listen(join(directory, port), resolve)
  })

await Promise.all(ports.map(open))
console.log("open")
process.stdin.on("end", () => process.exit(0)).resume()
