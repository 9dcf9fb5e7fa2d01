/**
 * The scenario of `hyparview cluster --exit`: start, join, broadcast, kill, heal, broadcast, leave. Each step says what it
 * saw and has a bound in time; the first that does not hold ends the scenario.
 *
 * @since 0.1.0
 */
import { KillPlan, Overview, Supervisor } from "@hyparview/cluster"
import type * as Plumtree from "@hyparview/core/Plumtree"
import * as Random from "@hyparview/core/Random"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicSeconds } from "./internal/monotonic.ts"
import { kilobytes, many, percent } from "./internal/table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly nodes: number
  readonly processes: number
  readonly tls: boolean
  readonly strategy: Plumtree.Config["strategy"]
  readonly trees: Plumtree.Config["trees"]
  /** Percent of the nodes. */
  readonly kill: number
  readonly seed: number
}

/**
 * One step, done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  /** Since the scenario began, at the step's end. */
  readonly sinceStartSeconds: number
  /** What was seen at its end. */
  readonly seen: string
}

/**
 * Copies for each delivery of the first and of the last of several broadcasts: the first floods, and so grows the tree along
 * which the others go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Copies {
  readonly first: number
  readonly last: number
}

/**
 * What was measured, undefined where the scenario did not get so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  /** From the start to one component in which every link is symmetric. */
  readonly startToWholeSeconds: number | undefined
  /** From the start until the views are full as well. */
  readonly startToFullSeconds: number | undefined
  /** From the kill to one component of the survivors, every link symmetric. */
  readonly killToWholeSeconds: number | undefined
  readonly killToFullSeconds: number | undefined
  /** Copies of its payload that the nodes received for each delivery of a broadcast after the joins; 1 is the least. */
  readonly copiesAfterJoin: Copies | undefined
  /** The same after the kill. */
  readonly copiesAfterHeal: Copies | undefined
  /** Resident memory of a process that has no nodes yet. */
  readonly emptyProcessBytes: number | undefined
  /** What the processes have grown by with their nodes, a node, right after the joins and with their garbage. */
  readonly residentBytesPerNode: number | undefined
  /** The same seconds later, and after a collection. */
  readonly collectedBytesPerNode: number | undefined
  /** Share of one core that 100 idle nodes take, 0–1. */
  readonly idleCpuPer100Nodes: number | undefined
}

/**
 * How a scenario went.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome extends Options {
  readonly ok: boolean
  readonly steps: ReadonlyArray<Step>
  readonly figures: Figures
  readonly killed: { readonly nodes: number; readonly processes: number; readonly contact: boolean } | undefined
}

/** Broadcasts of a step, one after the other from the same node. */
const rounds = 10

/**
 * Links that the joins needed for a moment are looked for every 3 seconds, and closed once they have been idle for as long: the
 * last of them, all at about one time, 6 seconds later at most. And the collection has thrown code away.
 */
const settleSeconds = 6

/** How long idleness is measured after that. Heartbeats beat every 10 seconds, each node's at its own phase. */
const idleSeconds = 5

/**
 * Bounds, not expectations: what takes longer than this will not come. They grow with the cluster. Over TLS a node that
 * joins costs some sixteen handshakes of 4 to 6 milliseconds, so that a machine with much else to do needs longer.
 */
const bounds = ({ nodes, tls }: Options) => ({
  start: Duration.seconds(60 + nodes / 10),
  whole: Duration.seconds(60 + nodes / (tls ? 2 : 5)),
  // A free slot that nobody can fill waits for the next shuffle, 30 seconds ± 50 %.
  full: Duration.seconds(180 + nodes / 10),
  broadcast: Duration.seconds(30 + nodes / 50),
  // Before and after each broadcast the nodes are polled until nothing is under way.
  counting: Duration.seconds(30 + nodes / 20),
  idle: Duration.seconds(60),
  kill: Duration.seconds(30),
  leave: Duration.seconds(30 + nodes / 50)
})

interface Seen {
  readonly ok: boolean
  readonly seen: string
}

