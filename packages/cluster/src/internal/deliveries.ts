/**
 * Who in a worker process was handed which message: what a supervisor asks for to see how far a broadcast got. The oldest
 * messages are forgotten first.
 */
import type * as Clock from "effect/Clock"
import { type Delivery, keyOf, type MessageId } from "../Control.ts"

/** How many messages a worker remembers the deliveries of. */
const rememberedMessages = 256

/** When something was handed out is read from the clock: the machine's, which all processes share. */
export const makeDeliveries = (clock: Clock.Clock) => {
  const messages = new Map<string, Map<string, Delivery>>()
  return {
    /** How many nodes have been handed it. */
    count: (id: MessageId): number => messages.get(keyOf(id))?.size ?? 0,
    of: (id: MessageId): ReadonlyArray<Delivery> => [...(messages.get(keyOf(id))?.values() ?? [])],
    record: (id: MessageId, node: string, hops: number): void => {
      let receivers = messages.get(keyOf(id))
      if (receivers === undefined) {
        receivers = new Map()
        messages.set(keyOf(id), receivers)
        const [oldest] = messages.keys()
        if (messages.size > rememberedMessages && oldest !== undefined) messages.delete(oldest)
      }
      const earlier = receivers.get(node)
      receivers.set(
        node,
        earlier === undefined
          ? { node, hops, atMillis: clock.currentTimeMillisUnsafe(), copies: 1 }
          : { ...earlier, copies: earlier.copies + 1 }
      )
    }
  }
}
