/** What the dashboard needs of a cluster, answered by its supervisor. */
import { Supervisor } from "@hyparview/cluster"
import { keyOf, type LinkLoss, type NodeView } from "@hyparview/cluster/Control"
import { PartlyStarted, type WorkerLost } from "@hyparview/cluster/WorkerError"
import type * as HyParView from "@hyparview/core/HyParView"
import {
  type Action,
  type ActionError,
  ActionRefused,
  type ActionResult,
  ClusterSource,
  ClusterUnavailable,
  type Happening,
  NoSuchNode,
  type NodeStatus,
  type Observation,
  type Reach,
  type SeenNode
} from "@hyparview/dashboard/ClusterSource"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { many } from "./table.ts"

/** How long a publisher waits for the last node; who is cut off has nothing by then. */
const reachWithin = "2 seconds"

/** Lost links that wait to be read; more between two observations are not told one by one. */
const waitingLosses = 4_096

/** Characters of a reason: what a process wrote last may be anything. */
const mostReason = 400

const statuses: Readonly<Record<NodeView["status"], NodeStatus>> = {
  idle: "joining",
  joining: "joining",
  joined: "alive",
  left: "left",
  stopped: "dead"
}

const seenNodes = ({ nodes, partition, views }: Supervisor.Status): ReadonlyArray<SeenNode> => {
  const viewOf = new Map(views.map((view) => [view.id, view]))
  const groupOf = new Map(partition?.groups.flatMap((group, index) => group.map((id) => [id, index] as const)))
  return nodes.map(({ address, id, isRunning, process }) => {
    const view = isRunning ? viewOf.get(id) : undefined
    return {
      id,
      address,
      process,
      // A node that runs without a view is one that its process has only just started.
      status: view === undefined ? (isRunning ? "joining" : "dead") : statuses[view.status],
      active: view?.active ?? [],
      ...(view === undefined ? {} : { eager: view.eager }),
      passiveSize: view?.passiveSize ?? 0,
      roundTripMillis: view?.roundTripMillis ?? null,
      group: groupOf.get(id) ?? null
    }
  })
}

const seenReach = (message: Pick<Supervisor.Reach, "id" | "from" | "atMillis" | "deliveries" | "missing">): Reach => ({
  id: keyOf(message.id),
  from: message.from,
  publishedAtMillis: message.atMillis,
  expected: message.deliveries.length + message.missing.length,
  arrivals: message.deliveries.map(({ atMillis, hops, node }) => [
    node,
    hops,
    // One clock, read in two processes, to the millisecond: nobody has a message before it was published.
    Math.max(0, atMillis - message.atMillis)
  ])
})

const reachOf = ({ latest }: Supervisor.Status): Reach | null => {
  if (latest === undefined) return null
  const reached = new Set(latest.deliveries.map(({ node }) => node))
  return seenReach({ ...latest, missing: latest.expected.filter((id) => !reached.has(id)) })
}

/** What is shown of some nodes is what their process showed last. */
const troubleOf = ({ silent }: Supervisor.Status): string | null =>
  silent.length === 0 ? null : `${silent.map(({ message }) => message).join("; ")}: what is shown of its nodes is old`

const observationOf = (status: Supervisor.Status, processes: number): Observation => ({
  trouble: troubleOf(status),
  nodes: seenNodes(status),
  processes,
  messages: status.overview.messages,
  outboxBytes: status.overview.outboxBytes,
  reach: reachOf(status)
})

/** What a reader is told of the reason for which a neighbour was lost. */
const reasons: Readonly<Record<HyParView.DownReason, string>> = {
  optimized: "another neighbour took its place, at less cost",
  evicted: "its place was needed for another",
  disconnected: "the neighbour needed the place for another",
  left: "the neighbour said goodbye",
  notNeighbor: "the neighbour held no such link",
  restarted: "the neighbour has been started again",
  silent: "the neighbour missed its heartbeats",
  leaving: "the node is leaving itself",
  epochRaised: "the node had to take a new identity",
  closed: "the neighbour closed the connection",
  reset: "the connection was reset",
  slow: "the neighbour read too slowly",
  protocol: "the neighbour broke the protocol",
  local: "the node closed the connection itself",
  refused: "the connection was refused",
  timeout: "the connection could not be made in time",
  unreachable: "the neighbour could not be reached",
  rejected: "the neighbour would not speak with the node",
  identity: "somebody else answered at the neighbour's address"
}

const reasonInWords = new Map<string, string>(Object.entries(reasons))

const happeningOfLoss = ({ neighbor, node, reason }: LinkLoss): Happening => ({
  kind: "link",
  isBad: false,
  nodes: [node, neighbor],
  what: "lost a neighbour",
  reason: reasonInWords.get(reason) ?? reason
})

const happeningOfLostWorker = ({ code, lastLines, nodes, process, signal }: WorkerLost): Happening => {
  const how = signal === null ? `exit code ${code ?? "unknown"}` : signal
  // Who is killed has no last words: what it wrote last was of something else.
  const last = signal === "SIGKILL" ? [] : lastLines.slice(-1)
  return {
    kind: "process",
    isBad: true,
    nodes: [],
    what: `process ${process} ended unexpectedly, with its ${many(nodes.length, "node")}`,
    reason: [how, ...last].join(": ").slice(0, mostReason)
  }
}

const happeningOfStopped = (node: string): Happening => ({
  kind: "node",
  isBad: true,
  nodes: [node],
  what: "stopped",
  reason: "another process uses its id"
})

