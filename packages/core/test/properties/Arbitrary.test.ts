/**
 * Hostile sequences drawn by Effect's `Arbitrary`, which shortens a sequence that breaks something to the few inputs that
 * it takes. Numbers are small, so that guesses hit: request ids, link names, timers.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { seeded } from "@hyparview/core/Random"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { deepFreeze, transitionFaults } from "../explore/Always.ts"
import type { Input } from "./hostile.ts"

/** Each equally likely. */
const few = (...values: ReadonlyArray<number>) => Schema.Literals(values)

const Id = few(0, 1, 2, 3, 4, 5, 6)
/** Any number, but mostly one that means something. */
// @effect-diagnostics-next-line schemaNumber:off
const Wild = Schema.Union([few(0, 1, 2, 3, 4, 5, 6), few(-1, 255, Number.MAX_SAFE_INTEGER), Schema.Number])
const Someone = Schema.Struct({ id: Id, epoch: few(1, 1, 1, 2) })
const Link = Schema.Struct({ asker: Id, epoch: few(1), requestId: few(1, 2, 3, 4, 5, 6) })
const Sample = Schema.Struct({ peers: Schema.Array(Someone), ages: Schema.Array(Wild) })
const RequestId = few(1, 2, 3, 4, 5, 6, 7, 8)

const Message = Schema.TaggedUnion({
  Join: { requestId: RequestId },
  ForwardJoin: { link: Link, joiner: Someone, ttl: Wild },
  Neighbor: { requestId: RequestId, reason: Schema.Literals(["empty", "joinWalk", "repair", "bridge"]) },
  NeighborReply: {
    requestId: RequestId,
    answer: Schema.Literals(["accepted", "full", "busy", "limited"]),
    retryAfterMillis: Wild,
    sample: Sample
  },
  Disconnect: { link: Link, reason: Schema.Literals(["evicted", "leaving"]), sample: Sample },
  Shuffle: { link: Schema.UndefinedOr(Link), requestId: RequestId, origin: Someone, ttl: Wild, sample: Sample },
  ShuffleReply: { requestId: RequestId, sample: Sample },
  Heartbeat: { link: Link, nonce: Wild },
  HeartbeatReply: { link: Link, nonce: Wild },
  Probe: { nonce: Wild },
  ProbeReply: { nonce: few(1, 2, 3, 4, 5, 6, 7, 8) },
  NotNeighbor: { link: Link },
  DisconnectWait: { link: Link, requestId: RequestId, waits: Schema.Boolean },
  Optimization: { requestId: RequestId, old: Someone, before: Wild, after: Wild },
  OptimizationReply: { requestId: RequestId, accepted: Schema.Boolean },
  Replace: { link: Link, requestId: RequestId, initiator: Someone, old: Someone, before: Wild, after: Wild },
  ReplaceReply: { link: Link, requestId: RequestId, accepted: Schema.Boolean },
  Switch: { requestId: RequestId, initiator: Someone, round: RequestId },
  SwitchReply: { requestId: RequestId, accepted: Schema.Boolean }
})

const Kind = Schema.Literals(["Cycle", "Heartbeat", "Request", "Repair", "Discovery"])

const Given = Schema.TaggedUnion({
  Received: { from: Someone, message: Message },
  LinkUsed: { from: Someone, link: Link },
  SendFailed: { to: Someone },
  LinkClosed: { peer: Someone, cause: Schema.Literals(["closed", "reset", "slow", "protocol", "local"]) },
  LinkOpened: { contact: Id, peer: Someone },
  DialFailed: { contact: Id },
  ContactsFound: { contacts: Schema.Array(Id) },
  /** The timer that stands in the slot, when it is due. */
  Fire: { kind: Kind },
  Stale: { kind: Kind, nonce: Wild },
  /** The costs that were asked for. */
  Costs: { costs: Schema.Array(Schema.UndefinedOr(Wild)) },
  EpochConflict: { epoch: few(0, 1, 2) },
  Join: { contacts: Schema.Array(Id) },
  Leave: {}
})

