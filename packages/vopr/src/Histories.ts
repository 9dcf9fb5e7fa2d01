/** What every incarnation of every node was told in a run: messages and neighbours. Judged by `@hyparview/faults/History`. */
import { History } from "@hyparview/faults"

interface Record {
  readonly subscriber: string
  /** By topic, since order is asked for by topic. */
  readonly told: Map<string, Array<History.Told>>
  /** By key, what came to its node of what is asked for in order. */
  readonly came: Set<string>
  readonly events: Array<History.NeighborEvent>
}

const none: ReadonlyArray<never> = []

/** The records of one run, by the name of the incarnation. */
export class Histories {
  private readonly records = new Map<string, Record>()
  /** By key, what was published, and when. */
  private readonly published = new Map<string, { readonly id: History.Id; readonly atMillis: number }>()
  private readonly orderedTopics: ReadonlySet<string>

  /** `orderedTopics`: those that subscribers have asked to be handed in order. */
  constructor(orderedTopics: ReadonlySet<string> = new Set()) {
    this.orderedTopics = orderedTopics
  }

  private of(subscriber: string): Record {
    const known = this.records.get(subscriber)
    if (known !== undefined) return known
    const record: Record = { subscriber, told: new Map(), came: new Set(), events: [] }
    this.records.set(subscriber, record)
    return record
  }

  private historiesOf({ subscriber, told }: Record): ReadonlyArray<History.History> {
    return [...told].map(([topic, told]) => ({ subscriber, told, isOrdered: this.orderedTopics.has(topic) }))
  }

  publish(id: History.Id, atMillis: number): void {
    this.published.set(History.keyOf(id), { id, atMillis })
  }

  tell(subscriber: string, told: History.Told): void {
    const topic = told._tag === "Delivered" ? told.id.topic : told.topic
    const { told: byTopic } = this.of(subscriber)
    const known = byTopic.get(topic)
    if (known === undefined) byTopic.set(topic, [told])
    else known.push(told)
  }

  /** A message came to the node of a subscriber, which may be handed it, or be told that it is too late. */
  come(subscriber: string, id: History.Id): void {
    if (this.orderedTopics.has(id.topic)) this.of(subscriber).came.add(History.keyOf(id))
  }

  meet(subscriber: string, event: History.NeighborEvent): void {
    this.of(subscriber).events.push(event)
  }

  hasHeard(subscriber: string, id: History.Id): boolean {
    const key = History.keyOf(id)
    const told = this.of(subscriber).told.get(id.topic) ?? none
    return told.some((told) => told._tag === "Delivered" && History.keyOf(told.id) === key)
  }

  /** What is wrong with what anybody was told of messages. */
  deliveryFaults(): ReadonlyArray<string> {
    const published = new Set(this.published.keys())
    return [...this.records.values()].flatMap((record) =>
      this.historiesOf(record).flatMap((history) => History.faultsOf(history, published))
    )
  }

  /** Of what these were neither handed nor told that it is lost, though they were told of what came before and after it. */
  gaps(subscribers: ReadonlyArray<string>): ReadonlyArray<string> {
    return subscribers.flatMap((subscriber) => this.historiesOf(this.of(subscriber)).flatMap(History.gapsOf))
  }

  /** What was published since, and only some of these were handed: it is there, and all others should have it too. */
  missing(subscribers: ReadonlyArray<string>, sinceMillis: number): ReadonlyArray<string> {
    if (sinceMillis === Infinity) return none
    const due = [...this.published.values()].flatMap(({ atMillis, id }) =>
      atMillis >= sinceMillis && subscribers.some((subscriber) => this.hasHeard(subscriber, id)) ? [id] : []
    )
    const topics = new Set(due.map(({ topic }) => topic))
    return subscribers.flatMap((subscriber) =>
      [...topics].flatMap((topic) => {
        const { came, told } = this.of(subscriber)
        const history = { subscriber, told: told.get(topic) ?? none, isOrdered: this.orderedTopics.has(topic) }
        const onIt = due.filter((id) => id.topic === topic)
        return History.missingOf(history, onIt, came)
      })
    )
  }

  /** What is wrong with what a node was told of its neighbours. */
  neighborFaults(subscriber: string, active: ReadonlyArray<string | number>): ReadonlyArray<string> {
    return History.neighborFaults(subscriber, this.of(subscriber).events, active)
  }
}