/** A poll of n nodes costs processor time that the nodes need themselves. */
const pollEvery = (nodes: number): Duration.Duration => Duration.millis(Math.min(5_000, Math.max(50, nodes / 2)))

const listed = (items: ReadonlyArray<string>): string =>
  items.slice(0, 5).join(", ") + (items.length > 5 ? ` and ${items.length - 5} more` : "")

/**
 * Plays the scenario. `onStep` hears of each step as it ends. Fails never: what goes wrong is a step that does not hold.
 *
 * @category running
 * @since 0.1.0
 */
export const play = Effect.fnUntraced(function* (
  options: Options,
  onStep: (step: Step) => Effect.Effect<void>
): Effect.fn.Return<Outcome, never, Supervisor.Supervisor> {
  const supervisor = yield* Supervisor.Supervisor
  const random = Random.seeded(options.seed)
  const began = yield* monotonicSeconds
  const limit = bounds(options)
  const steps: Array<Step> = []
  let killedAt = began
  let killed: Outcome["killed"]
  let figures: Figures = {
    startToWholeSeconds: undefined,
    startToFullSeconds: undefined,
    killToWholeSeconds: undefined,
    killToFullSeconds: undefined,
    copiesAfterJoin: undefined,
    copiesAfterHeal: undefined,
    emptyProcessBytes: undefined,
    residentBytesPerNode: undefined,
    collectedBytesPerNode: undefined,
    idleCpuPer100Nodes: undefined
  }
  const measured = (more: Partial<Figures>): void => {
    figures = { ...figures, ...more }
  }
  const since = (start: number) => Effect.map(monotonicSeconds, (now) => now - start)

  /** Polls until the overlay is as wished, or the bound has passed. */
  const until = Effect.fnUntraced(function* (
    isReached: (overview: Overview.Overview) => boolean,
    bound: Duration.Duration
  ) {
    const deadline = (yield* monotonicSeconds) + Duration.toSeconds(bound)
    let overview = yield* supervisor.overview
    while (!isReached(overview) && (yield* monotonicSeconds) < deadline) {
      yield* Effect.sleep(pollEvery(options.nodes))
      overview = yield* supervisor.overview
    }
    const ok = isReached(overview)
    return { ok, seen: ok ? Overview.summary(overview) : yield* diagnosis(supervisor, overview) }
  })

  const someone = Effect.map(supervisor.nodes, (nodes) => {
    const running = nodes.filter((node) => node.isRunning)
    return running[Random.nextBelow(random, running.length)]?.id ?? "n1"
  })

  /** Copies received and deliveries, by all nodes since their starts, when nothing is under way any more. */
  const received = Effect.gen(function* () {
    let before = (yield* supervisor.overview).broadcasts
    for (;;) {
      yield* Effect.sleep(pollEvery(options.nodes))
      const { broadcasts } = yield* supervisor.overview
      if (broadcasts.delivered === before.delivered && broadcasts.duplicates === before.duplicates) return broadcasts
      before = broadcasts
    }
  })

  const broadcast = (figure: "copiesAfterJoin" | "copiesAfterHeal") =>
    Effect.gen(function* () {
      const from = yield* someone
      const copies: Array<number> = []
      let lastMillis = 0
      let hops = 0
      let expected = 0
      for (let round = 1; round <= rounds; round++) {
        const before = yield* received
        const reach = yield* supervisor.broadcast({ from, text: `hello from ${from}`, within: limit.broadcast })
        const { missing, repeated } = reach
        if (missing.length > 0 || repeated.length > 0) {
          const got = `broadcast ${round} from ${from}: ${reach.expected - missing.length} of ${reach.expected} got it`
          return {
            ok: false,
            seen:
              got +
              (missing.length === 0 ? "" : `; missing: ${listed(missing)}`) +
              (repeated.length === 0 ? "" : `; more than once: ${listed(repeated)}`)
          }
        }
        const after = yield* received
        const deliveries = after.delivered - before.delivered
        copies.push((deliveries + after.duplicates - before.duplicates) / Math.max(1, deliveries))
        lastMillis = Math.max(lastMillis, reach.lastMillis)
        hops = Math.max(hops, reach.hops)
        expected = reach.expected
      }
      const first = copies[0] ?? 0
      const last = copies.at(-1) ?? 0
      measured({ [figure]: { first, last } })
      return {
        ok: true,
        seen:
          `${many(rounds, "broadcast")} from ${from}: ${expected} of ${expected} got each, the last after ${lastMillis} ms,` +
          ` ${hops} hops at most; copies for each delivery ${first.toFixed(2)} at first, ${last.toFixed(2)} at last`
      }
    })

  const whole = (start: () => number, figure: "startToWholeSeconds" | "killToWholeSeconds") =>
    Effect.gen(function* () {
      const seen = yield* until(Overview.isWhole, limit.whole)
      if (seen.ok) measured({ [figure]: yield* since(start()) })
      return seen
    })

  const full = (start: () => number, figure: "startToFullSeconds" | "killToFullSeconds") =>
    Effect.gen(function* () {
      const seen = yield* until(Overview.isFull, limit.full)
      if (seen.ok) measured({ [figure]: yield* since(start()) })
      return seen
    })

  const script: ReadonlyArray<{
    readonly name: string
    readonly bound: Duration.Duration
    readonly body: Effect.Effect<Seen, { readonly message: string }>
  }> = [
    {
      name: `start ${many(options.nodes, "node")} in ${many(options.processes, "process")}`,
      bound: limit.start,
      body: Effect.map(supervisor.start, (nodes) => ({
        ok: nodes.length === options.nodes,
        seen: `${nodes.length} listen; the contact is n1 at ${nodes.find(({ id }) => id === "n1")?.address ?? "?"}`
      }))
    },
    {
      name: "join: one symmetric component",
      bound: Duration.sum(limit.whole, Duration.seconds(30)),
      body: Effect.andThen(
        supervisor.join,
        whole(() => began, "startToWholeSeconds")
      )
    },
    {
      name: "join: views full",
      bound: Duration.sum(limit.full, Duration.seconds(30)),
      body: full(() => began, "startToFullSeconds")
    },
    {
      name: "broadcasts reach all",
      bound: Duration.sum(limit.broadcast, limit.counting),
      body: broadcast("copiesAfterJoin")
    },
    {
      name: `idle for ${settleSeconds + idleSeconds} s`,
      bound: limit.idle,
      body: Effect.map(measureIdle(supervisor), (idle) => {
        measured(idle)
        return {
          ok: true,
          seen:
            `${kilobytes(idle.residentBytesPerNode)} a node (${kilobytes(idle.collectedBytesPerNode)} when idle and collected)` +
            ` beyond ${kilobytes(idle.emptyProcessBytes)} a process,` +
            ` ${percent(idle.idleCpuPer100Nodes)} of a core for 100 nodes`
        }
      })
    },
    {
      name: `kill ${options.kill} %`,
      bound: limit.kill,
      body: Effect.gen(function* () {
        const count = KillPlan.share(options.nodes, options.kill)
        const housings = yield* supervisor.housings
        const plan = KillPlan.plan(housings, count, options.seed)
        killedAt = yield* monotonicSeconds
        yield* supervisor.kill(plan)
        const nodes = yield* supervisor.nodes
        const dead = nodes.filter((node) => !node.isRunning)
        const contact = dead.some(({ id }) => id === "n1")
        killed = { nodes: dead.length, processes: plan.processes.length, contact }
        return {
          ok: dead.length === count,
          seen:
            `${many(dead.length, "node")}: ${many(plan.processes.length, "process")} by SIGKILL,` +
            ` ${many(plan.nodes.length, "single node")}; the contact ${contact ? "is" : "is not"} among them`
        }
      })
    },
    {
      name: "heal: one symmetric component",
      bound: Duration.sum(limit.whole, Duration.seconds(30)),
      body: whole(() => killedAt, "killToWholeSeconds")
    },
    {
      name: "heal: views full",
      bound: Duration.sum(limit.full, Duration.seconds(30)),
      body: full(() => killedAt, "killToFullSeconds")
    },
    {
      name: "broadcasts reach all survivors",
      bound: Duration.sum(limit.broadcast, limit.counting),
      body: broadcast("copiesAfterHeal")
    },
    {
      name: "leave",
      bound: limit.leave,
      body: Effect.gen(function* () {
        yield* supervisor.leave
        const { nodes } = yield* supervisor.poll({ passive: false })
        const staying = nodes.filter(({ active, status }) => status !== "left" || active.length > 0)
        const endings = yield* supervisor.stop
        const unclean = endings.filter(({ code }) => code !== 0)
        return {
          ok: staying.length === 0 && unclean.length === 0,
          seen:
            `${nodes.length - staying.length} of ${nodes.length} nodes have left,` +
            ` ${endings.length - unclean.length} of ${many(endings.length, "process")} ended with 0`
        }
      })
    }
  ]

  for (const { body, bound, name } of script) {
    const start = yield* monotonicSeconds
    const { ok, seen } = yield* Effect.raceFirst(body, supervisor.untilLoss).pipe(
      Effect.timeoutOrElse({
        duration: bound,
        orElse: () => Effect.succeed({ ok: false, seen: `not done within ${Duration.format(bound)}` })
      }),
      Effect.catch((error) => Effect.succeed({ ok: false, seen: error.message }))
    )
    const now = yield* monotonicSeconds
    const step = { name, ok, seconds: now - start, sinceStartSeconds: now - began, seen }
    steps.push(step)
    yield* onStep(step)
    if (!ok) break
  }
  return { ...options, ok: steps.every(({ ok }) => ok) && steps.length === script.length, steps, figures, killed }
})

