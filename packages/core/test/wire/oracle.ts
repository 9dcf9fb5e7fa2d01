/**
 * The messages as Effect Schemas: what a frame can hold, said a second time and independently of the codec. What a
 * schema accepts must come back equal; what it rejects must not be written.
 */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type { Message } from "@hyparview/core/Node"
import * as Wire from "@hyparview/core/Wire"

/** The two ends of every connection here. The widest epoch, so that it is never sent by luck alone. */
export const ends: Wire.Ends = {
  local: { id: "alpha", epoch: 1_763_862_000_123 },
  remote: { id: "beta", epoch: Wire.maxInteger }
}

/** The same connection from its other end. */
export const farEnds: Wire.Ends = { local: ends.remote, remote: ends.local }

const bytesOf = new TextEncoder()

const whole = (limit: number) =>
  Schema.Int.check(
    Schema.isBetween({ minimum: 0, maximum: limit }),
    Schema.makeFilter((n: number) => !Object.is(n, -0))
  )

const Text = Schema.String.check(
  Schema.makeFilter((text: string) => text.isWellFormed() && bytesOf.encode(text).length <= 255)
)

const Id = Text.check(Schema.isMinLength(1))

const Link = Schema.Union(
  [ends.local, ends.remote].map(({ epoch, id }) =>
    Schema.Struct({
      asker: Schema.Literal(id),
      epoch: Schema.Literal(epoch),
      requestId: whole(Wire.maxRequestId)
    })
  )
)

const Peer = Schema.Struct({ id: Id, epoch: whole(Wire.maxInteger), address: Text })

const SampleRecord = Schema.Struct({
  peers: Schema.Array(Peer).check(Schema.isMaxLength(255)),
  ages: Schema.Array(whole(65_535))
}).check(Schema.makeFilter(({ ages, peers }) => ages.length === peers.length))

/** Drawn as a list of pairs: two arrays drawn apart would seldom have one length. */
const Sample = Schema.declare(Schema.is(SampleRecord), {
  toCodecArbitrary: () =>
    Schema.link<typeof SampleRecord.Type>()(Schema.Array(Schema.Struct({ peer: Peer, age: whole(65_535) })), {
      decode: SchemaGetter.transform((entries) => ({
        peers: entries.map(({ peer }) => peer),
        ages: entries.map(({ age }) => age)
      })),
      encode: SchemaGetter.transform(({ ages, peers }) => peers.map((peer, i) => ({ peer, age: ages[i] ?? 0 })))
    })
})

const RequestId = whole(Wire.maxRequestId)
const Nonce = whole(Wire.maxInteger)
const Byte = whole(255)
const Costs = whole(2_000_000_000_000_000)

const Membership = Schema.TaggedUnion({
  Join: { requestId: RequestId },
  ForwardJoin: { link: Link, joiner: Peer, ttl: Byte },
  Neighbor: { requestId: RequestId, reason: Schema.Literals(["empty", "joinWalk", "repair", "bridge"]) },
  NeighborReply: {
    requestId: RequestId,
    answer: Schema.Literals(["accepted", "full", "busy", "limited"]),
    retryAfterMillis: whole(4_294_967_295),
    sample: Sample
  },
  Disconnect: { link: Link, reason: Schema.Literals(["evicted", "leaving"]), sample: Sample },
  Shuffle: { link: Schema.UndefinedOr(Link), requestId: RequestId, origin: Peer, ttl: Byte, sample: Sample },
  ShuffleReply: { requestId: RequestId, sample: Sample },
  Heartbeat: { link: Link, nonce: Nonce },
  HeartbeatReply: { link: Link, nonce: Nonce },
  Probe: { nonce: Nonce },
  ProbeReply: { nonce: Nonce },
  NotNeighbor: { link: Link },
  DisconnectWait: { link: Link, requestId: RequestId, waits: Schema.Boolean },
  Optimization: { requestId: RequestId, old: Peer, before: Costs, after: Costs },
  OptimizationReply: { requestId: RequestId, accepted: Schema.Boolean },
  Replace: { link: Link, requestId: RequestId, initiator: Peer, old: Peer, before: Costs, after: Costs },
  ReplaceReply: { link: Link, requestId: RequestId, accepted: Schema.Boolean },
  Switch: { requestId: RequestId, initiator: Peer, round: RequestId },
  SwitchReply: { requestId: RequestId, accepted: Schema.Boolean }
})

const Sequence = whole(Wire.maxInteger)
const Millis = whole(Wire.maxInteger)
const Origin = { source: Id, epoch: whole(Wire.maxInteger), topic: Text }
const MessageId = Schema.Struct({ ...Origin, sequence: Sequence })

