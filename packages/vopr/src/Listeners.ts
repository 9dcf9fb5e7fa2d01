/**
 * The applications of a run on the runtime: each incarnation of each node follows its neighbours and every topic, and what it
 * is told goes to the histories. A listener that fails, or is too slow, is a violation.
 */
import type { TestCluster } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Histories } from "./Histories.ts"

/** A node's id. Names in the order of their indices. */
export const idOf = (index: number): string => `n${String(index).padStart(3, "0")}`

/** One incarnation of one node, and the name under which what it was told is kept. */
interface Listener {
  readonly name: string
  readonly running: TestCluster.RunningNode
}

export interface Options {
  /** Everybody subscribes to these. */
  readonly topics: ReadonlySet<string>
  /** To these of them in order. */
  readonly orderedTopics: ReadonlySet<string>
  readonly histories: Histories
  readonly violate: (rule: string, detail: string) => void
}

export class Listeners {
  private readonly options: Options
  private readonly listeners = new Map<string, Listener>()

  constructor(options: Options) {
    this.options = options
  }

  /** The name of a node's latest incarnation, by its id. */
  nameOf(id: string): string {
    return this.listeners.get(id)?.name ?? id
  }

  /** Listens to every incarnation that has started since the last look. */
  listen(cluster: TestCluster.TestCluster): Effect.Effect<void, never, Scope.Scope> {
    return Effect.forEach(
      cluster.running(),
      (node) => {
        const id = idOf(node)
        const running = cluster.node(node)
        const last = this.listeners.get(id)
        if (last?.running === running) return Effect.void
        const listener: Listener = { name: last === undefined ? id : `${last.name}'`, running }
        this.listeners.set(id, listener)
        const following = [...this.options.topics].map((topic) => this.followTopic(listener, topic))
        return Effect.forEach(
          [this.followEvents(listener), ...following],
          (follow) => Effect.forkScoped(follow, { startImmediately: true }),
          { discard: true }
        )
      },
      { discard: true }
    )
  }

  private followEvents({ name, running }: Listener): Effect.Effect<void> {
    const { histories, violate } = this.options
    return running.membership.events.pipe(
      Stream.runForEach(({ _tag, peer }) => Effect.sync(() => histories.meet(name, { _tag, peer: peer.id }))),
      Effect.catchTags({
        DuplicateIdentity: (error) => Effect.sync(() => violate("identity", error.message)),
        EventsLost: (error) => Effect.sync(() => violate("events", error.message))
      })
    )
  }

  private followTopic({ name, running }: Listener, topic: string): Effect.Effect<void> {
    const { histories, orderedTopics, violate } = this.options
    const order = orderedTopics.has(topic) ? "source" : "none"
    return running.broadcast.subscribe(topic, { order }).pipe(
      Stream.runForEach((delivery) =>
        Effect.sync(() => {
          if (delivery._tag === "Message") histories.tell(name, { _tag: "Delivered", id: delivery.id })
          else if (delivery.cause === "network") histories.tell(name, { ...delivery, _tag: "Lagged" })
          else violate("lagged", `${name} was too slow for ${delivery.missed} messages on ${topic}`)
        })
      ),
      Effect.orDie
    )
  }
}
