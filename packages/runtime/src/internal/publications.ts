/**
 * Publishing, with backpressure: whether there is room, and who waits for it. A publication goes through the node's
 * mailbox like everything else; the bytes that wait there count as if they were on the links already, so that a burst
 * cannot overrun them within one turn.
 */
import { type Node, type Plumtree, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import {
  InvalidTopic,
  NotJoined,
  Overloaded,
  PayloadTooLarge,
  type PublishError,
  type PublishOptions
} from "./messages.ts"
import type { Meter } from "./metrics.ts"
import { dieOf, publishFault } from "./requests.ts"

/** What waits in the mailbox for the core, and for whom. */
export interface Publication {
  readonly _tag: "Publication"
  readonly input: Extract<Node.Input, { _tag: "Publish" }>
  readonly done: (outputs: ReadonlyArray<Node.Output>) => void
  /** The core has thrown on it. */
  readonly died: (defect: unknown) => void
}

type Resume = (result: Effect.Effect<Plumtree.MessageId, PublishError>) => void

interface Waiting {
  readonly topic: string
  readonly payload: Uint8Array
  readonly resume: Resume
}

export interface Publications {
  readonly publish: (
    topic: string,
    payload: Uint8Array,
    options?: PublishOptions
  ) => Effect.Effect<Plumtree.MessageId, PublishError>
  readonly usableBytes: (topic: string) => Effect.Effect<number, InvalidTopic>
  /** Lets in whoever waits and finds room, at the end of a turn. */
  readonly turned: () => void
  /** Whether anybody waits for room. */
  readonly isWaiting: () => boolean
  /** The node has stopped: nobody waits any more. */
  readonly stop: () => void
}

export const makePublications = (options: {
  readonly self: string
  /** Bytes that may wait on a link before publishers are held back, and the most that one payload may have. */
  readonly maxWaitingBytes: number
  readonly maxFrameBytes: number
  readonly maxWaitingPublishers: number
  readonly meter: Meter
  readonly now: () => number
  /** `undefined` while the node is up, its status otherwise. */
  readonly down: () => NotJoined["status"] | undefined
  /** Bytes that wait on the least loaded link along which a publication would go. */
  readonly waitingBytes: () => number
  readonly mailboxFull: () => boolean
  readonly post: (publication: Publication) => void
}): Publications => {
  const { mailboxFull, maxFrameBytes, maxWaitingBytes, maxWaitingPublishers, meter, now, post, self } = options
  /** The first that came first. There may be very many, and each may be interrupted. */
  const waiting = new Set<Waiting>()
  /** Bytes of publications in the mailbox. */
  let postedBytes = 0
  let stopped = false
  const down = (): NotJoined["status"] | undefined => (stopped ? "stopped" : options.down())

  const isFull = (): boolean => options.waitingBytes() + postedBytes > maxWaitingBytes || mailboxFull()

  const submit = ({ payload, resume, topic }: Waiting): void => {
    postedBytes += payload.byteLength
    post({
      _tag: "Publication",
      input: { _tag: "Publish", now: now(), topic, payload },
      died: (defect) => {
        postedBytes -= payload.byteLength
        resume(Effect.die(defect))
      },
      done: (outputs) => {
        postedBytes -= payload.byteLength
        for (const output of outputs) {
          if (output._tag === "Delivered" && output.via === "self") return resume(Effect.succeed(output.id))
        }
        const status = down()
        resume(
          Effect.fail(status === undefined ? new InvalidTopic({ topic, reason: "limit" }) : new NotJoined({ status }))
        )
      }
    })
  }

  /** What a link could never hold would have its peer expelled. */
  const roomFor = (topic: string): number => Math.min(maxFrameBytes, maxWaitingBytes) - Wire.gossipOverhead(self, topic)

  const usableBytes: Publications["usableBytes"] = (topic) =>
    Effect.suspend(() =>
      Wire.isName(topic)
        ? Effect.succeed(Math.max(0, roomFor(topic)))
        : Effect.fail(new InvalidTopic({ topic, reason: "name" }))
    )

  const faultOf = (topic: string, payload: Uint8Array): PublishError | undefined => {
    if (!Wire.isName(topic)) return new InvalidTopic({ topic, reason: "name" })
    const bytes = payload.byteLength
    const room = roomFor(topic)
    if (bytes > room) return new PayloadTooLarge({ topic, bytes, usableBytes: room })
    // A node that is not up yet may be once the mailbox has come to this: a Join may wait there.
    return stopped ? new NotJoined({ status: "stopped" }) : undefined
  }

  const publish: Publications["publish"] = (topic, payload, options) =>
    Effect.withSpan(offer(topic, payload, options), "Broadcast.publish", {
      attributes: { self, topic },
      captureStackTrace: false
    })

  const offer = (
    topic: string,
    payload: Uint8Array,
    asked: PublishOptions = {}
  ): Effect.Effect<Plumtree.MessageId, PublishError> =>
    Effect.callback((resume) => {
      // Whoever has no types: what has no number of bytes would undo the bound of what may wait.
      if (!ArrayBuffer.isView(payload)) return resume(Effect.die(new TypeError("a payload is bytes, a Uint8Array")))
      const strange = publishFault(asked)
      if (strange !== undefined) return resume(dieOf(strange))
      const fault = faultOf(topic, payload)
      if (fault !== undefined) return resume(Effect.fail(fault))
      const publication: Waiting = { topic, payload, resume }
      if (waiting.size === 0 && !isFull()) return submit(publication)
      if (asked.whenFull !== "wait" || waiting.size >= maxWaitingPublishers) {
        meter.count("overloaded")
        return resume(Effect.fail(overloaded(asked.whenFull === "wait")))
      }
      waiting.add(publication)
      return Effect.sync(() => waiting.delete(publication))
    })

  const overloaded = (asksToWait: boolean): Overloaded => {
    const waitingBytes = options.waitingBytes() + postedBytes
    const isLinks = !asksToWait && waitingBytes > maxWaitingBytes
    const full = isLinks ? "links" : !asksToWait && mailboxFull() ? "mailbox" : "publishers"
    return new Overloaded({ full, waitingBytes, waitingPublishers: waiting.size })
  }

  const turned = (): void => {
    if (waiting.size === 0) return
    const status = down()
    if (status !== undefined) {
      const all = [...waiting]
      waiting.clear()
      for (const { resume } of all) resume(Effect.fail(new NotJoined({ status })))
    }
    for (const next of waiting) {
      if (isFull()) return
      waiting.delete(next)
      submit(next)
    }
  }

  return {
    publish,
    usableBytes,
    turned,
    isWaiting: () => waiting.size > 0,
    stop: () => {
      stopped = true
      turned()
    }
  }
}