/** First and last, first and last, …: each run begins two or more above the end of the one before. */
const RunsArray = Schema.Array(Schema.Number).check(
  Schema.isMinLength(2),
  Schema.isMaxLength(20_000),
  Schema.makeFilter(
    (runs: ReadonlyArray<number>) =>
      runs.length % 2 === 0 &&
      runs.every((number, i) => {
        const lowest = i === 0 ? 0 : (runs[i - 1] ?? 0) + (i % 2 === 0 ? 2 : 0)
        return Number.isSafeInteger(number) && !Object.is(number, -0) && number >= lowest
      })
  )
)

/** Drawn as a list of distances: numbers drawn apart would seldom ascend. */
const Runs = Schema.declare(Schema.is(RunsArray), {
  toCodecArbitrary: () =>
    Schema.link<typeof RunsArray.Type>()(
      Schema.NonEmptyArray(Schema.Struct({ missing: whole(2 ** 40), more: whole(2 ** 40) })),
      {
        decode: SchemaGetter.transform((entries) => {
          let next = 0
          return entries.flatMap(({ missing, more }) => {
            const first = next + missing
            next = first + more + 2
            return [first, first + more]
          })
        }),
        encode: SchemaGetter.transform((runs): readonly [Distances, ...ReadonlyArray<Distances>] => {
          const entries = runs.flatMap((first, i) =>
            i % 2 === 1
              ? []
              : [{ missing: first - (i === 0 ? 0 : (runs[i - 1] ?? 0) + 2), more: (runs[i + 1] ?? 0) - first }]
          )
          const [head = { missing: 0, more: 0 }, ...tail] = entries
          return [head, ...tail]
        })
      }
    )
})

interface Distances {
  readonly missing: number
  readonly more: number
}

const Ranges = Schema.Array(Schema.Struct({ ...Origin, runs: Runs })).check(Schema.isMaxLength(1_000))
const Ids = Schema.Array(MessageId).check(Schema.isMaxLength(1_000))

const Body = Schema.TaggedUnion({
  Gossip: {
    id: MessageId,
    round: Byte,
    publishedAt: Millis,
    ageMillis: Millis,
    payload: Schema.Uint8Array,
    replay: Schema.UndefinedOr(Schema.Literals(["graft", "recovery"]))
  },
  IHave: {
    announcements: Schema.Array(Schema.Struct({ id: MessageId, round: Byte })).check(Schema.isMaxLength(1_000))
  },
  Graft: { ids: Ids, payload: Schema.Boolean },
  GraftMiss: { ids: Ids },
  Prune: { tree: Schema.UndefinedOr(Id) },
  Digest: { held: Ranges },
  Fetch: { wanted: Ranges },
  Fetched: {
    gone: Schema.Array(Schema.Struct({ ...Origin, below: Sequence })).check(Schema.isMaxLength(1_000)),
    more: Schema.Boolean
  },
  Recall: { requestId: RequestId, topic: Text, count: whole(Wire.maxInteger) },
  Recalled: { requestId: RequestId, id: MessageId, publishedAt: Millis, payload: Schema.Uint8Array },
  RecallEnd: { requestId: RequestId },
  Branch: { tree: Byte, joined: Schema.Boolean },
  Load: { children: Schema.Array(Byte).check(Schema.isMaxLength(255)) },
  Beat: { source: Id, at: Millis }
})

/** Every message between nodes. */
export const AnyMessage = Schema.Union([
  ...Object.values(Membership.cases),
  Schema.TaggedStruct("Carried", { link: Link, body: Body })
])

export const Hello = Schema.TaggedStruct("Hello", {
  versions: Schema.Struct({ lowest: whole(255), highest: whole(255) }).check(
    Schema.makeFilter(({ highest, lowest }) => 1 <= lowest && lowest <= highest)
  ),
  cluster: Text,
  peer: Peer,
  knownEpoch: Schema.UndefinedOr(whole(Wire.maxInteger)),
  knownAddress: Schema.UndefinedOr(Text),
  settings: Schema.UndefinedOr(Text),
  to: Schema.UndefinedOr(Text)
})

export const Bye = Schema.TaggedStruct("Bye", {
  reason: Schema.Literals([
    "idle",
    "duplicate",
    "cluster",
    "version",
    "identity",
    "superseded",
    "protocol",
    "slow",
    "shutdown",
    "limit"
  ]),
  detail: Text
})

// The compiler's half of the oracle: both ways, so that no message is missing here and none is made up.
export const asMessage = (message: typeof AnyMessage.Type): Message => message
export const asSchema = (message: Message): typeof AnyMessage.Type => message
export const asHello = (hello: Wire.Hello): typeof Hello.Type => hello
export const asBye = (bye: Wire.Bye): typeof Bye.Type => bye
