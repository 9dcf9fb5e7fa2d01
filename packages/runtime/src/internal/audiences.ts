/**
 * Who listens to which topic here, and how a delivery reaches them: at once, or through the topic's order, which is there
 * only while somebody wants it.
 */
import type { Plumtree } from "@hyparview/core"
import type { InOrder } from "./inOrder.ts"
import type { Delivery } from "./messages.ts"

/** Everybody who listens to a topic. */
interface Audience<S> {
  readonly unordered: Set<S>
  readonly ordered: Set<S>
  order: InOrder | undefined
}

export interface Audiences<S> {
  readonly listen: (topic: string, order: "none" | "source", subscriber: S) => void
  readonly unlisten: (topic: string, subscriber: S) => void
  /** Hands a delivery to who wants no order, and puts it in its place for the others. */
  readonly hand: (origin: Plumtree.Origin, sequence: number, delivery: Delivery) => void
  /** The order of a topic, if somebody wants any: to be told of something. */
  readonly orderOf: (topic: string) => InOrder | undefined
  /** Hands on, in order, what waits for nothing any more. */
  readonly release: () => void
  readonly everybody: () => ReadonlyArray<S>
  /** To how many topics somebody listens. */
  readonly size: () => number
}

export const makeAudiences = <S>(options: {
  readonly makeOrder: (topic: string, handOn: (delivery: Delivery, held: boolean) => void) => InOrder
  /** `held`: it has waited for its place in the order. */
  readonly hand: (subscriber: S, delivery: Delivery, held: boolean) => void
}): Audiences<S> => {
  const { hand, makeOrder } = options
  const audiences = new Map<string, Audience<S>>()
  /** Those of them whose order has been told of something, or in whose order something waits. There may be thousands of others. */
  const busy = new Set<Audience<S>>()

  const audienceOf = (topic: string): Audience<S> => {
    const known = audiences.get(topic)
    if (known !== undefined) return known
    const audience: Audience<S> = { unordered: new Set(), ordered: new Set(), order: undefined }
    audiences.set(topic, audience)
    return audience
  }

  const orderIn = (audience: Audience<S> | undefined): InOrder | undefined => {
    if (audience?.order !== undefined) busy.add(audience)
    return audience?.order
  }

  return {
    listen: (topic, order, subscriber) => {
      const audience = audienceOf(topic)
      if (order === "none") {
        audience.unordered.add(subscriber)
        return
      }
      const { ordered } = audience
      ordered.add(subscriber)
      audience.order ??= makeOrder(topic, (delivery, held) => {
        for (const other of ordered) hand(other, delivery, held)
      })
    },
    unlisten: (topic, subscriber) => {
      const audience = audiences.get(topic)
      if (audience === undefined) return
      audience.unordered.delete(subscriber)
      audience.ordered.delete(subscriber)
      if (audience.ordered.size > 0) return
      audience.order = undefined
      busy.delete(audience)
      if (audience.unordered.size === 0) audiences.delete(topic)
    },
    hand: ({ epoch, source, topic }, sequence, delivery) => {
      const audience = audiences.get(topic)
      if (audience === undefined) return
      for (const subscriber of audience.unordered) hand(subscriber, delivery, false)
      orderIn(audience)?.add(source, epoch, sequence, delivery)
    },
    orderOf: (topic) => orderIn(audiences.get(topic)),
    release: () => {
      for (const audience of busy) if (audience.order?.release() !== true) busy.delete(audience)
    },
    everybody: () => [...audiences.values()].flatMap(({ ordered, unordered }) => [...unordered, ...ordered]),
    size: () => audiences.size
  }
}
