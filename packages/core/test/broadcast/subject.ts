/**
 * One broadcast under test, and the words in which its tests are written: whom it has for neighbours, what it hears, and
 * what it then says. Every step is taken on frozen values, twice, and checked by `Always.ts`.
 */
import { assert } from "@effect/vitest"
import type { Peer } from "@hyparview/core/Peer"
import * as Plumtree from "@hyparview/core/Plumtree"
import { seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { all } from "../../src/plumtree/Held.ts"
import { deepFreeze } from "../explore/Always.ts"
import { Ledger, stateFaults } from "./Always.ts"

export type State = Plumtree.State<number, number>
export type Input = Plumtree.Input<number, number>
export type Output = Plumtree.Output<number, number>
export type Message = Plumtree.Message<number>
export type MessageId = Plumtree.MessageId<number>

/** Peer 3 in its first incarnation. */
export const peer = (id: number, epoch = 1): Peer<number, number> => ({ id, epoch, address: 100 + id })

export const topic = "news"

/** The message with this number of this source. */
export const id = (source: number, sequence: number, epoch = 1): MessageId => ({ source, epoch, topic, sequence })

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A message on its way; its payload is its name, unless another is given. */
export const gossip = (
  source: number,
  sequence: number,
  more: Partial<Omit<Plumtree.Gossip<number>, "_tag">> = {}
): Plumtree.Gossip<number> => ({
  _tag: "Gossip",
  id: id(source, sequence),
  round: 1,
  publishedAt: 0,
  ageMillis: 0,
  payload: bytes(`${source}/${sequence}`),
  replay: undefined,
  ...more
})

/** Announces messages, each with the round that it would have from the announcer. */
export const iHave = (
  ...announced: ReadonlyArray<readonly [source: number, sequence: number, round: number]>
): Message => ({
  _tag: "IHave",
  announcements: announced.map(([source, sequence, round]) => ({ id: id(source, sequence), round }))
})

export const graft = (...ids: ReadonlyArray<MessageId>): Message => ({ _tag: "Graft", ids, payload: true })

export const prune: Message = { _tag: "Prune", tree: undefined }

export const ranges = (source: number, ...runs: ReadonlyArray<number>): Plumtree.Ranges<number> => ({
  source,
  epoch: 1,
  topic,
  runs
})

export const digest = (...held: ReadonlyArray<Plumtree.Ranges<number>>): Message => ({ _tag: "Digest", held })

export const fetch = (...wanted: ReadonlyArray<Plumtree.Ranges<number>>): Message => ({ _tag: "Fetch", wanted })

export const fetched = (more = false, ...gone: ReadonlyArray<Plumtree.Gone<number>>): Message => ({
  _tag: "Fetched",
  gone,
  more
})

/** The paper's parameters: announced at once, pruned at the first duplicate. And recovery, which the paper has not. */
export const config: Plumtree.Config = Result.getOrThrow(
  Plumtree.validate({ ...Plumtree.paperConfig, windowSize: 64, retainedMessages: 32, recovery: true })
)

/** Node 1 with these neighbours, all eager. */
export const node = (
  neighbors: ReadonlyArray<number> = [],
  override: Partial<Plumtree.Config> = {},
  self = 1,
  seed = 1
): Subject => {
  const settings = Result.getOrThrow(Plumtree.validate({ ...config, ...override }))
  const subject = new Subject(Plumtree.init({ config: settings, self: peer(self), random: seeded(seed) }))
  for (const neighbor of neighbors) subject.wins(neighbor)
  return subject
}

/** Every verb is one step; the nouns speak of the state and the outputs after the last one. */
export class Subject {
  state: State
  outputs: ReadonlyArray<Output> = []
  now = 1_000
  private readonly ledger = new Ledger<number, number>()

  constructor(state: State) {
    this.state = state
  }

  step(input: Input): this {
    const before = deepFreeze(this.state)
    const result = Plumtree.step(before, deepFreeze(input))
    assert.deepStrictEqual(Plumtree.step(before, input), result)
    assert.deepStrictEqual([...stateFaults(result.state), ...this.ledger.see(result.outputs)], [])
    this.state = result.state
    this.outputs = result.outputs
    return this
  }

  // --- verbs ---

  wins(neighbor: number, epoch = 1): this {
    return this.step({ _tag: "NeighborUp", now: this.now, peer: peer(neighbor, epoch) })
  }

  loses(neighbor: number): this {
    return this.step({ _tag: "NeighborDown", now: this.now, peer: peer(neighbor) })
  }

  publishes(text: string, name = topic): this {
    return this.step({ _tag: "Publish", now: this.now, topic: name, payload: bytes(text) })
  }

  hears(from: number, message: Message, epoch = 1): this {
    return this.step({ _tag: "Received", now: this.now, from: peer(from, epoch), message })
  }

  /** The timer in this slot fires, when it is due. */
  fires(kind: Plumtree.Timer): this {
    const { at, nonce } = this.state.timers[kind]
    assert.notStrictEqual(nonce, 0, `no ${kind} timer is set`)
    this.now = Math.max(this.now, at)
    return this.step({ _tag: "TimerFired", now: this.now, kind, nonce })
  }

  /** Time passes, and every timer fires that is due until then; all outputs of that time together. */
  passes(millis: number): this {
    const until = this.now + millis
    const outputs: Array<Output> = []
    for (;;) {
      const due = (["Announce", "Graft", "Recover"] as const)
        .filter((kind) => this.isSet(kind) && this.state.timers[kind].at <= until)
        .sort((a, b) => this.state.timers[a].at - this.state.timers[b].at)
      const [next] = due
      if (next === undefined) break
      outputs.push(...this.fires(next).outputs)
    }
    this.now = until
    this.outputs = outputs
    return this
  }

  // --- nouns ---

  isSet(kind: Plumtree.Timer): boolean {
    return this.state.timers[kind].nonce > 0
  }

  /** In the shared tree, or in that of a source. */
  eager(source = 1): ReadonlyArray<number> {
    return Plumtree.eagerPeers(this.state, source).map(({ id }) => id)
  }

  lazy(source = 1): ReadonlyArray<number> {
    return Plumtree.lazyPeers(this.state, source).map(({ id }) => id)
  }

  /** The messages of one kind that it sends, each with its receiver. */
  says<Tag extends Message["_tag"]>(
    tag: Tag
  ): ReadonlyArray<Extract<Message, { _tag: Tag }> & { readonly to: number }> {
    return this.outputs.flatMap((output) =>
      output._tag === "Send" && isTagged(output.message, tag) ? [{ ...output.message, to: output.to.id }] : []
    )
  }

  /** To whom it sends messages of one kind, in order. */
  saysTo(tag: Message["_tag"]): ReadonlyArray<number> {
    return this.says(tag).map(({ to }) => to)
  }

  /** The outputs of one kind. */
  gives<Tag extends Output["_tag"]>(tag: Tag): ReadonlyArray<Extract<Output, { _tag: Tag }>> {
    return this.outputs.filter((output): output is Extract<Output, { _tag: Tag }> => output._tag === tag)
  }

  /** What is delivered: `2/0`. */
  get delivered(): ReadonlyArray<string> {
    return this.gives("Delivered").map(({ id }) => `${id.source}/${id.sequence}`)
  }

  /** What is given up: `2/3–5`. */
  get lagged(): ReadonlyArray<string> {
    return this.gives("Lagged").map(({ first, last, source }) => `${source}/${first}–${last}`)
  }

  /** The numbers of a source that are kept. */
  kept(source: number, epoch = 1): ReadonlyArray<number> {
    const { far, near } = this.state.streams
    const stream = [...near, ...far.flat()].find((stream) => stream.source === source && stream.epoch === epoch)
    return stream === undefined ? [] : all(stream.held).map(({ sequence }) => sequence)
  }
}

const isTagged = <M extends Message, Tag extends Message["_tag"]>(
  message: M,
  tag: Tag
): message is M & Extract<Message, { _tag: Tag }> => message._tag === tag

/** Messages of source 9 come as the answer to a Fetch. */
export const brings = (p: Subject, from: number, ...sequences: ReadonlyArray<number>): Subject => {
  for (const sequence of sequences) p.hears(from, gossip(9, sequence, { replay: "recovery" }))
  return p
}
