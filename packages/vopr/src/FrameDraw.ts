/**
 * Frames from a seed: valid ones of every kind, and what can go wrong with them. Structure-aware: a mutation knows where
 * frames, tags, numbers and texts begin, so that most of what it makes comes far into the reader before it is refused.
 */
import { Wire } from "@hyparview/core"
import type { Node, Peer, Plumtree } from "@hyparview/core"
import { nextBelow, type Random } from "@hyparview/core/Random"
import * as Result from "effect/Result"

/** The two ends between which all frames here are said. */
export const ends: Wire.Ends = {
  local: { id: "alpha", epoch: 1_800_000_000_123 },
  remote: { id: "beta", epoch: 7 }
}

/** The same from the far end, which reads them. */
export const farEnds: Wire.Ends = { local: ends.remote, remote: ends.local }

/** Numbers at which the length of a varint, or the meaning of a bit, changes. */
const edges: ReadonlyArray<number> = [0, 1, 2, 127, 128, 255, 256, 16_383, 16_384, 2_097_151, 4_294_967_295]

const texts: ReadonlyArray<string> = ["a", "node-17", "10.0.0.3:7946", "[2001:db8::4]:7946", "δ", "😀", "x".repeat(255)]

const oneOf = <A>(random: Random, items: ReadonlyArray<A>, otherwise: A): A =>
  items[nextBelow(random, items.length)] ?? otherwise

const number = (random: Random, most: number): number =>
  Math.min(
    most,
    nextBelow(random, 2) === 0
      ? oneOf(random, edges, 0)
      : nextBelow(random, 4_294_967_296) * nextBelow(random, 2_000_000)
  )

const text = (random: Random): string =>
  nextBelow(random, 2) === 0 ? oneOf(random, texts, "a") : `n${nextBelow(random, 100_000)}`

const peer = (random: Random): Peer.Peer => ({
  id: text(random),
  epoch: number(random, Wire.maxInteger),
  address: nextBelow(random, 10) === 0 ? "" : text(random)
})

const sample = (random: Random): Peer.Sample => {
  const count = nextBelow(random, 20) === 0 ? Wire.maxSampleEntries : nextBelow(random, 9)
  const peers = Array.from({ length: count }, () => peer(random))
  return { peers, ages: peers.map(() => number(random, Wire.maxAge)) }
}

const link = (random: Random): Peer.LinkId => {
  const { epoch, id } = nextBelow(random, 2) === 0 ? ends.local : ends.remote
  return { asker: id, epoch, requestId: number(random, Wire.maxRequestId) }
}

const bytes = (random: Random, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => nextBelow(random, 256))

const origin = (random: Random): Plumtree.Origin => ({
  source: text(random),
  epoch: number(random, Wire.maxInteger),
  topic: text(random)
})

const messageId = (random: Random): Plumtree.MessageId => ({
  ...origin(random),
  sequence: nextBelow(random, 1_000_000)
})

const several = <A>(random: Random, draw: (random: Random) => A): ReadonlyArray<A> =>
  Array.from({ length: nextBelow(random, 5) }, () => draw(random))

/** Ascending, with a gap between any two runs. */
const ranges = (random: Random): Plumtree.Ranges => {
  const runs: Array<number> = []
  let next = nextBelow(random, 1_000)
  for (let count = 1 + nextBelow(random, 3); count > 0; count--) {
    const last = next + nextBelow(random, 200)
    runs.push(next, last)
    next = last + 2 + nextBelow(random, 200)
  }
  return { ...origin(random), runs }
}

