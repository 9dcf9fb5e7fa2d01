/**
 * How a supervisor does what `Supervisor.ts` says: a roster of nodes, a pool of processes, and requests to them. Commands
 * that start, end or part nodes exclude each other.
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Random from "@hyparview/core/Random"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { flow } from "effect/Function"
import * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type Delivery, type MessageId, type NodeNotStarted, type NodeView, NoSuchNode } from "../Control.ts"
import * as KillPlan from "../KillPlan.ts"
import * as Overview from "../Overview.ts"
import * as Partition from "../Partition.ts"
import { defaultMostNodes, faultOf, type Options } from "../SupervisorConfig.ts"
import { PartlyStarted, TooManyNodes, UselessShare, type WorkerError, type WorkerLost } from "../WorkerError.ts"
import { type Answer, makePool, startPatience } from "./pool.ts"
import { makeRoster, type ManagedNode, numberOf } from "./roster.ts"

/**
 * How many nodes of the whole cluster join at a time: few enough that what they ask is answered within its time-outs even
 * where the machine gives the cluster half of a processor. Seen there with 300 nodes in 5 processes: 39 seconds and 52 ms of
 * processor time a node with 16 at a time; more than 61 and 74 ms with 50, and 777 dials of the contact that timed out; 48
 * and 63 ms with all at once, and 1,373.
 */
const joinsAtOnce = 16

/** Between two looks at all nodes: so many times as long as the last one took, because they need the processor themselves. */
const restShare = 4

/** A look at all nodes does not wait longer for one process: it would keep from sight what the others show. */
const lookPatience = (nodes: number): Duration.Duration => Duration.seconds(5 + nodes / 100)

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

/**
 * A message that was published. `atMillis`: the machine's clock. `expected`: the nodes that ran then.
 *
 * @category models
 * @since 0.1.0
 */
export interface Publication {
  readonly id: MessageId
  readonly from: string
  readonly atMillis: number
  readonly expected: ReadonlyArray<string>
}

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

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

const failuresOf = <A, E>(answers: ReadonlyArray<Answer<A, E>>) =>
  answers.flatMap(({ process, result }) => (result._tag === "Failure" ? [{ process, failure: result.failure }] : []))

/** Whether a node with this status runs, as far as the overlay is concerned. */
const isUp = (status: NodeView["status"]): boolean => status !== "left" && status !== "stopped"

const eachAtOnce = { concurrency: "unbounded", discard: true } as const

