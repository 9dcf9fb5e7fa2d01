/**
 * One example or more of each message, by name (the message's tag, then what is special). They make the frozen
 * fixtures, and the frames that other tests take apart.
 */
import * as Result from "effect/Result"
import type { Message } from "@hyparview/core/Node"
import type { Peer, Sample } from "@hyparview/core/Peer"
import type * as Plumtree from "@hyparview/core/Plumtree"
import * as Wire from "@hyparview/core/Wire"
import { ends, farEnds } from "./oracle.ts"

const ours = { asker: ends.local.id, epoch: ends.local.epoch, requestId: 3 }
const theirs = { asker: ends.remote.id, epoch: ends.remote.epoch, requestId: 300 }

const gamma: Peer = { id: "gamma", epoch: 1_763_862_000_456, address: "10.0.0.3:7946" }
const delta: Peer = { id: "δ", epoch: 0, address: "[2001:db8::4]:7946" }
const sample: Sample = { peers: [gamma, delta], ages: [0, 200] }
const nobody: Sample = { peers: [], ages: [] }

const origin = { source: "gamma", epoch: 1_763_862_000_456, topic: "orders" }
const id = { ...origin, sequence: 65_536 }
const hello = Uint8Array.from("hello", (c) => c.charCodeAt(0))

/** What is said between nodes; `alpha` is the sender of all. */
export const messages: Readonly<Record<string, Message>> = {
  Join: { _tag: "Join", requestId: 3 },
  "Join, the last request": { _tag: "Join", requestId: Wire.maxRequestId },
  ForwardJoin: { _tag: "ForwardJoin", link: ours, joiner: gamma, ttl: 6 },
  "Neighbor, empty": { _tag: "Neighbor", requestId: 127, reason: "empty" },
  "Neighbor, joinWalk": { _tag: "Neighbor", requestId: 128, reason: "joinWalk" },
  "Neighbor, repair": { _tag: "Neighbor", requestId: 16_383, reason: "repair" },
  "Neighbor, bridge": { _tag: "Neighbor", requestId: 16_384, reason: "bridge" },
  "NeighborReply, accepted": reply("accepted", 0, nobody),
  "NeighborReply, full": reply("full", 0, nobody),
  "NeighborReply, busy": reply("busy", 0, nobody),
  "NeighborReply, limited": reply("limited", 60_000, sample),
  "Disconnect, evicted": { _tag: "Disconnect", link: theirs, reason: "evicted", sample },
  "Disconnect, leaving": { _tag: "Disconnect", link: ours, reason: "leaving", sample: nobody },
  Shuffle: { _tag: "Shuffle", link: theirs, requestId: 17, origin: gamma, ttl: 5, sample },
  "Shuffle, direct": { _tag: "Shuffle", link: undefined, requestId: 17, origin: delta, ttl: 0, sample: nobody },
  ShuffleReply: { _tag: "ShuffleReply", requestId: 17, sample },
  Heartbeat: { _tag: "Heartbeat", link: ours, nonce: 12 },
  HeartbeatReply: { _tag: "HeartbeatReply", link: theirs, nonce: Wire.maxInteger },
  Probe: { _tag: "Probe", nonce: 268_435_456 },
  ProbeReply: { _tag: "ProbeReply", nonce: 268_435_455 },
  NotNeighbor: { _tag: "NotNeighbor", link: theirs },
  DisconnectWait: { _tag: "DisconnectWait", link: theirs, requestId: 18, waits: true },
  "DisconnectWait, no more": { _tag: "DisconnectWait", link: ours, requestId: 18, waits: false },
  Optimization: { _tag: "Optimization", requestId: 18, old: gamma, before: 250_800, after: 1_000 },
  "OptimizationReply, accepted": { _tag: "OptimizationReply", requestId: 18, accepted: true },
  "OptimizationReply, refused": { _tag: "OptimizationReply", requestId: 18, accepted: false },
  Replace: {
    _tag: "Replace",
    link: theirs,
    requestId: 18,
    initiator: gamma,
    old: delta,
    before: Wire.maxCosts,
    after: 0
  },
  "ReplaceReply, accepted": { _tag: "ReplaceReply", link: theirs, requestId: 18, accepted: true },
  "ReplaceReply, refused": { _tag: "ReplaceReply", link: ours, requestId: 18, accepted: false },
  Switch: { _tag: "Switch", requestId: 19, initiator: gamma, round: 18 },
  "SwitchReply, accepted": { _tag: "SwitchReply", requestId: 19, accepted: true },
  "SwitchReply, refused": { _tag: "SwitchReply", requestId: 19, accepted: false },
  Gossip: gossip(4, hello, undefined),
  "Gossip, far and empty": gossip(255, new Uint8Array(0), undefined),
  "Gossip, grafted": gossip(1, hello, "graft"),
  "Gossip, fetched": gossip(1, hello, "recovery"),
  IHave: carried({
    _tag: "IHave",
    announcements: [
      { id, round: 3 },
      { id: { ...id, sequence: 65_538 }, round: 255 },
      { id: { ...id, source: "δ" }, round: 0 }
    ]
  }),
  Graft: carried({ _tag: "Graft", ids: [id, { ...id, sequence: 0 }, { ...id, topic: "" }], payload: true }),
  "Graft, link only": carried({ _tag: "Graft", ids: [id], payload: false }),
  GraftMiss: carried({ _tag: "GraftMiss", ids: [id] }),
  Prune: carried({ _tag: "Prune", tree: undefined }),
  "Prune, of a source": carried({ _tag: "Prune", tree: "gamma" }),
  Digest: carried({
    _tag: "Digest",
    held: [
      { ...origin, runs: [0, 0, 2, 300] },
      { ...origin, epoch: 0, runs: [Wire.maxInteger, Wire.maxInteger] }
    ]
  }),
  Fetch: carried({ _tag: "Fetch", wanted: [{ ...origin, runs: [1, 1] }] }),
  Fetched: carried({ _tag: "Fetched", gone: [{ ...origin, below: 17 }], more: true }),
  "Fetched, all": carried({ _tag: "Fetched", gone: [], more: false }),
  Recall: carried({ _tag: "Recall", requestId: 5, topic: "orders", count: 100 }),
  Recalled: carried({ _tag: "Recalled", requestId: 5, id, publishedAt: 1_763_862_000_789, payload: hello }),
  RecallEnd: carried({ _tag: "RecallEnd", requestId: 5 }),
  Branch: carried({ _tag: "Branch", tree: 4, joined: true }),
  "Branch, no more": carried({ _tag: "Branch", tree: 255, joined: false }),
  Load: carried({ _tag: "Load", children: [0, 0, 5, 1, 255] }),
  "Load, of nothing": carried({ _tag: "Load", children: [] }),
  Beat: carried({ _tag: "Beat", source: "alpha", at: 1_763_862_000_789 })
}

