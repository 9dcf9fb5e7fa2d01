/**
 * Which of a peer's links is in use, where there are several: two dials have crossed, or the peer is known by another address as
 * well. All are read, so that nothing is lost; messages go over one. Of two that crossed it is the one that the smaller id
 * dialled, which both ends know; otherwise the first, until the peer uses the second. The others are spares.
 *
 * One that the peer dialled takes the place of our own only once something has come by it, though it is the one that stays: whoever
 * dialled may have given it up long ago, if this process was stopped or had too much to do. Who dials has something to say.
 */
import { abort, type Connection } from "./connection.ts"
import type { Run } from "./run.ts"

/**
 * How many spares a peer has at most; of more, the one that came first is ended. Where this node has dialled too, the one that is in
 * use at the peer may be among them, and is known only once something has come by it: were it ended for another that the peer
 * dials meanwhile, both ends would lose the link.
 */
const mostSpares = 1
const mostSparesWhereDialled = 3

export interface PeerLinks {
  /** The link in use with a peer. */
  readonly get: (id: string) => Connection | undefined
  /** In the order in which they came. */
  readonly sparesOf: (id: string) => ReadonlyArray<Connection>
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
  readonly abortSpares: (id: string) => void
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
  const spares = new Map<string, ReadonlyArray<Connection>>()
  const sparesOf = (id: string): ReadonlyArray<Connection> => spares.get(id) ?? []
  const isSpare = (connection: Connection): boolean => sparesOf(connection.peer.id).includes(connection)

  /** Whether it is the one of two that crossed over which messages go. */
  const stays = ({ dialled, peer }: Connection): boolean => dialled === selfId < peer.id

  const isYoung = ({ openedAt }: Connection): boolean => now() - openedAt <= handshakeMillis

  const isSpareBeside = (held: Connection, connection: Connection): boolean =>
    held.peer.epoch === connection.peer.epoch &&
    !(connection.dialled && !held.dialled && isYoung(held) && stays(connection))

  const keepAsSpare = (connection: Connection): void => {
    const { id } = connection.peer
    const all = [...sparesOf(id), connection]
    const held = inUse.get(id)
    const hasDialled = held === undefined || held.dialled || all.some(({ dialled }) => dialled)
    const most = hasDialled ? mostSparesWhereDialled : mostSpares
    spares.set(id, all.slice(-most))
    for (const eldest of all.slice(0, -most)) abort(eldest, run)
  }

  const noSpare = (connection: Connection): void => {
    const { id } = connection.peer
    const others = sparesOf(id).filter((other) => other !== connection)
    if (others.length > 0) spares.set(id, others)
    else spares.delete(id)
  }

  const abortSpares = (id: string): void => {
    const all = sparesOf(id)
    spares.delete(id)
    for (const spare of all) abort(spare, run)
  }

  const use = (connection: Connection): void => {
    const { epoch, id } = connection.peer
    noSpare(connection)
    const held = inUse.get(id)
    inUse.set(id, connection)
    for (const spare of sparesOf(id)) {
      if (spare.peer.epoch === epoch) continue
      noSpare(spare)
      abort(spare, run)
    }
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
    sparesOf,
    all: () => inUse.values(),
    isInUse: (connection) => inUse.get(connection.peer.id) === connection,
    isYoung,
    use,
    abortSpares,
    add: (connection, awaited) => {
      const held = inUse.get(connection.peer.id)
      const isSurplus = held === undefined ? awaited && !connection.dialled : isSpareBeside(held, connection)
      if (isSurplus) keepAsSpare(connection)
      else use(connection)
      return !isSurplus
    },
    used: (connection) => {
      const { dialled, ended, openedAt, peer } = connection
      if (ended || !isSpare(connection)) return false
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
      noSpare(connection)
    }
  }
}