export const supervise = Effect.fnUntraced(function* (options: Options) {
  const fault = faultOf(options)
  if (fault !== undefined) return yield* fault
  const clusterSize = options.clusterSize ?? options.nodes
  const ownCycle = options.cycleMillis === undefined ? {} : { cycleMillis: options.cycleMillis }
  const rules = yield* Effect.fromResult(HyParView.forClusterSize(clusterSize, ownCycle))
  const events = yield* PubSub.sliding<SupervisorEvent>({ capacity: 1_024 })
  const loss = yield* Deferred.make<never, WorkerLost>()
  const turn = yield* Semaphore.make(1)
  const roster = makeRoster()
  let watch = Overview.watch
  let partition: Partition.Partition | undefined
  let latest: Publication | undefined
  /** Who came up in a part of which nobody was left, and has to meet the others when the cut is healed. */
  const strangers = new Set<string>()
  /** What each process showed of its nodes when it last answered. */
  const seenLast = new Map<number, ReadonlyArray<NodeView>>()

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

  // --- starting and joining ------------------------------------------------------------------------------------------

  const cluster = options.cluster ?? "local"
  const [firstTopic, ...otherTopics] = options.topics ?? defaultTopics
  const certify = options.tls === true ? yield* makeCertifier(cluster) : undefined

  const startIn = Effect.fnUntraced(function* (process: number, ids: ReadonlyArray<string>) {
    const certificates = certify === undefined ? undefined : yield* certify(ids)
    const request = {
      ...(certificates === undefined ? {} : { certificates }),
      ...(options.bounds === undefined ? {} : { bounds: options.bounds }),
      ...ownCycle,
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

  const patienceOf = (process: number) => lookPatience(roster.runningIn(process).length)

  /** Running nodes without a neighbour: whoever came up while nobody was there to join through waits for somebody. */
  const isolated = Effect.map(
    pool.askEach("Poll", (control) => control.Poll({ passive: false }), patienceOf),
    (answers) => {
      const views = answers.flatMap(({ result }) => (result._tag === "Success" ? result.success : []))
      return views
        .filter(({ active, id, status }) => active.length === 0 && isUp(status) && roster.get(id)?.isRunning === true)
        .map(({ id }) => id)
    }
  )

  /**
   * Through whom each of these joins: somebody of the same part who is settled, or else the first of its part among
   * themselves. Who is in no part reaches everybody, and everybody reaches him. A part of which nobody was left is
   * given the address of another part too, which it finds when the cut is healed.
   */
  const contactsFor = (joiners: ReadonlySet<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
    const groupOf = (id: string) => partition?.groups.findIndex((group) => group.includes(id)) ?? -1
    const running = roster.running()
    const settled = running.filter(({ id }) => !joiners.has(id))
    const coming = running.filter(({ id }) => joiners.has(id))
    const firstOf = (nodes: ReadonlyArray<ManagedNode>, own: number) =>
      nodes.find(({ id }) => own >= 0 && groupOf(id) === own) ?? nodes.find(({ id }) => own < 0 || groupOf(id) < 0)
    const reachesAll = coming.find(({ id }) => groupOf(id) < 0)
    return new Map(
      coming.map(({ id }) => {
        const own = groupOf(id)
        const near = firstOf(settled, own)
        if (near !== undefined) return [id, [near.address]]
        const first = reachesAll ?? firstOf(coming, own)
        const far = running.find((node) => groupOf(node.id) !== own)
        if (first?.id === id && far !== undefined) strangers.add(id)
        return [id, [...new Set([first, far].flatMap((node) => node?.address ?? []))]]
      })
    )
  }

  const connect = Effect.fnUntraced(function* (joiners: ReadonlySet<string>) {
    const contacts = contactsFor(joiners)
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
    const alone = yield* isolated
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
    const blocked = partition === undefined ? [] : failuresOf(yield* enforceEach(partition))
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

  // --- killing and parting -------------------------------------------------------------------------------------------

  /** The process in which a node runs. */
  const processOf = (id: string): Effect.Effect<number, NoSuchNode> => {
    const node = roster.get(id)
    return node?.isRunning === true ? Effect.succeed(node.process) : Effect.fail(new NoSuchNode({ node: id }))
  }

  const housings = (): ReadonlyArray<KillPlan.Housing> =>
    pool
      .workers()
      .map(({ process }) => ({ process, nodes: roster.runningIn(process) }))
      .sort((a, b) => a.process - b.process)

  const kill = Effect.fnUntraced(function* (plan: KillPlan.KillPlan) {
    const single = yield* Effect.forEach(new Set(plan.nodes), (id) =>
      Effect.map(processOf(id), (process) => ({ id, process }))
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

  const enforceEach = (partition: Partition.Partition) => {
    const cuts = Partition.cuts(partition, roster.running())
    return pool.askEach("Block", (control, process) => {
      const here = new Set(roster.runningIn(process))
      const own = cuts.flatMap(({ from, nodes }) => {
        const some = nodes.filter((id) => here.has(id))
        return some.length === 0 ? [] : [{ nodes: some, from }]
      })
      return own.length === 0 ? Effect.void : control.Block({ mode: partition.mode, cuts: own })
    })
  }

  /** Every process is asked, whatever another answers; then the first that failed is told of. */
  const unanimous = Effect.fnUntraced(function* <A, E>(answers: Effect.Effect<ReadonlyArray<Answer<A, E>>>) {
    const [trouble] = failuresOf(yield* answers)
    if (trouble !== undefined) return yield* Effect.fail(trouble.failure)
  })

  const lift = Effect.suspend(() => {
    partition = undefined
    return unanimous(pool.askEach("Heal", (control) => control.Heal()))
  })

  const heal = Effect.gen(function* () {
    const groups = partition?.groups ?? []
    yield* lift
    // Whoever came up when nobody of its part was left has never met anybody of another.
    const apart = [...strangers]
    strangers.clear()
    const others = (id: string) => {
      const own = groups.find((group) => group.includes(id)) ?? []
      return roster.running().find((node) => node.id !== id && !own.includes(node.id))
    }
    for (const id of apart) {
      const other = others(id)
      if (other !== undefined) yield* joinThrough([other.address], new Set([id]))
    }
  })

  const part = Effect.fnUntraced(function* (wanted: Partition.Partition) {
    const checked = yield* Effect.fromResult(Partition.make(wanted, (id) => roster.get(id) !== undefined))
    // A node that is in no group any more reaches everybody.
    if (partition !== undefined) yield* lift
    partition = checked
    yield* unanimous(enforceEach(checked))
  })

  // --- watching ------------------------------------------------------------------------------------------------------

  const poll = Effect.fnUntraced(function* ({ passive }: { readonly passive: boolean }) {
    const views = yield* pool.askAll("Poll", (control) => control.Poll({ passive }))
    return { atMillis: yield* monotonicMillis, nodes: views.flat(), own: roster.ids() }
  })

  /** Whoever has stopped by itself does not run, and can be started again. */
  const buryStopped = (views: ReadonlyArray<NodeView>, known: ReadonlyMap<string, ManagedNode>) => {
    for (const { id, status } of views) {
      const node = known.get(id)
      // One that has been started again while the answer was under way is another.
      if (status !== "stopped" || node?.isRunning !== true || roster.get(id) !== node) continue
      roster.bury([id])
      PubSub.publishUnsafe(events, { _tag: "NodeStopped", node: id })
    }
  }

  /** A poll to which every process answers for itself; of one that does not, what it said last. */
  const look = Effect.fnUntraced(function* ({ passive }: { readonly passive: boolean }) {
    const known = new Map(roster.all().map((node) => [node.id, node]))
    const answers = yield* pool.askEach("Poll", (control) => control.Poll({ passive }), patienceOf)
    const failures = failuresOf(answers)
    const [first] = failures
    if (first !== undefined && failures.length === answers.length) return yield* first.failure
    const nodes = answers.flatMap(({ process, result }) => {
      if (result._tag === "Success") seenLast.set(process, result.success)
      else if (result.failure._tag === "WorkerLost") seenLast.delete(process)
      const here = new Set(roster.runningIn(process))
      return (seenLast.get(process) ?? []).filter(({ id }) => here.has(id))
    })
    buryStopped(nodes, known)
    const silent = failures.flatMap(({ failure }) => (failure._tag === "WorkerSilent" ? [failure] : []))
    return { atMillis: yield* monotonicMillis, nodes, own: roster.ids(), silent }
  })

  const judge = (seen: Overview.Poll): Overview.Overview => {
    const observed = Overview.observe(watch, seen, rules)
    watch = observed.watch
    return observed.overview
  }

  /** Looks until what is seen is enough, or the time is up; then says what was seen last. */
  const paced = Effect.fnUntraced(function* <A, E>(
    look: Effect.Effect<A, E>,
    isEnough: (seen: A) => boolean,
    deadline: number
  ) {
    for (;;) {
      const began = yield* monotonicMillis
      const seen = yield* look
      const now = yield* monotonicMillis
      if (isEnough(seen) || now >= deadline) return seen
      yield* Effect.sleep(Math.max(20, restShare * (now - began)))
    }
  })

  const inspect = Effect.fnUntraced(function* (id: string) {
    const process = yield* processOf(id)
    const found = yield* pool.ask(process, "Inspect", (control) => control.Inspect({ node: id }))
    return found ?? (yield* new NoSuchNode({ node: id }))
  })

  /** As far as the processes answer. */
  const deliveriesSeen = (id: MessageId, within: (process: number) => Duration.Duration = patienceOf) =>
    Effect.map(
      pool.askEach("Deliveries", (control) => control.Deliveries({ id }), within),
      (answers) => answers.flatMap(({ result }) => (result._tag === "Success" ? result.success : []))
    )

  const publish = Effect.fnUntraced(function* (wanted: {
    readonly from: string
    readonly text: string
    readonly topic?: string
  }) {
    const { from, text, topic = firstTopic } = wanted
    const process = yield* processOf(from)
    const expected = roster.running().map(({ id }) => id)
    const published = yield* pool.ask(process, "Publish", (control) => control.Publish({ node: from, topic, text }))
    if (published === undefined) return yield* new NoSuchNode({ node: from })
    latest = { ...published, from, expected }
    return latest
  })

  const broadcast = Effect.fnUntraced(function* (wanted: {
    readonly from: string
    readonly text: string
    readonly within: Duration.Input
  }) {
    const { from, text, within } = wanted
    const { atMillis, expected, id } = yield* publish({ from, text })
    const missingIn = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> => {
      const reached = new Set(deliveries.map(({ node }) => node))
      return expected.filter((node) => !reached.has(node))
    }
    const deadline = (yield* monotonicMillis) + Duration.toMillis(within)
    const left = Effect.map(monotonicMillis, (now) => Duration.millis(Math.max(0, deadline - now)))
    // The message is out. A process that does not say what its nodes have got leaves them missing, and takes nothing of that back.
    // To ask for all deliveries of thousands of nodes again and again takes the processor time that they need themselves.
    const count = Effect.flatMap(left, (left) =>
      Effect.map(
        pool.askEach(
          "CountDeliveries",
          (control) => control.CountDeliveries({ id }),
          () => left
        ),
        (answers) => answers.reduce((sum, { result }) => sum + (result._tag === "Success" ? result.success : 0), 0)
      )
    )
    yield* paced(count, (reached) => reached >= expected.length, deadline)
    // Others, who were not expected, may have been counted too.
    const seen = Effect.flatMap(left, (left) =>
      deliveriesSeen(id, (process) => Duration.max(left, patienceOf(process)))
    )
    const deliveries = yield* paced(seen, (deliveries) => missingIn(deliveries).length === 0, deadline)
    return {
      id,
      from,
      atMillis,
      expected: expected.length,
      deliveries,
      missing: missingIn(deliveries),
      repeated: deliveries.filter(({ copies }) => copies > 1).map(({ node }) => node),
      lastMillis: deliveries.reduce((last, delivery) => Math.max(last, delivery.atMillis - atMillis), 0),
      hops: deliveries.reduce((most, { hops }) => Math.max(most, hops), 0)
    }
  })

  const status = Effect.fnUntraced(function* ({ passive }: { readonly passive: boolean }) {
    const shown = latest
    const [seen, deliveries] = yield* Effect.all(
      [look({ passive }), shown === undefined ? Effect.succeed([]) : deliveriesSeen(shown.id)],
      { concurrency: 2 }
    )
    return {
      nodes: roster.all(),
      views: seen.nodes,
      silent: seen.silent,
      overview: judge(seen),
      partition,
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
    poll,
    overview: Effect.map(poll({ passive: false }), judge),
    status,
    inspect,
    takeLinkLosses: Effect.map(
      pool.askEach("TakeLinkLosses", (control) => control.TakeLinkLosses(), patienceOf),
      (answers) => answers.flatMap(({ result }) => (result._tag === "Success" ? result.success : []))
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
    partition: flow(part, inTurn),
    heal: inTurn(heal),
    publish,
    broadcast,
    usage,
    leave: Effect.suspend(() =>
      Effect.asVoid(pool.askAll("Leave", (control) => control.Leave(), leavePatience(roster.running().length)))
    ).pipe(inTurn),
    stop: pool.stop.pipe(inTurn),
    events: Stream.fromPubSub(events),
    untilLoss: Deferred.await(loss)
  }
})