function reply(answer: "accepted" | "full" | "busy" | "limited", retryAfterMillis: number, sample: Sample): Message {
  return { _tag: "NeighborReply", requestId: 42, answer, retryAfterMillis, sample }
}

function carried(body: Plumtree.Message): Message {
  return { _tag: "Carried", link: ours, body }
}

function gossip(round: number, payload: Uint8Array, replay: Plumtree.Replay | undefined): Message {
  const ageMillis = replay === undefined ? 0 : 1_500
  return carried({ _tag: "Gossip", id, round, publishedAt: 1_763_862_000_789, ageMillis, payload, replay })
}

/** The payload that a message carries at its end; of no bytes if it carries none. */
export const payloadOf = (value: Message | Wire.Hello | Wire.Bye): Uint8Array =>
  value._tag === "Carried" && "payload" in value.body && value.body.payload instanceof Uint8Array
    ? value.body.payload
    : new Uint8Array(0)

/** What drivers say when a connection begins and ends. */
export const control: Readonly<Record<string, Wire.Hello | Wire.Bye>> = {
  Hello: {
    _tag: "Hello",
    versions: { lowest: 1, highest: 3 },
    cluster: "orders",
    peer: { id: "alpha", epoch: 1_763_862_000_123, address: "alpha.example:7946" },
    knownEpoch: 1_763_862_000_999,
    knownAddress: undefined,
    settings: undefined,
    to: undefined
  },
  "Hello, of a later incarnation and where it is": {
    _tag: "Hello",
    versions: { lowest: 1, highest: 1 },
    cluster: "orders",
    peer: gamma,
    knownEpoch: 1_763_862_000_999,
    knownAddress: "beta-2.example:7946",
    settings: undefined,
    to: undefined
  },
  "Hello, to whom is meant, and with how the sender is set up": {
    _tag: "Hello",
    versions: { lowest: 1, highest: 1 },
    cluster: "orders",
    peer: gamma,
    knownEpoch: undefined,
    knownAddress: undefined,
    settings: '{"strategy":"flood"}',
    to: "beta"
  },
  "Hello, to a stranger": {
    _tag: "Hello",
    versions: { lowest: 255, highest: 255 },
    cluster: "",
    peer: delta,
    knownEpoch: undefined,
    knownAddress: undefined,
    settings: undefined,
    to: undefined
  },
  "Bye, idle": { _tag: "Bye", reason: "idle", detail: "" },
  "Bye, duplicate": { _tag: "Bye", reason: "duplicate", detail: "" },
  "Bye, cluster": { _tag: "Bye", reason: "cluster", detail: "this is orders, not payments" },
  "Bye, version": { _tag: "Bye", reason: "version", detail: "" },
  "Bye, identity": { _tag: "Bye", reason: "identity", detail: "" },
  "Bye, superseded": { _tag: "Bye", reason: "superseded", detail: "" },
  "Bye, protocol": { _tag: "Bye", reason: "protocol", detail: "Shuffle.sample[3].id at byte 40: not UTF-8" },
  "Bye, slow": { _tag: "Bye", reason: "slow", detail: "" },
  "Bye, shutdown": { _tag: "Bye", reason: "shutdown", detail: "" },
  "Bye, limit": { _tag: "Bye", reason: "limit", detail: "" }
}

