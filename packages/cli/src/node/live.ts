/** One live node: started, joined, and told by a signal to leave. */
import { Discovery } from "@hyparview/runtime/Discovery"
import { Membership } from "@hyparview/runtime/Membership"
import * as Node from "@hyparview/runtime/Node"
import { PeerStore } from "@hyparview/runtime/PeerStore"
import * as PeerStoreFile from "@hyparview/runtime/PeerStoreFile"
import { Transport } from "@hyparview/runtime/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { isLoopback } from "../admin/guard.ts"
import * as AdminServer from "../AdminServer.ts"
import { CommandFailed } from "../ExitCode.ts"
import * as ExitCode from "../ExitCode.ts"
import { badInput, failingWith } from "../internal/failures.ts"
import { makeDirectory } from "../internal/files.ts"
import { reasonOf } from "../internal/systemErrors.ts"
import { StopSignal } from "../StopSignal.ts"
import type { Settings } from "./fields.ts"
import * as NodeTransport from "./transport.ts"
import { isSecured, parsed } from "./transport.ts"

/**
 * From the signal to the end of the process. Goodbyes take up to 3 seconds, the memory 2 and what is left to export 2; all
 * of it is bounded by itself, and this bounds it all.
 */
const leaveDeadline = "10 seconds"

/** Bad input where the input is to blame, and otherwise a start that failed. */
const startFailure = (error: StartError): CommandFailed => {
  const isStart = error._tag === "TransportError" || (error._tag === "AdminError" && error.reason === "notListening")
  // It names the one of the three that is wrong, by the end of its flag's name.
  const message = error._tag === "CertificateError" ? `--tls-${error.message}` : error.message
  return new CommandFailed({ message, exitCode: isStart ? ExitCode.notStarted : ExitCode.badInput })
}

type StartError =
  | Layer.Error<ReturnType<typeof NodeTransport.layer>>
  | Layer.Error<ReturnType<typeof Node.layer>>
  | Layer.Error<ReturnType<typeof PeerStoreFile.layer>>
  | AdminServer.AdminError

/** Where epoch and known peers are kept: the folder is made if need be. */
const makeStore = Effect.fnUntraced(function* (data: string | undefined) {
  if (data === undefined) return PeerStore.layerNone
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* makeDirectory("data", data, { mode: 0o700 })
  yield* files
    .access(data, { readable: true, writable: true })
    .pipe(Effect.mapError((error) => badInput(`--data ${data}: cannot be written: ${reasonOf(error)}`)))
  return PeerStoreFile.layer({ file: path.join(data, "peers.json") }).pipe(
    Layer.provide(Layer.succeed(FileSystem.FileSystem, files))
  )
})

/** Everything that runs, for the life of the scope: last the admin side, which so is the first to end. */
const start = Effect.fnUntraced(function* (settings: Settings) {
  const { admin, adminToken, broadcast, cluster, clusterSize, contacts, id, membership } = settings
  const store = yield* makeStore(settings.data)
  const below = yield* Layer.build(NodeTransport.layer(settings)).pipe(Effect.mapError(startFailure))
  const node = yield* Layer.build(
    Node.layer({ id, cluster, clusterSize, membership, broadcast, peerStoreTimeout: "2 seconds" }).pipe(
      Layer.provide([Layer.succeedContext(below), Discovery.layerStatic(contacts), store])
    )
  ).pipe(Effect.mapError(startFailure))
  const serve = Effect.fnUntraced(function* (address: string) {
    const server = AdminServer.layer({ ...parsed(address), token: adminToken }).pipe(
      Layer.provide(Layer.succeedContext(node))
    )
    return Context.get(yield* Layer.build(server), AdminServer.AdminServer).url
  }, Effect.mapError(startFailure))
  return {
    address: Context.get(below, Transport).address,
    membership: Context.get(node, Membership),
    adminUrl: admin === undefined ? undefined : yield* serve(admin)
  }
})

/** Says in the log when the node finds its first neighbour, and when it has lost its last. */
const tellNeighbors = ({ events }: Membership["Service"]) =>
  Effect.suspend(() => {
    const neighbors = new Set<string>()
    return Stream.runForEach(events, (event) => {
      const before = neighbors.size
      if (event._tag === "NeighborUp") neighbors.add(event.peer.id)
      else neighbors.delete(event.peer.id)
      const peer = { peer: event.peer.id, address: event.peer.address }
      if (before === 0) return Effect.annotateLogs(Effect.log("joined"), peer)
      if (neighbors.size > 0) return Effect.void
      const reason = event._tag === "NeighborDown" ? event.reason : ""
      return Effect.annotateLogs(Effect.logWarning("the last neighbour is lost"), { ...peer, reason })
    })
  }).pipe(
    // Then the count begins anew.
    Effect.catchTag("EventsLost", () => Effect.logDebug("too many events at once")),
    Effect.forever
  )

/** Starts, joins, and at the signal leaves. */
export const live = Effect.fnUntraced(function* (settings: Settings) {
  const { address, adminUrl, membership } = yield* start(settings)
  const stopSignal = yield* StopSignal
  const { contacts, id } = settings
  yield* Effect.log("listening").pipe(
    Effect.annotateLogs({ id, address, ...(adminUrl === undefined ? {} : { admin: adminUrl }) })
  )
  if (!isSecured(settings) && !isLoopback(parsed(settings.listen).host)) {
    yield* Effect.logWarning("links are neither authenticated nor encrypted: keep them to a network that you trust")
  }
  const contact = contacts.find((each) => !isLoopback(parsed(each).host))
  if (contact !== undefined && isLoopback(parsed(address).host)) {
    const said =
      "other machines cannot reach this node at the address that it gives them, which is of its own machine: say another by --listen, or by --advertise"
    yield* Effect.annotateLogs(Effect.logWarning(said), { address, contact })
  }
  const alive = Effect.andThen(membership.join(contacts), tellNeighbors(membership)).pipe(failingWith(ExitCode.failed))
  const signal = yield* Effect.raceFirst(alive, stopSignal.wait)
  yield* Effect.annotateLogs(Effect.log("leaving"), { signal })
  yield* Effect.forkDetach(
    Effect.andThen(
      Effect.sleep(leaveDeadline),
      Effect.sync(() => {
        console.error(`still here ${leaveDeadline} after ${signal}: stopping at once`)
        process.exit(ExitCode.failed)
      })
    )
  )
  yield* membership.leave
  yield* Effect.log("left")
}, Effect.scoped)
