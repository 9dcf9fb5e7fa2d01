/**
 * Which of a peer's links is in use, where there are two: two dials have crossed, or the peer is known by another address as
 * well. Both are read, so that nothing is lost; messages go over one. Of two that crossed it is the one that the smaller id
 * dialled, which both ends know; otherwise the first, until the peer uses the second. The other is a spare, of which there is
 * one for each peer at most.
 *
 * One that the peer dialled takes the place of our own only once something has come by it, though it is the one that stays: whoever
 * dialled may have given it up long ago, if this process was stopped or had too much to do. Who dials has something to say.
 */
import { abort, type Connection } from "./connection.ts"
import type { Run } from "./run.ts"

export interface PeerLinks {
  /** The link in use with a peer. */
  readonly get: (id: string) => Connection | undefined
  readonly spareOf: (id: string) => Connection | undefined
  /** The links in use. */
  readonly all: () => Iterable<Connection>
  readonly isInUse: (connection: Connection) => boolean
  /** Takes a link up; whether it is in use now. `awaited`: a dial of ours to its peer is under way, and will open. */
  readonly add: (connection: Connection, awaited: boolean) => boolean
  /** Whether a link is so new that another with its peer may have crossed it. */
  readonly isYoung: (connection: Connection) => boolean
  /** The peer has used a link; whether it is in use from now on, and none was. */
  readonly used: (connection: Connection) => boolean
  /** Puts a link in the place of the one in use. */
  readonly use: (connection: Connection) => void
  /** It is neither in use nor spare any more. */
  readonly forget: (connection: Connection) => void
  readonly abortSpare: (id: string) => void
}

export const makePeerLinks = (options: {
  readonly selfId: string
  readonly now: () => number
  /** Two links whose ages differ by more have not crossed. */
  readonly handshakeMillis: number
  readonly run: Run
  /** What still waits for a link goes over another. */
  readonly move: (from: Connection, to: Connection) => void
  /** The link of an earlier incarnation has ended. */
  readonly onOver: (connection: Connection) => void
}): PeerLinks => {
  const { handshakeMillis, now, run, selfId } = options
  const inUse = new Map<string, Connection>()
  const spares = new Map<string, Connection>()

  /** Whether it is the one of two that crossed over which messages go. */
  const stays = ({ dialled, peer }: Connection): boolean => dialled === selfId < peer.id

  const isYoung = ({ openedAt }: Connection): boolean => now() - openedAt <= handshakeMillis

  const isSpareBeside = (held: Connection, connection: Connection): boolean =>
    held.peer.epoch === connection.peer.epoch &&
    !(connection.dialled && !held.dialled && isYoung(held) && stays(connection))

  const keepAsSpare = (connection: Connection): void => {
    abortSpare(connection.peer.id)
    spares.set(connection.peer.id, connection)
  }

  const abortSpare = (id: string): void => {
    const spare = spares.get(id)
    if (spare === undefined) return
    spares.delete(id)
    abort(spare, run)
  }

  const use = (connection: Connection): void => {
    const { epoch, id } = connection.peer
    if (spares.get(id) === connection) spares.delete(id)
    const held = inUse.get(id)
    inUse.set(id, connection)
    if ((spares.get(id)?.peer.epoch ?? epoch) !== epoch) abortSpare(id)
    if (held === undefined || held === connection) return
    if (held.peer.epoch < epoch) {
      abort(held, run)
      options.onOver(held)
      return
    }
    options.move(held, connection)
    keepAsSpare(held)
  }

  return {
    get: (id) => inUse.get(id),
    spareOf: (id) => spares.get(id),
    all: () => inUse.values(),
    isInUse: (connection) => inUse.get(connection.peer.id) === connection,
    isYoung,
    use,
    abortSpare,
    add: (connection, awaited) => {
      const held = inUse.get(connection.peer.id)
      const isSpare = held === undefined ? awaited && !connection.dialled : isSpareBeside(held, connection)
      if (isSpare) keepAsSpare(connection)
      else use(connection)
      return !isSpare
    },
    used: (connection) => {
      const { dialled, ended, openedAt, peer } = connection
      if (ended || spares.get(peer.id) !== connection) return false
      const held = inUse.get(peer.id)
      if (held === undefined) {
        // What waits for our own dial, if that stays, keeps its order.
        if (stays(connection)) use(connection)
        return stays(connection)
      }
      const crossed = held.dialled !== dialled && Math.abs(held.openedAt - openedAt) <= handshakeMillis
      if (!(crossed && stays(held))) use(connection)
      return false
    },
    forget: (connection) => {
      const { id } = connection.peer
      if (inUse.get(id) === connection) inUse.delete(id)
      if (spares.get(id) === connection) spares.delete(id)
    }
  }
}