const at = ({ epoch, id }: typeof Someone.Type) => ({ id, epoch, address: id + 100 })

const sampled = ({ ages, peers }: typeof Sample.Type) => ({ peers: peers.map(at), ages })

const messageOf = (message: typeof Message.Type): HyParView.Message<number, number> => {
  switch (message._tag) {
    case "ForwardJoin":
      return { ...message, joiner: at(message.joiner) }
    case "NeighborReply":
    case "Disconnect":
    case "ShuffleReply":
      return { ...message, sample: sampled(message.sample) }
    case "Optimization":
      return { ...message, old: at(message.old) }
    case "Replace":
      return { ...message, initiator: at(message.initiator), old: at(message.old) }
    case "Switch":
      return { ...message, initiator: at(message.initiator) }
    case "Shuffle":
      return { ...message, origin: at(message.origin), sample: sampled(message.sample) }
    default:
      return message
  }
}

/** The input that is meant, at a node in a state. A timer fires when it is due, and so moves time on. */
const inputOf = (given: typeof Given.Type, state: HyParView.State<number, number>, now: number): Input => {
  switch (given._tag) {
    case "Received":
      return { _tag: "Received", now, from: at(given.from), message: messageOf(given.message) }
    case "LinkUsed":
      return { ...given, now, from: at(given.from) }
    case "SendFailed":
      return { _tag: "SendFailed", now, to: at(given.to), cause: "refused" }
    case "LinkClosed":
      return { _tag: "LinkClosed", now, peer: at(given.peer), cause: given.cause }
    case "LinkOpened":
      return { _tag: "LinkOpened", now, address: given.contact + 100, peer: at(given.peer) }
    case "DialFailed":
      return { _tag: "DialFailed", now, address: given.contact + 100, cause: "timeout" }
    case "ContactsFound":
    case "Join":
      return { _tag: given._tag, now, contacts: given.contacts.map((id) => id + 100) }
    case "Fire": {
      const { at, nonce } = state.timers[given.kind]
      return { _tag: "TimerFired", now: Math.max(now, at), kind: given.kind, nonce }
    }
    case "Stale":
      return { _tag: "TimerFired", now, kind: given.kind, nonce: given.nonce }
    case "Costs": {
      const nonce = state.swap !== undefined && "nonce" in state.swap ? state.swap.nonce : 0
      return { _tag: "CostsMeasured", now, nonce, costs: given.costs }
    }
    case "EpochConflict":
      return { _tag: "EpochConflict", now, epoch: given.epoch }
    case "Leave":
      return { _tag: "Leave", now }
  }
}

const config = Result.getOrThrow(
  HyParView.forClusterSize(10, {
    activeSize: 2,
    passiveSize: 3,
    graveyardSize: 2,
    memorySize: 2,
    contactsSize: 2,
    optimizeCandidates: 2,
    unbiasedLinks: 0
  })
)

describe("sequences that Arbitrary draws", () => {
  it.prop(
    "break nothing",
    { sequence: Arbitrary.array(Arbitrary.schema(Given), { minLength: 40, maxLength: 80 }), seed: Schema.Int },
    ({ seed, sequence }) => {
      let state: HyParView.State<number, number> = HyParView.init({
        config,
        self: { id: 0, epoch: 1, address: 100 },
        random: seeded(seed)
      })
      let now = 0
      for (const given of [{ _tag: "Join", contacts: [1] } as const, ...sequence]) {
        const input = inputOf(given, state, now)
        now = input.now
        const step = HyParView.step(deepFreeze(state), input)
        assert.deepStrictEqual(transitionFaults(state, now, step), [])
        state = step.state
      }
    },
    { timeout: 60_000, arbitrary: { runs: 1_500, seed: 1 } }
  )
})
