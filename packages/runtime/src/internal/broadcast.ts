/**
 * The broadcast's part of the driver: what the core says of messages goes to subscribers, validators and metrics, and
 * what applications ask goes to the core. All of it is synchronous, in the node's turns; what waits is on either side of
 * it, in bounded queues.
 */
import { type Node, Plumtree, Wire } from "@hyparview/core"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  Broadcast,
  type Candidate,
  type Delivery,
  InvalidTopic,
  type SubscribeOptions,
  type Verdict,
  type View
} from "../Broadcast.ts"
import type { BytesCodec, Topic, TopicOptions } from "../Topic.ts"
import { makeAudiences } from "./audiences.ts"
import { type Asking, type Given, type LaggedSpan, makeHistory, newestWithin, settleHistory } from "./history.ts"
import { Inbox } from "./inbox.ts"
import { makeInOrder } from "./inOrder.ts"
import type { Traffic } from "./links.ts"
import type { Meter } from "./metrics.ts"
import { makePublications, type Publication } from "./publications.ts"
import { dieOf, subscribeFault, topicFault } from "./requests.ts"
import type { Run } from "./run.ts"
import { makeSeldom } from "./seldom.ts"
import type { Settings } from "./settings.ts"
import { bytesCodec, jsonCodec, makeTopic } from "./topic.ts"
import { makeValidation } from "./validation.ts"

/** What it asks of the driver. */
export interface Host {
  readonly maxFrameBytes: number
  readonly run: Run
  readonly meter: Meter
  readonly now: () => number
  /** When the turn that is under way began. */
  readonly turnAt: () => number
  readonly state: () => Node.State
  readonly post: (item: Node.Input | Publication) => void
  readonly mailboxFull: () => boolean
  /** Bytes that wait on the least loaded link to these peers. */
  readonly waitingBytes: (peers: ReadonlyArray<{ readonly id: string }>) => number
  readonly traffic: () => Traffic
  /** Have `turned` called soon. */
  readonly wake: () => void
  /** Have `turned` called at this time, in milliseconds, if not before. */
  readonly wakeAt: (at: number) => void
}

type Output = Extract<
  Node.Output,
  { _tag: "Delivered" | "Duplicate" | "Lagged" | "MadeRoom" | "Validate" | "Rejected" | "Recalled" }
>

export interface Broadcasting {
  readonly service: Broadcast["Service"]
  readonly perform: (output: Output) => void
  /** At the end of each turn: hands on what was waiting for others, and lets in who was waiting for room. */
  readonly turned: (now: number) => void
  /** Whether publishers wait for room on the links. */
  readonly isWaiting: () => boolean
  /** Hands what is measured now and then, and not counted, to the metrics. */
  readonly measure: () => void
  /** Nothing is delivered any more: ends every subscriber's stream, present and future. */
  readonly end: () => void
  readonly stop: () => void
}

interface Subscriber {
  readonly inbox: Inbox<Delivery>
  /** What was part of its history already; undefined if there was nothing that the core may still speak of. */
  given: Given | undefined
}

const bytesOf = (delivery: Delivery): number => (delivery._tag === "Message" ? delivery.payload.byteLength : 0)

const lostOnly = ({ epoch, sequence, source, topic }: Plumtree.MessageId): LaggedSpan => {
  const span = { first: sequence, last: sequence, missed: 1 }
  return { _tag: "Lagged", cause: "network", topic, source, epoch, ...span }
}

/** The largest buffer that a subscriber may ask for, in messages: as for the node's option. */
const maxBuffer = 10_000_000

const bounded = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, Math.floor(value) || low))

