/** The links of one node by themselves, over a transport that takes what the test says. */
import { assert, describe, it } from "@effect/vitest"
import { Node as CoreNode, type Peer, Random } from "@hyparview/core"
import { Effect, Result, Stream } from "effect"
import { hello } from "../src/internal/handshake.ts"
import { makeLinks } from "../src/internal/links.ts"
import { makeMeter } from "../src/internal/metrics.ts"
import { makeRun } from "../src/internal/run.ts"
import * as Node from "../src/Node.ts"
import type { Link, OutgoingFrame } from "../src/Transport.ts"

const self: Peer.Peer = { id: "a", epoch: 1, address: "at a" }
const other: Peer.Peer = { id: "b", epoch: 1, address: "at b" }

/** Links with one peer, who is greeted; `takes` says whether its link takes frames at once, or holds them up for ever. */
const setUp = (takes: () => boolean, options: Partial<Node.Options> = {}) =>
  Effect.gen(function* () {
    const settings = Result.getOrThrow(Node.resolve({ id: self.id, cluster: "c", outboxBytes: 10_000, ...options }))
    const state = CoreNode.init({
      config: { membership: settings.membership, broadcast: settings.broadcast },
      self,
      random: Random.seeded(1)
    })
    const sent: Array<OutgoingFrame> = []
    const reported: Array<string> = []
    let greeted = false
    const link: Link = {
      remoteAddress: "somewhere",
      authenticatedId: undefined,
      send: (frames) =>
        Effect.suspend(() => {
          if (!takes()) return Effect.never
          sent.push(...frames)
          return Effect.void
        }),
      trySend: (frames) => {
        if (takes()) sent.push(...frames)
        return takes()
      },
      receive: Effect.suspend(() => {
        if (greeted) return Effect.never
        greeted = true
        return Effect.succeed([hello({ cluster: "c", self: other, knownEpoch: () => -1 }, self.id)])
      }),
      close: () => Effect.void,
      closed: Effect.never,
      bytes: { received: 0, sent: 0 }
    }
    const links = makeLinks(
      settings,
      { address: self.address, maxFrameBytes: 1_048_576, dial: () => Effect.never, accepted: Stream.never },
      yield* makeRun,
      makeMeter(yield* Effect.context<never>()),
      {
        now: () => 0,
        state: () => state,
        report: (report) =>
          reported.push(report._tag === "LinkClosed" ? `${report._tag} ${report.cause}` : report._tag),
        receive: () => {},
        hasRoom: () => true,
        room: Effect.void,
        flushSoon: () => {},
        watchIdle: () => {},
        watchHandshakes: () => {},
        onSent: () => {},
        onEnd: () => {}
      }
    )
    links.accept(link)
    yield* Effect.yieldNow
    assert.isTrue(links.isOpen(other.id))
    sent.splice(0)
    const send = (bytes: number): void =>
      links.send(other, {
        _tag: "Carried",
        link: { asker: self.id, epoch: 1, requestId: 1 },
        body: {
          _tag: "Gossip",
          id: { source: "a", epoch: 1, topic: "t", sequence: 0 },
          round: 1,
          publishedAt: 0,
          ageMillis: 0,
          payload: new Uint8Array(bytes),
          replay: undefined
        }
      })
    return { links, reported, send, sent }
  })

describe("what a link holds", () => {
  it.effect("is sent before its peer is taken for slow, even in the middle of a turn", () =>
    Effect.gen(function* () {
      let takes = true
      const { links, reported, send, sent } = yield* setUp(() => takes)
      for (let index = 0; index < 10; index++) send(4_000)
      assert.deepStrictEqual(reported, [])
      links.flush(0)
      assert.strictEqual(sent.length, 10)
      takes = false
      for (let index = 0; index < 3; index++) send(4_000)
      assert.deepStrictEqual([reported, links.isOpen(other.id)], [["LinkClosed slow"], false])
    })
  )

  it.effect("is never a frame that it could not hold: that is not sent, and costs nobody the link", () =>
    Effect.gen(function* () {
      const { links, reported, send, sent } = yield* setUp(() => true)
      send(10_000)
      send(100)
      send(10_001)
      links.flush(0)
      assert.deepStrictEqual([sent.length, reported, links.isOpen(other.id)], [1, [], true])
    })
  )
})
