/**
 * What every incarnation of every node was told in a run: messages and neighbours. Judged by `@hyparview/faults/History`.
 *
 * @since 0.1.0
 */
import { History } from "@hyparview/faults"

interface Record {
  readonly subscriber: string
  readonly told: Array<History.Told>
  readonly events: Array<History.NeighborEvent>
}

/** The records of one run, by the name of the incarnation. */
export class Histories {
  private readonly records = new Map<string, Record>()
  private readonly published = new Set<string>()

  private of(subscriber: string): Record {
    const known = this.records.get(subscriber)
    if (known !== undefined) return known
    const record: Record = { subscriber, told: [], events: [] }
    this.records.set(subscriber, record)
    return record
  }

  publish(id: History.Id): void {
    this.published.add(History.keyOf(id))
  }

  tell(subscriber: string, told: History.Told): void {
    this.of(subscriber).told.push(told)
  }

  meet(subscriber: string, event: History.NeighborEvent): void {
    this.of(subscriber).events.push(event)
  }

  hasHeard(subscriber: string, id: History.Id): boolean {
    const key = History.keyOf(id)
    return this.of(subscriber).told.some((told) => told._tag === "Delivered" && History.keyOf(told.id) === key)
  }

  /** What is wrong with what anybody was told of messages. */
  deliveryFaults(): ReadonlyArray<string> {
    return [...this.records.values()].flatMap(({ subscriber, told }) =>
      History.faultsOf({ subscriber, told, isOrdered: false }, this.published)
    )
  }

  /** What is wrong with what a node was told of its neighbours. */
  neighborFaults(subscriber: string, active: ReadonlyArray<string | number>): ReadonlyArray<string> {
    return History.neighborFaults(subscriber, this.of(subscriber).events, active)
  }
}