export const makeBroadcasting = (settings: Settings, host: Host): Broadcasting => {
  const { meter, now, post, run, state } = host
  /** Inboxes that something has come into in this turn. */
  let unread: Array<Inbox<Delivery>> = []
  const counts = { published: 0, delivered: 0, recovered: 0, duplicates: 0, lagged: 0, rejected: 0 }

  // --- messages to subscribers -----------------------------------------------------------------------------------------

  const hand = (subscriber: Subscriber, delivery: Delivery, held: boolean): void => {
    const { given } = subscriber
    if (given === undefined) return offer(subscriber, delivery, held)
    if (delivery._tag === "Message") {
      const standing = given.standing(delivery)
      if (standing === "known") return
      return offer(subscriber, standing === "fresh" ? delivery : lostOnly(delivery.id), held)
    }
    if (delivery.cause === "subscriber") return offer(subscriber, delivery, held)
    for (const left of given.without(delivery)) offer(subscriber, left, held)
  }

  const offer = ({ inbox }: Subscriber, delivery: Delivery, held: boolean): void => {
    const messages = delivery._tag === "Message" ? 1 : delivery.missed
    if (!inbox.offer(delivery, bytesOf(delivery), messages, held)) meter.count("subscribersLagged", messages)
  }

  const audiences = makeAudiences<Subscriber>({
    hand,
    makeOrder: (topic, handOn) =>
      makeInOrder({
        topic,
        capacity: settings.reorderBuffer,
        capacityBytes: settings.subscriberBytes,
        idleSize: settings.broadcast.sourcesSize,
        // Of a source that is not known nothing is awaited.
        firstMissing: (source, epoch) => Plumtree.firstMissing(state().broadcast, { source, epoch, topic }) ?? Infinity,
        missingOf: (source, epoch, first, last) =>
          Plumtree.missingOf(state().broadcast, { source, epoch, topic }, first, last),
        handOn
      })
  })

  const delivered = ({ hops, id, payload, publishedAt, via }: Extract<Output, { _tag: "Delivered" }>): void => {
    meter.count("delivered")
    meter.hops(hops)
    if (via === "self") {
      counts.published++
      meter.count("published")
    } else {
      counts.delivered++
      meter.latency(Math.max(0, host.turnAt() - publishedAt))
      if (via !== "push") {
        counts.recovered++
        meter.count("recovered")
      }
    }
    audiences.hand(id, id.sequence, { _tag: "Message", id, payload, publishedAt, hops, history: false })
  }

  const lagged = ({ epoch, first, last, source, topic }: Extract<Output, { _tag: "Lagged" }>): void => {
    const missed = last - first + 1
    counts.lagged += missed
    meter.count("lagged", missed)
    tellLagged({ source, epoch, topic }, first, last)
  }

  const tellLagged = ({ epoch, source, topic }: Plumtree.Origin, first: number, last: number): void => {
    const span = { first, last, missed: last - first + 1 }
    const delivery: LaggedSpan = { _tag: "Lagged", cause: "network", topic, source, epoch, ...span }
    audiences.hand(delivery, first, delivery)
  }

  const rejected = ({ id, verdict }: Extract<Output, { _tag: "Rejected" }>): void => {
    // What was not judged may have been worth having: who listens is told. What a validator did not accept is none.
    if (validation.dismissed(id)) tellLagged(id, id.sequence, id.sequence)
    else audiences.orderOf(id.topic)?.refuse(id.source, id.epoch, id.sequence)
    if (verdict === "ignore") return meter.count("ignored")
    counts.rejected++
    meter.count("rejected")
  }

  const seldom = makeSeldom(now, 1)
  /** What others miss later is lost then, and nothing would tell why. */
  const madeRoom = ({ messages, source, topic }: Extract<Output, { _tag: "MadeRoom" }>): void => {
    meter.count("originsCrowded")
    const more = seldom("", "crowded")
    if (more === undefined) return
    const { sourcesSize } = settings.broadcast
    const said =
      "more origins (nodes that publish, times their topics) than sourcesSize: messages are not kept for others any more; raise it on all nodes"
    run(Effect.logWarning(said, { sourcesSize, source, topic, messages, ...more }))
  }

  const perform = (output: Output): void => {
    switch (output._tag) {
      case "Delivered":
        return delivered(output)
      case "Duplicate":
        counts.duplicates++
        return meter.count("duplicates")
      case "Lagged":
        return lagged(output)
      case "MadeRoom":
        return madeRoom(output)
      case "Validate":
        audiences.orderOf(output.id.topic)?.expect(output.id.source, output.id.epoch)
        return validation.ask({ ...output, from: output.from.id })
      case "Rejected":
        return rejected(output)
      case "Recalled":
        return history.recalled(output)
    }
  }

  // --- subscribing ---------------------------------------------------------------------------------------------------

  let ended = false
  const end = (): void => {
    ended = true
    for (const { inbox } of audiences.everybody()) inbox.end()
  }

  const history = makeHistory({
    bytes: Math.min(settings.broadcast.recallBytes, settings.subscriberBytes),
    hasNeighbor: () => state().membership.active.length > 0,
    judges: (topic) => validation.judges(topic),
    judge: (past, decide) =>
      validation.judge({ ...past, from: settings.id }, (verdict) => {
        decide(verdict === "accept")
        host.wake()
      }),
    recall: (requestId, topic, count) => post({ _tag: "Recall", now: now(), requestId, topic, count })
  })

  const subscribe = (topic: string, options: SubscribeOptions = {}): Stream.Stream<Delivery, InvalidTopic> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const strange = subscribeFault(options)
        if (strange !== undefined) return yield* dieOf(strange)
        if (!Wire.isName(topic)) return yield* new InvalidTopic({ topic, reason: "name" })
        const { order = "none" } = options
        const messages = bounded(options.buffer ?? settings.subscriberBuffer, 1, maxBuffer)
        const inbox: Inbox<Delivery> = new Inbox<Delivery>(
          { messages, held: settings.reorderBuffer, bytes: settings.subscriberBytes },
          (missed) => ({ _tag: "Lagged", cause: "subscriber", topic, missed }),
          () => unread.push(inbox)
        )
        const subscriber: Subscriber = { inbox, given: undefined }
        audiences.listen(topic, order, subscriber)
        yield* Effect.addFinalizer(() => Effect.sync(() => audiences.unlisten(topic, subscriber)))
        if (ended) inbox.end()
        const count = bounded(options.history ?? 0, 0, settings.broadcast.recallMessages)
        if (count > 0 && !ended) {
          inbox.hold()
          const askedAt = now()
          const asking: Asking = {
            count,
            deadline: askedAt + settings.historyMillis,
            settle: (past) =>
              inbox.release((waiting, roomBytes) => {
                const { broadcast } = state()
                const core = {
                  firstMissing: (id: Plumtree.MessageId) => Plumtree.firstMissing(broadcast, id),
                  hasSeen: (id: Plumtree.MessageId) => Plumtree.hasSeen(broadcast, id)
                }
                const within = newestWithin(roomBytes, past)
                const { first, given, rest } = settleHistory(order, within, waiting, core, askedAt)
                subscriber.given = given
                return [...first, ...rest]
              }, bytesOf)
          }
          history.ask(topic, asking)
          host.wake()
          yield* Effect.addFinalizer(() => Effect.sync(() => history.cancel(topic, asking)))
        }
        return Stream.fromPull(Effect.succeed(inbox.take))
      })
    )

  // --- validating and publishing ----------------------------------------------------------------------------------------

  const validation = makeValidation({
    topicsSize: settings.broadcast.topicsSize,
    concurrency: settings.validators,
    timeoutMillis: settings.validatorMillis,
    verdictMillis: settings.broadcast.verdictMillis,
    waitingBytes: settings.subscriberBytes,
    now,
    run,
    meter,
    watch: (topic, on) => post({ _tag: "ValidateTopic", now: now(), topic, on }),
    decide: ({ id }, verdict) => post({ _tag: "Validated", now: now(), id, verdict })
  })

  const validate = <R>(topic: string, judge: (message: Candidate) => Effect.Effect<Verdict, unknown, R>) =>
    Effect.gen(function* () {
      // Whoever has no types: it would fail at every message, and each would be ignored.
      if (!Predicate.isFunction(judge))
        return yield* Effect.die(new TypeError("a validator is a function of a message"))
      if (!Wire.isName(topic)) return yield* new InvalidTopic({ topic, reason: "name" })
      const context = yield* Effect.context<R>()
      yield* Effect.acquireRelease(
        Effect.suspend(() => {
          const remove = validation.add(topic, (message) =>
            Effect.provide(
              Effect.suspend(() => {
                const judged = judge(message)
                // Whoever has no types: what is no effect would end the fiber from outside, which then keeps its place for ever.
                return Effect.isEffect(judged)
                  ? judged
                  : Effect.die(new TypeError(`${Formatter.format(judged)} is no effect of a verdict`))
              }),
              context
            )
          )
          return remove === undefined
            ? Effect.fail(new InvalidTopic({ topic, reason: "limit" }))
            : Effect.succeed(remove)
        }),
        (remove) => Effect.sync(remove)
      )
    })

  const publications = makePublications({
    self: settings.id,
    maxWaitingBytes: Math.floor(settings.outboxBytes / 2),
    maxFrameBytes: host.maxFrameBytes,
    maxWaitingPublishers: settings.waitingPublishers,
    meter,
    now,
    down: () => {
      const { status } = state().membership
      return status === "joining" || status === "joined" ? undefined : status
    },
    waitingBytes: () => host.waitingBytes(Plumtree.eagerPeers(state().broadcast, state().membership.self.id)),
    mailboxFull: host.mailboxFull,
    post
  })

  function topic<A, I, RD, RE>(
    name: string,
    schema: Schema.Codec<A, I, RD, RE>,
    options?: TopicOptions & { readonly encoding?: "json" | undefined }
  ): Effect.Effect<Topic<A>, InvalidTopic, RD | RE>
  function topic<A, RD, RE>(
    name: string,
    schema: BytesCodec<A, RD, RE>,
    options: TopicOptions & { readonly encoding: "bytes" }
  ): Effect.Effect<Topic<A>, InvalidTopic, RD | RE>
  function topic<A, RD, RE>(
    name: string,
    schema: BytesCodec<A, RD, RE>,
    options: TopicOptions = {}
  ): Effect.Effect<Topic<A>, InvalidTopic, RD | RE> {
    return Effect.contextWith((services: Context.Context<RD | RE>) => {
      const strange = topicFault(options)
      if (strange !== undefined) return dieOf(strange)
      if (!Wire.isName(name)) return Effect.fail(new InvalidTopic({ topic: name, reason: "name" }))
      const codec = options.encoding === "bytes" ? bytesCodec(schema, services) : jsonCodec(schema, services)
      return Effect.succeed(makeTopic(name, codec, service))
    })
  }

  const service = Broadcast.of({
    publish: publications.publish,
    usableBytes: publications.usableBytes,
    subscribe,
    validate,
    topic,
    view: Effect.sync((): View => {
      const { eagerNeighbors, ...sizes } = Plumtree.sizes(state().broadcast)
      return { ...counts, sent: host.traffic(), ...sizes, eagerNeighbors: eagerNeighbors.map(({ id }) => id) }
    })
  })

  let told = host.traffic()
  const measure = (): void => {
    meter.broadcast(Plumtree.sizes(state().broadcast))
    const traffic = host.traffic()
    for (const key of ["payloadFrames", "payloadBytes", "controlFrames", "controlBytes"] as const) {
      if (traffic[key] > told[key]) meter.count(key, traffic[key] - told[key])
    }
    told = traffic
  }

  return {
    service,
    perform,
    turned: (at) => {
      audiences.release()
      const inboxes = unread
      unread = []
      for (const inbox of inboxes) inbox.wake()
      const next = history.turned(at)
      if (next !== undefined) host.wakeAt(next)
      publications.turned()
    },
    isWaiting: publications.isWaiting,
    measure,
    end,
    stop: () => {
      publications.stop()
      end()
    }
  }
}
