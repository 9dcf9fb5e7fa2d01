/**
 * How a supervisor does what `Supervisor.ts` says: a roster of nodes, a pool of processes, and requests to them. Here nodes
 * are started, joined and killed; how they are parted is in `parting.ts`, what is seen of them in `watching.ts`, what they
 * publish in `publishing.ts`. Commands that start, end or part nodes exclude each other.
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Random from "@hyparview/core/Random"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { flow } from "effect/Function"
import * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type NodeNotStarted, NoSuchNode } from "../Control.ts"
import * as KillPlan from "../KillPlan.ts"
import { defaultMostNodes, faultOf, type Options, thicketDegreeOf } from "../SupervisorConfig.ts"
import { PartlyStarted, TooManyNodes, UselessShare, type WorkerError, type WorkerLost } from "../WorkerError.ts"
import { makeParting } from "./parting.ts"
import { failuresOf, makePool, startPatience, successesOf, unanimous } from "./pool.ts"
import { makePublishing } from "./publishing.ts"
import { makeRoster, numberOf } from "./roster.ts"
import { makeWatching } from "./watching.ts"

/**
 * How many nodes of the whole cluster join at a time: few enough that what they ask is answered within its time-outs even
 * where the machine gives the cluster half of a processor. Seen there with 300 nodes in 5 processes: 39 seconds and 52 ms of
 * processor time a node with 16 at a time; more than 61 and 74 ms with 50, and 777 dials of the contact that timed out; 48
 * and 63 ms with all at once, and 1,373.
 */
const joinsAtOnce = 16

/** Leaving takes at most a node's `leaveDeadline` of 3 seconds, the goodbyes of thousands longer, and the answer a moment. */
const leavePatience = (nodes: number): Duration.Duration => Duration.seconds(10 + nodes / 50)

/** What nodes subscribe to unless they are told otherwise. */
const defaultTopics = ["cluster"] as const

/**
 * What happens unasked.
 *
 * - `WorkerLost`: a process ended
 * - `NodeStopped`: a node stopped by itself, because another process uses its id
 * - `WorkerWrote`: a line of a worker's log
 *
 * @category models
 * @since 0.1.0
 */
export type SupervisorEvent =
  | { readonly _tag: "WorkerLost"; readonly lost: WorkerLost }
  | { readonly _tag: "NodeStopped"; readonly node: string }
  | { readonly _tag: "WorkerWrote"; readonly process: number; readonly line: string }

/** `count` nodes over `processes`: as many in each as in the others, or one more. */
const allot = (count: number, processes: number): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: processes }).map((_, process) => {
    const first = Math.floor((count * process) / processes)
    const next = Math.floor((count * (process + 1)) / processes)
    return Array.from({ length: next - first }).map((_, index) => `n${first + index + 1}`)
  })

/** Only who wants certificates pays for loading what makes them. */
const makeCertifier = Effect.fnUntraced(function* (cluster: string) {
  const certifier = yield* Effect.promise(() => import("./certifier.ts"))
  return yield* certifier.make(cluster)
})

const eachAtOnce = { concurrency: "unbounded", discard: true } as const

