/** What a supervisor sees of its nodes: polls of them, judged in the light of those before. */
import type * as HyParView from "@hyparview/core/HyParView"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { NodeView } from "../Control.ts"
import * as Overview from "../Overview.ts"
import { failuresOf, type Pool, successesOf } from "./pool.ts"
import type { ManagedNode, Roster } from "./roster.ts"

/** A look at all nodes does not wait longer for one process: it would keep from sight what the others show. */
const lookPatience = (nodes: number): Duration.Duration => Duration.seconds(5 + nodes / 100)

export const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Whether a node with this status runs, as far as the overlay is concerned. */
const isUp = (status: NodeView["status"]): boolean => status !== "left" && status !== "stopped"

/** `onStopped`: a node that ran has stopped by itself. */
export const makeWatching = (
  pool: Pool,
  roster: Roster,
  rules: HyParView.Config,
  onStopped: (node: string) => void
) => {
  let watch = Overview.watch
  /** What each process showed of its nodes when it last answered. */
  const seenLast = new Map<number, ReadonlyArray<NodeView>>()

  /** How long one process is waited for. */
  const patienceOf = (process: number) => lookPatience(roster.runningIn(process).length)

  /** Running nodes without a neighbour: whoever came up while nobody was there to join through waits for somebody. */
  const isolated = Effect.map(
    pool.askEach("Poll", (control) => control.Poll({ passive: false }), patienceOf),
    (answers) =>
      successesOf(answers)
        .flat()
        .filter(({ active, id, status }) => active.length === 0 && isUp(status) && roster.get(id)?.isRunning === true)
        .map(({ id }) => id)
  )

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
      onStopped(id)
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

  return { patienceOf, isolated, poll, look, judge }
}