/** Chunks as the one frame that they are. */
export const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const frame = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    frame.set(chunk, offset)
    offset += chunk.length
  }
  return frame
}

/** The frame of a message from the local end. */
export const frameOf = (message: Message): Uint8Array => joined(Result.getOrThrow(Wire.encode(message, ends)))

export const controlFrameOf = (frame: Wire.Hello | Wire.Bye): Uint8Array =>
  frame._tag === "Hello"
    ? Result.getOrThrow(Wire.encodeHello(frame)).slice()
    : Wire.encodeBye(frame.reason, frame.detail).slice()

/** Reads a frame of the local end at the remote end. */
export const read = (frame: Uint8Array) => Wire.decode(frame, farEnds)

/** Every example with its frame, and how its receiver reads it. */
export const frames: ReadonlyArray<{
  readonly name: string
  readonly value: Message | Wire.Hello | Wire.Bye
  readonly frame: Uint8Array
  readonly read: (frame: Uint8Array) => Result.Result<Message | Wire.Hello | Wire.Bye, Wire.WireError>
}> = [
  ...Object.entries(control).map(([name, value]) => ({
    name,
    value,
    frame: controlFrameOf(value),
    read: Wire.decodeControl
  })),
  ...Object.entries(messages).map(([name, value]) => ({ name, value, frame: frameOf(value), read }))
]

/** Where the extension area of an example's frame begins: its count, 0, is the last byte but for a payload. */
export const extensionsAt = ({ frame, value }: (typeof frames)[number]): number =>
  frame.length - 1 - payloadOf(value).length