const bodies: ReadonlyArray<(random: Random) => Plumtree.Message> = [
  (random) => ({
    _tag: "Gossip",
    id: messageId(random),
    round: nextBelow(random, 256),
    publishedAt: 1_800_000_000_000 + nextBelow(random, 1_000_000),
    ageMillis: nextBelow(random, 100_000),
    payload: bytes(random, nextBelow(random, 40)),
    replay: oneOf(random, [undefined, "graft", "recovery"] as const, undefined)
  }),
  (random) => ({
    _tag: "IHave",
    announcements: several(random, (random) => ({ id: messageId(random), round: nextBelow(random, 256) }))
  }),
  (random) => ({ _tag: "Graft", ids: several(random, messageId), payload: nextBelow(random, 2) === 0 }),
  (random) => ({ _tag: "GraftMiss", ids: several(random, messageId) }),
  (random) => ({ _tag: "Prune", tree: nextBelow(random, 2) === 0 ? undefined : text(random) }),
  (random) => ({ _tag: "Digest", held: several(random, ranges) }),
  (random) => ({ _tag: "Fetch", wanted: several(random, ranges) }),
  (random) => ({
    _tag: "Fetched",
    gone: several(random, (random) => ({ ...origin(random), below: 1 + nextBelow(random, 1_000) })),
    more: nextBelow(random, 2) === 0
  }),
  (random) => ({
    _tag: "Recall",
    requestId: number(random, Wire.maxRequestId),
    topic: text(random),
    count: nextBelow(random, 1_000)
  }),
  (random) => ({
    _tag: "Recalled",
    requestId: number(random, Wire.maxRequestId),
    id: messageId(random),
    publishedAt: 1_800_000_000_000 + nextBelow(random, 1_000_000),
    payload: bytes(random, nextBelow(random, 40))
  }),
  (random) => ({ _tag: "RecallEnd", requestId: number(random, Wire.maxRequestId) }),
  (random) => ({ _tag: "Branch", tree: nextBelow(random, 256), joined: nextBelow(random, 2) === 0 }),
  (random) => ({ _tag: "Load", children: several(random, (random) => nextBelow(random, 256)) }),
  (random) => ({ _tag: "Beat", source: text(random), at: 1_800_000_000_000 + nextBelow(random, 1_000_000) })
]

const body = (random: Random): Plumtree.Message =>
  bodies[nextBelow(random, bodies.length)]?.(random) ?? { _tag: "RecallEnd", requestId: 1 }

const messages: ReadonlyArray<(random: Random) => Node.Message> = [
  (random) => ({ _tag: "Join", requestId: number(random, Wire.maxRequestId) }),
  (random) => ({ _tag: "ForwardJoin", link: link(random), joiner: peer(random), ttl: nextBelow(random, 33) }),
  (random) => ({
    _tag: "Neighbor",
    requestId: number(random, Wire.maxRequestId),
    reason: oneOf(random, ["empty", "joinWalk", "repair"] as const, "repair")
  }),
  (random) => ({
    _tag: "Neighbor",
    requestId: number(random, Wire.maxRequestId),
    reason: "bridge",
    moves: 1 + nextBelow(random, 255)
  }),
  (random) => ({
    _tag: "NeighborReply",
    requestId: number(random, Wire.maxRequestId),
    answer: oneOf(random, ["accepted", "full", "busy", "limited"] as const, "full"),
    retryAfterMillis: number(random, Wire.maxRetryAfterMillis),
    sample: sample(random)
  }),
  (random) => ({
    _tag: "Disconnect",
    link: link(random),
    reason: oneOf(random, ["evicted", "leaving"] as const, "evicted"),
    sample: sample(random)
  }),
  (random) => ({
    _tag: "Shuffle",
    link: nextBelow(random, 3) === 0 ? undefined : link(random),
    requestId: number(random, Wire.maxRequestId),
    origin: peer(random),
    ttl: nextBelow(random, 33),
    sample: sample(random)
  }),
  (random) => ({ _tag: "ShuffleReply", requestId: number(random, Wire.maxRequestId), sample: sample(random) }),
  (random) => ({ _tag: "Heartbeat", link: link(random), nonce: number(random, Wire.maxInteger) }),
  (random) => ({ _tag: "HeartbeatReply", link: link(random), nonce: number(random, Wire.maxInteger) }),
  (random) => ({ _tag: "Probe", nonce: number(random, Wire.maxInteger) }),
  (random) => ({ _tag: "ProbeReply", nonce: number(random, Wire.maxInteger) }),
  (random) => ({ _tag: "NotNeighbor", link: link(random) }),
  (random) => ({ _tag: "Carried", link: link(random), body: body(random) })
]

/** Chunks as one frame. */
const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const frame = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    frame.set(chunk, at)
    at += chunk.length
  }
  return frame
}

/** The one frame of a message, a Hello or a Bye that was read. */
export const frameOf = (
  value: Node.Message | Wire.Hello | Wire.Bye,
  between: Wire.Ends = ends
): Result.Result<Uint8Array, Wire.WireError> => {
  switch (value._tag) {
    case "Hello":
      return Wire.encodeHello(value)
    case "Bye":
      return Result.succeed(Wire.encodeBye(value.reason, value.detail))
    default:
      return Result.map(Wire.encode(value, between), joined)
  }
}

const hello = (random: Random): Wire.Hello => ({
  _tag: "Hello",
  versions: { lowest: 1, highest: 1 + nextBelow(random, 3) },
  cluster: text(random),
  peer: peer(random),
  knownEpoch: nextBelow(random, 2) === 0 ? undefined : number(random, Wire.maxInteger),
  knownAddress: nextBelow(random, 2) === 0 ? undefined : text(random),
  settings: nextBelow(random, 2) === 0 ? undefined : text(random),
  to: nextBelow(random, 2) === 0 ? undefined : text(random)
})