const happeningOfEvent = (event: Supervisor.SupervisorEvent): Happening | undefined => {
  switch (event._tag) {
    case "WorkerLost":
      return happeningOfLostWorker(event.lost)
    case "NodeStopped":
      return happeningOfStopped(event.node)
    // What a worker writes is on the terminal already.
    case "WorkerWrote":
      return undefined
  }
}

const unavailable = (error: { readonly message: string }) => new ClusterUnavailable({ detail: error.message })

interface SupervisorError {
  readonly _tag: string
  readonly message: string
}

/** What the supervisor's error means to who asked. */
const asActionError =
  (action: Action) =>
  (error: SupervisorError | ActionError): ActionError => {
    if (error instanceof ActionRefused || error instanceof NoSuchNode || error instanceof ClusterUnavailable) {
      return error
    }
    if (error._tag === "WorkerLost" || error._tag === "WorkerSilent") return unavailable(error)
    return new ActionRefused({ action: action._tag, detail: error.message })
  }

/** Longest text of what went wrong that the page is told of a result. */
const mostTrouble = 512

/** Of nodes that were to start: those that did, and why others did not. */
const broughtUp = Effect.fnUntraced(function* (
  starting: Effect.Effect<ReadonlyArray<Supervisor.ManagedNode>, SupervisorError>
) {
  const result = yield* Effect.result(starting)
  if (result._tag === "Success") return { nodes: result.success.map(({ id }) => id) }
  const error = result.failure
  if (!(error instanceof PartlyStarted)) return yield* Effect.fail(error)
  return { nodes: error.started, trouble: error.message.slice(0, mostTrouble) }
})

const makeAct = (supervisor: Supervisor.Supervisor["Service"]) => {
  const published = Effect.fnUntraced(function* (from: string, text: string) {
    const reach = yield* supervisor
      .broadcast({ from, text, within: reachWithin })
      .pipe(
        Effect.catchTag("WorkerSilent", ({ message }) =>
          Effect.fail(new ClusterUnavailable({ detail: `${message}; it may publish it all the same, when it goes on` }))
        )
      )
    return { _tag: "Published" as const, reach: seenReach(reach) }
  })

  const killedShare = Effect.fnUntraced(function* (percent: number) {
    const { killed } = yield* supervisor.killShare({ percent, seed: yield* Random.nextIntBetween(0, 2 ** 31) })
    return { _tag: "Killed" as const, nodes: killed }
  })

  const restarted = Effect.fnUntraced(function* (wanted: ReadonlyArray<string>) {
    const dead = (yield* supervisor.nodes).filter(({ isRunning }) => !isRunning).map(({ id }) => id)
    const nodes = wanted.length === 0 ? dead : wanted
    const [alive] = nodes.filter((id) => !dead.includes(id))
    if (nodes.length === 0) return yield* new ActionRefused({ action: "Restart", detail: "no node is dead" })
    if (alive !== undefined) return yield* new ActionRefused({ action: "Restart", detail: `${alive} is not dead` })
    const started = yield* broughtUp(supervisor.restart(nodes))
    // Somebody else has started them meanwhile.
    if (started.nodes.length === 0) return yield* new ActionRefused({ action: "Restart", detail: "no node is dead" })
    return { _tag: "Restarted" as const, ...started }
  })

  const perform = (action: Action): Effect.Effect<ActionResult, SupervisorError | ActionError> => {
    switch (action._tag) {
      case "Publish":
        return published(action.node, action.text)
      case "Kill": {
        const nodes = [...new Set(action.nodes)]
        return Effect.as(supervisor.kill({ processes: [], nodes }), { _tag: "Killed", nodes })
      }
      case "KillShare":
        return killedShare(action.percent)
      case "Restart":
        return restarted(action.nodes)
      case "AddNodes":
        return Effect.map(broughtUp(supervisor.add(action.count)), (added) => ({ _tag: "Added", ...added }))
      case "Partition":
        return Effect.as(supervisor.partition({ groups: action.groups, mode: action.mode }), {
          _tag: "Partitioned",
          sizes: action.groups.map(({ length }) => length)
        })
      case "Heal":
        return Effect.as(supervisor.heal, { _tag: "Healed" })
    }
  }
  return (action: Action) => Effect.mapError(perform(action), asActionError(action))
}

/** The cluster of the supervisor, as the dashboard sees it. */
export const layer = (about: {
  readonly cluster: string
  readonly transport: string
}): Layer.Layer<ClusterSource, never, Supervisor.Supervisor> =>
  Layer.effect(
    ClusterSource,
    Effect.gen(function* () {
      const supervisor = yield* Supervisor.Supervisor
      const losses = yield* PubSub.sliding<Happening>({ capacity: waitingLosses })
      return {
        about: { ...about, wantedDegree: supervisor.rules.activeSize },
        observe: Effect.gen(function* () {
          const [status, lost] = yield* Effect.all([supervisor.status({ passive: false }), supervisor.takeLinkLosses], {
            concurrency: 2
          })
          yield* PubSub.publishAll(losses, lost.map(happeningOfLoss))
          return observationOf(status, (yield* supervisor.housings).length)
        }).pipe(Effect.mapError(unavailable)),
        inspect: (id) =>
          supervisor.inspect(id).pipe(
            Effect.map(({ neighbors, view }) => ({ ...view, neighbors })),
            Effect.mapError((error) =>
              error._tag === "NoSuchNode" ? new NoSuchNode({ node: id }) : unavailable(error)
            )
          ),
        happenings: Stream.merge(
          Stream.fromPubSub(losses),
          Stream.filterMap(supervisor.events, (event) => Result.fromNullishOr(happeningOfEvent(event), () => undefined))
        ),
        act: makeAct(supervisor)
      }
    })
  )