/** What is wrong, in sentences: the overlay's own rules on a poll that includes the views in reserve. */
const diagnosis = (supervisor: Supervisor.Supervisor["Service"], overview: Overview.Overview) =>
  Effect.map(supervisor.poll({ passive: true }), ({ nodes }) =>
    [Overview.summary(overview), ...Overview.faults(nodes, supervisor.rules).slice(0, 10)].join("\n  ")
  )

const measureIdle = Effect.fnUntraced(function* (supervisor: Supervisor.Supervisor["Service"]) {
  const raw = yield* supervisor.usage({ collect: false })
  // Once before, so that no collection of the processes' own falls into what is measured.
  yield* supervisor.usage({ collect: true })
  yield* Effect.sleep(Duration.seconds(settleSeconds))
  const before = yield* supervisor.usage({ collect: false })
  yield* Effect.sleep(Duration.seconds(idleSeconds))
  const after = yield* supervisor.usage({ collect: false })
  const collected = yield* supervisor.usage({ collect: true })
  const sum = (
    usages: ReadonlyArray<Supervisor.ProcessUsage>,
    value: (usage: Supervisor.ProcessUsage) => number
  ): number => usages.reduce((total, usage) => total + value(usage), 0)
  const nodes = Math.max(
    1,
    sum(after, ({ usage }) => usage.nodes)
  )
  const grown = ({ empty, usage }: Supervisor.ProcessUsage): number => usage.residentBytes - empty.residentBytes
  const cores = after.reduce((total, { process, usage }) => {
    const earlier = before.find((other) => other.process === process)?.usage
    if (earlier === undefined) return total
    return total + (usage.cpuMicros - earlier.cpuMicros) / ((usage.atMillis - earlier.atMillis) * 1_000)
  }, 0)
  return {
    emptyProcessBytes: Math.round(sum(after, ({ empty }) => empty.residentBytes) / Math.max(1, after.length)),
    residentBytesPerNode: Math.round(sum(raw, grown) / nodes),
    collectedBytesPerNode: Math.round(sum(collected, grown) / nodes),
    idleCpuPer100Nodes: (cores * 100) / nodes
  }
})