/** A valid frame. Dies if the codec will not write what its own types allow. */
const validFrame = (random: Random): Uint8Array => {
  // One frame in three carries a broadcast.
  const drawn = nextBelow(random, messages.length + 8)
  const kind = drawn < messages.length + 2 ? drawn : messages.length - 1
  const draw = messages[kind]
  const value: Node.Message | Wire.Hello | Wire.Bye =
    draw !== undefined
      ? draw(random)
      : kind === messages.length
        ? hello(random)
        : { _tag: "Bye", reason: oneOf(random, ["idle", "protocol", "limit"] as const, "idle"), detail: text(random) }
  return Result.getOrThrow(frameOf(value))
}

/** Bytes that numbers, lengths and texts break on. */
const telling: ReadonlyArray<number> = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xc0, 0xc2, 0xed, 0xf0, 0xf5, 0xfe, 0xff]

const byte = (random: Random): number =>
  nextBelow(random, 2) === 0 ? nextBelow(random, 256) : oneOf(random, telling, 0)

const noise = (random: Random, count: number): Uint8Array => Uint8Array.from({ length: count }, () => byte(random))

type Mutation = (random: Random, frame: Uint8Array) => Uint8Array

const mutations: ReadonlyArray<readonly [name: string, mutate: Mutation]> = [
  ["untouched", (_random, frame) => frame],
  ["noise", (random) => noise(random, nextBelow(random, 60))],
  ["tagged noise", (random, frame) => joined([frame.subarray(0, 1), noise(random, nextBelow(random, 60))])],
  [
    "flip",
    (random, frame) => {
      const flipped = frame.slice()
      const at = nextBelow(random, frame.length)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << nextBelow(random, 8))
      return flipped
    }
  ],
  [
    "overwrite",
    (random, frame) => {
      const written = frame.slice()
      for (let count = nextBelow(random, 4); count >= 0; count--)
        written[nextBelow(random, frame.length)] = byte(random)
      return written
    }
  ],
  ["truncate", (random, frame) => frame.subarray(0, nextBelow(random, frame.length))],
  [
    "insert",
    (random, frame) => {
      const at = nextBelow(random, frame.length + 1)
      return joined([frame.subarray(0, at), noise(random, 1 + nextBelow(random, 4)), frame.subarray(at)])
    }
  ],
  [
    "remove",
    (random, frame) => {
      const at = nextBelow(random, frame.length)
      return joined([frame.subarray(0, at), frame.subarray(at + 1 + nextBelow(random, 4))])
    }
  ],
  [
    "splice",
    (random, frame) => {
      const other = validFrame(random)
      return joined([
        frame.subarray(0, nextBelow(random, frame.length + 1)),
        other.subarray(nextBelow(random, other.length + 1))
      ])
    }
  ],
  ["retag", (random, frame) => joined([validFrame(random).subarray(0, 1), frame.subarray(1)])],
  ["repeat", (_random, frame) => joined([frame, frame])],
  [
    // The number at the end of most frames is how many extensions follow.
    "extend",
    (random, frame) => {
      const count = 1 + nextBelow(random, 3)
      const extensions: Array<Uint8Array> = []
      let tag = 0
      for (let index = 0; index < count; index++) {
        tag += 1 + nextBelow(random, 40)
        const length = nextBelow(random, 5)
        extensions.push(Uint8Array.of(tag, length), noise(random, length))
      }
      return joined([frame.subarray(0, frame.length - 1), Uint8Array.of(count), ...extensions])
    }
  ],
  [
    // A varint that says more than there is, or is longer than it need be.
    "inflate",
    (random, frame) => {
      const at = nextBelow(random, frame.length)
      const long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x80, 0x80, 0x00]
      const from = nextBelow(random, long.length)
      return joined([frame.subarray(0, at), Uint8Array.from(long.slice(from)), frame.subarray(at + 1)])
    }
  ]
]

/** A frame as an enemy or a broken line might send it, and what was done to it. */
export const hostileFrame = (random: Random): { readonly how: string; readonly frame: Uint8Array } => {
  const [how, mutate] = mutations[nextBelow(random, mutations.length)] ?? ["untouched", (_random, frame) => frame]
  return { how, frame: mutate(random, validFrame(random)) }
}

/** A Hello of a stranger to a cluster. */
export const strangersHello = (cluster: string, id: string): Uint8Array =>
  Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster,
      peer: { id, epoch: 1, address: "127.0.0.1:1" },
      knownEpoch: undefined,
      knownAddress: undefined,
      settings: undefined,
      to: undefined
    })
  )
