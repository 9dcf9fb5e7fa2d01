/**
 * What the subscribers of a worker's nodes were told, until a supervisor takes it: every message with whom it was handed to,
 * and every Lagged. What is more than a worker may remember is counted and dropped, so that a supervisor that never asks
 * fills no memory.
 */
import type { Broadcast } from "@hyparview/runtime"
import { keyOf, type Lag, type MessageId, type Told } from "../Control.ts"

/** Handings-out that wait to be taken: of twenty nodes and ten messages a second, those of eight minutes. */
const rememberedHandings = 100_000

/** An incarnation of a node. */
export interface Listener {
  readonly node: string
  readonly epoch: number
}

export const makeTold = () => {
  let messages = new Map<string, { readonly id: MessageId; readonly receivers: Array<readonly [string, number]> }>()
  let lagged: Array<Lag> = []
  let handings = 0
  let dropped = 0
  return {
    record: ({ epoch, node }: Listener, delivery: Broadcast.Delivery): void => {
      if (handings >= rememberedHandings) {
        dropped++
        return
      }
      handings++
      if (delivery._tag === "Message") {
        const key = keyOf(delivery.id)
        const known = messages.get(key)
        if (known === undefined) messages.set(key, { id: delivery.id, receivers: [[node, epoch]] })
        else known.receivers.push([node, epoch])
        return
      }
      const { missed, topic } = delivery
      const range =
        delivery.cause === "network"
          ? { source: delivery.source, sourceEpoch: delivery.epoch, first: delivery.first, last: delivery.last }
          : undefined
      lagged.push({ node, epoch, topic, missed, ...(range === undefined ? {} : { range }) })
    },
    take: (): { readonly told: ReadonlyArray<Told>; readonly lagged: ReadonlyArray<Lag>; readonly dropped: number } => {
      const taken = { told: [...messages.values()], lagged, dropped }
      messages = new Map()
      lagged = []
      handings = dropped = 0
      return taken
    }
  }
}