export const supervise = Effect.fnUntraced(function* (options: Options) {
  const fault = faultOf(options)
  if (fault !== undefined) return yield* fault
  const clusterSize = options.clusterSize ?? options.nodes
  const membership = {
    ...(options.cycleMillis === undefined ? {} : { cycleMillis: options.cycleMillis }),
    ...(options.broadcast?.strategy === "thicket" ? { activeSize: thicketDegreeOf(clusterSize) } : {})
  }
  const rules = yield* Effect.fromResult(HyParView.forClusterSize(clusterSize, membership))
  const events = yield* PubSub.sliding<SupervisorEvent>({ capacity: 1_024 })
  const loss = yield* Deferred.make<never, WorkerLost>()
  const turn = yield* Semaphore.make(1)
  const roster = makeRoster()

  const pool = yield* makePool({
    logLevel: options.logLevel ?? "Warn",
    onLine: (process, line) => PubSub.publishUnsafe(events, { _tag: "WorkerWrote", process, line }),
    onEnd: (process) => {
      const gone = roster.runningIn(process)
      roster.bury(gone)
      return gone
    },
    onLoss: (lost) => Effect.andThen(Deferred.fail(loss, lost), PubSub.publish(events, { _tag: "WorkerLost", lost }))
  })

  const watching = makeWatching(pool, roster, rules, (node) => {
    PubSub.publishUnsafe(events, { _tag: "NodeStopped", node })
  })

  // --- starting and joining ------------------------------------------------------------------------------------------

  const cluster = options.cluster ?? "local"
  const [firstTopic, ...otherTopics] = options.topics ?? defaultTopics
  const certify = options.tls === true ? yield* makeCertifier(cluster) : undefined

  const startIn = Effect.fnUntraced(function* (process: number, ids: ReadonlyArray<string>) {
    const certificates = certify === undefined ? undefined : yield* certify(ids)
    const request = {
      ...(certificates === undefined ? {} : { certificates }),
      ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
      ...(options.broadcast === undefined ? {} : { broadcast: options.broadcast }),
      ...membership,
      cluster,
      clusterSize,
      topics: [firstTopic, ...otherTopics],
      watched: options.watched ?? false,
      host: options.host ?? "127.0.0.1",
      nodes: ids.map((id) => {
        const index = numberOf(id)
        const seed = Random.nextBits(Random.seededFor(options.seed ?? 1, index)) >>> 0
        return { id, port: index === 1 ? (options.port ?? 0) : 0, seed }
      })
    }
    const within = Duration.sum(startPatience, Duration.seconds(ids.length / 5))
    const listening = yield* pool.ask(process, "Start", (control) => control.Start(request), within)
    for (const { address, id } of listening ?? []) roster.put({ id, process, address, isRunning: true })
  })

  const spawnWhereNone = (process: number) =>
    Effect.suspend(() =>
      pool.workers().some((worker) => worker.process === process) ? Effect.void : Effect.asVoid(pool.spawn(process))
    )

  /** Starts nodes in their processes, all or none. */
  const startAll = (groups: Iterable<readonly [process: number, ids: ReadonlyArray<string>]>) =>
    Effect.forEach(
      groups,
      ([process, ids]) =>
        Effect.andThen(
          spawnWhereNone(process),
          Effect.suspend(() => startIn(process, ids))
        ),
      eachAtOnce
    )

  const joinThrough = (contacts: ReadonlyArray<string>, ids: ReadonlySet<string>) => {
    const atOnce = Math.max(1, Math.floor(joinsAtOnce / Math.max(1, pool.workers().length)))
    return pool.askEach("Join", (control, process) => {
      const some = roster.runningIn(process).filter((id) => ids.has(id))
      return some.length === 0 ? Effect.void : control.Join({ nodes: some, contacts, atOnce })
    })
  }

  const parting = makeParting(pool, roster, joinThrough)
  const publishing = makePublishing(pool, roster, firstTopic, watching.patienceOf)

  /** One that cannot start takes no other node of its process along. */
  const startThose = Effect.fnUntraced(function* (process: number, wanted: ReadonlyArray<string>) {
    const reasons: Array<NodeNotStarted> = []
    let ids = wanted
    while (ids.length > 0) {
      const tried = yield* Effect.result(startIn(process, ids))
      if (tried._tag === "Success") break
      const reason = tried.failure
      if (reason._tag !== "NodeNotStarted" || !ids.includes(reason.node)) return yield* reason
      reasons.push(reason)
      ids = ids.filter((id) => id !== reason.node)
    }
    return reasons
  })

  const connect = Effect.fnUntraced(function* (joiners: ReadonlySet<string>) {
    const contacts = parting.contactsFor(joiners)
    const alike = Map.groupBy(contacts.keys(), (id) => contacts.get(id)?.join(" ") ?? "")
    const answers = yield* Effect.forEach(alike.values(), (ids) =>
      joinThrough(contacts.get(ids[0] ?? "") ?? [], new Set(ids))
    )
    return answers.flat()
  })

  /** New nodes, or old ones anew: under the partition in force before they speak to anybody. */
  const bringUp = Effect.fnUntraced(function* (
    groups: ReadonlyMap<number, ReadonlyArray<string>>,
    ids: ReadonlyArray<string>
  ) {
    const alone = yield* watching.isolated
    const tried = yield* Effect.forEach(
      groups,
      ([process, some]) =>
        Effect.result(
          Effect.andThen(
            spawnWhereNone(process),
            Effect.suspend(() => startThose(process, some))
          )
        ),
      { concurrency: "unbounded" }
    )
    const reasons: Array<NodeNotStarted | WorkerError> = tried.flatMap((result) =>
      result._tag === "Success" ? result.success : [result.failure]
    )
    const started = ids.flatMap((id) => {
      const node = roster.get(id)
      return node?.isRunning === true ? [node] : []
    })
    const blocked = failuresOf(yield* parting.enforce)
    const unblocked = new Set(blocked.map(({ process }) => process))
    const joined = yield* connect(
      new Set([...alone, ...started.filter(({ process }) => !unblocked.has(process)).map(({ id }) => id)])
    )
    const [reason] = reasons
    if (started.length < ids.length && reason !== undefined) {
      if (started.length === 0) return yield* reason
      const there = started.map(({ id }) => id)
      return yield* new PartlyStarted({ started: there, failed: ids.filter((id) => !there.includes(id)), reasons })
    }
    // A process that has ended meanwhile tells so itself.
    const [trouble] = [...blocked, ...failuresOf(joined)]
    if (trouble !== undefined) return yield* trouble.failure
    return started
  })

  const restart = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    const dead = yield* Effect.forEach(new Set(ids), (id) => {
      const node = roster.get(id)
      return node === undefined ? Effect.fail(new NoSuchNode({ node: id })) : Effect.succeed(node)
    })
    const groups = Map.groupBy(
      dead.filter((node) => !node.isRunning),
      (node) => node.process
    )
    const named = [...groups].map(([process, members]) => [process, members.map(({ id }) => id)] as const)
    return yield* bringUp(
      new Map(named),
      named.flatMap(([, ids]) => ids)
    )
  })

  const add = Effect.fnUntraced(function* (count: number) {
    const limit = options.mostNodes ?? defaultMostNodes
    if (!Number.isInteger(count) || count < 1 || roster.size() + count > limit) {
      return yield* new TooManyNodes({ wanted: count, present: roster.size(), limit })
    }
    const names = roster.newNames(count)
    const groups = new Map<number, Array<string>>(pool.workers().map(({ process }) => [process, []]))
    if (groups.size === 0) groups.set(0, [])
    const load = new Map([...groups.keys()].map((process) => [process, roster.runningIn(process).length]))
    for (const name of names) {
      const [process = 0] = [...load].reduce((least, each) => (each[1] < least[1] ? each : least))
      groups.get(process)?.push(name)
      load.set(process, (load.get(process) ?? 0) + 1)
    }
    return yield* bringUp(new Map([...groups].filter(([, ids]) => ids.length > 0)), names)
  })

  // --- killing -------------------------------------------------------------------------------------------------------

  const housings = (): ReadonlyArray<KillPlan.Housing> =>
    pool
      .workers()
      .map(({ process }) => ({ process, nodes: roster.runningIn(process) }))
      .sort((a, b) => a.process - b.process)

  const kill = Effect.fnUntraced(function* (plan: KillPlan.KillPlan) {
    const single = yield* Effect.forEach(new Set(plan.nodes), (id) =>
      Effect.map(roster.processOf(id), (process) => ({ id, process }))
    )
    const killSingle = Effect.forEach(
      Map.groupBy(single, ({ process }) => process),
      ([process, members]) => {
        const ids = members.map(({ id }) => id)
        return Effect.map(
          pool.ask(process, "Kill", (control) => control.Kill({ nodes: ids })),
          () => roster.bury(ids)
        )
      },
      eachAtOnce
    )
    yield* Effect.all([pool.kill(plan.processes), killSingle], eachAtOnce)
  })

  const killShare = Effect.fnUntraced(function* ({
    percent,
    seed
  }: {
    readonly percent: number
    readonly seed: number
  }) {
    const homes = housings()
    const running = homes.reduce((sum, { nodes }) => sum + nodes.length, 0)
    const count = KillPlan.share(running, percent)
    if (count === 0 || count >= running) return yield* new UselessShare({ percent, running })
    const plan = KillPlan.plan(homes, count, seed)
    yield* kill(plan)
    const withProcess = homes.flatMap(({ nodes, process }) => (plan.processes.includes(process) ? nodes : []))
    return { ...plan, killed: [...withProcess, ...plan.nodes] }
  })

  // --- watching ------------------------------------------------------------------------------------------------------

  const inspect = Effect.fnUntraced(function* (id: string) {
    const process = yield* roster.processOf(id)
    const found = yield* pool.ask(process, "Inspect", (control) => control.Inspect({ node: id }))
    return found ?? (yield* new NoSuchNode({ node: id }))
  })

  const status = Effect.fnUntraced(function* ({ passive }: { readonly passive: boolean }) {
    const shown = publishing.latest()
    const [seen, deliveries] = yield* Effect.all(
      [watching.look({ passive }), shown === undefined ? Effect.succeed([]) : publishing.deliveriesSeen(shown.id)],
      { concurrency: 2 }
    )
    return {
      nodes: roster.all(),
      views: seen.nodes,
      silent: seen.silent,
      overview: watching.judge(seen),
      partition: parting.current(),
      latest: shown === undefined ? undefined : { ...shown, deliveries }
    }
  })

  const usage = ({ collect }: { readonly collect: boolean }) =>
    Effect.map(
      pool.askAll("Usage", (control, process) =>
        Effect.map(control.Usage({ collect }), (usage) => ({ process, usage }))
      ),
      (usages) =>
        usages.flatMap(({ process, usage }) =>
          pool
            .workers()
            .flatMap((worker) => (worker.process === process ? [{ process, usage, empty: worker.empty }] : []))
        )
    )

  const inTurn = turn.withPermits(1)
  return {
    rules,
    start: startAll(allot(options.nodes, options.processes).entries()).pipe(Effect.map(roster.all), inTurn),
    join: Effect.suspend(() => {
      const contact = roster.get("n1")
      if (contact === undefined) return Effect.fail(new NoSuchNode({ node: "n1" }))
      return unanimous(joinThrough([contact.address], new Set(roster.all().map(({ id }) => id))))
    }).pipe(inTurn),
    nodes: Effect.sync(roster.all),
    housings: Effect.sync(housings),
    poll: watching.poll,
    overview: Effect.map(watching.poll({ passive: false }), watching.judge),
    status,
    inspect,
    takeLinkLosses: Effect.map(
      pool.askEach("TakeLinkLosses", (control) => control.TakeLinkLosses(), watching.patienceOf),
      (answers) => successesOf(answers).flat()
    ),
    takeTold: Effect.map(
      pool.askAll("TakeTold", (control) => control.TakeTold()),
      (taken) => ({
        told: taken.flatMap(({ told }) => told),
        lagged: taken.flatMap(({ lagged }) => lagged),
        dropped: taken.reduce((sum, { dropped }) => sum + dropped, 0)
      })
    ),
    sizes: Effect.map(
      pool.askAll("Sizes", (control) => control.Sizes()),
      (lists) => lists.flat()
    ),
    kill: flow(kill, inTurn),
    killShare: flow(killShare, inTurn),
    restart: flow(restart, inTurn),
    add: flow(add, inTurn),
    partition: flow(parting.part, inTurn),
    heal: inTurn(parting.heal),
    publish: publishing.publish,
    broadcast: publishing.broadcast,
    usage,
    leave: Effect.suspend(() =>
      Effect.asVoid(pool.askAll("Leave", (control) => control.Leave(), leavePatience(roster.running().length)))
    ).pipe(inTurn),
    stop: pool.stop.pipe(inTurn),
    events: Stream.fromPubSub(events),
    untilLoss: Deferred.await(loss)
  }
})
