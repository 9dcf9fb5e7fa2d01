/**
 * The bytes that the TCP connections of this process carry. Each connection of a mesh has both its ends here, so the
 * accepted ends alone say it all: what they read and what they wrote.
 */
import { subscribe } from "node:diagnostics_channel"
import { Socket } from "node:net"

export interface WireBytes {
  /** Payload of TCP in both directions, since the counting began. */
  readonly total: () => number
}

export const countWireBytes = (): WireBytes => {
  const open = new Set<Socket>()
  let ended = 0
  const carried = (socket: Socket): number => socket.bytesRead + socket.bytesWritten
  subscribe("net.server.socket", (message) => {
    if (typeof message !== "object" || message === null || !("socket" in message)) return
    const { socket } = message
    if (!(socket instanceof Socket)) return
    open.add(socket)
    socket.once("close", () => {
      ended += carried(socket)
      open.delete(socket)
    })
  })
  return { total: () => [...open].reduce((sum, socket) => sum + carried(socket), ended) }
}
