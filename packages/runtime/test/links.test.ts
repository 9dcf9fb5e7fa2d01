/** The links of one node by themselves, over a transport that takes what the test says. */
import { assert, describe, it } from "@effect/vitest"
import { Node as CoreNode, type Peer, Random, Wire } from "@hyparview/core"
import { MemoryNetwork } from "@hyparview/transport-memory"
import { Effect, Latch, Logger, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { hello } from "../src/internal/handshake.ts"
import { type Host, makeLinks } from "../src/internal/links.ts"
import { makeMeter } from "../src/internal/metrics.ts"
import { makeRun } from "../src/internal/run.ts"
import * as Node from "../src/Node.ts"
import { type Link, LinkClosed, type OutgoingFrame } from "../src/Transport.ts"

const bytesOf = (frame: OutgoingFrame): Uint8Array => Uint8Array.from(frame.flatMap((chunk) => [...chunk]))

const self: Peer.Peer = { id: "a", epoch: 1, address: "at a" }
const other: Peer.Peer = { id: "b", epoch: 1, address: "at b" }

/** Links with one peer, who is greeted; `takes` says whether its link takes frames at once, or holds them up for ever. */
const setUp = (
  takes: () => boolean,
  options: Partial<Node.Options> = {},
  host: Partial<Host> = {},
  after: ReadonlyArray<Uint8Array> = [],
  otherSettings = ""
) =>
  Effect.gen(function* () {
    const settings = Result.getOrThrow(Node.resolve({ id: self.id, cluster: "c", outboxBytes: 10_000, ...options }))
    const state = CoreNode.init({
      config: { membership: settings.membership, broadcast: settings.broadcast },
      self,
      random: Random.seeded(1)
    })
    const sent: Array<OutgoingFrame> = []
    const reported: Array<string> = []
    const closes: Array<string> = []
    const closing = Latch.makeUnsafe(false)
    const ended = Latch.makeUnsafe(false)
    let greeted = false
    const local = new LinkClosed({ reason: "local", detail: "" })
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
        if (greeted) return Effect.andThen(closing.await, Effect.fail(local))
        greeted = true
        return Effect.succeed([
          hello(
            {
              cluster: "c",
              self: other,
              settings: otherSettings,
              knownEpoch: () => -1,
              knownAddress: () => undefined
            },
            self.id
          ),
          ...after
        ])
      }),
      close: (mode) =>
        Effect.sync(() => {
          closes.push(mode)
          closing.openUnsafe()
          if (mode === "abort") ended.openUnsafe()
        }),
      closed: Effect.as(ended.await, local),
      bytes: { received: 0, sent: 0 }
    }
    const links = makeLinks(
      settings,
      { address: self.address, maxFrameBytes: 1_048_576, dial: () => Effect.never, accepted: Stream.never },
      yield* makeRun(1_000),
      makeMeter(yield* Effect.context<never>()),
      {
        now: () => 0,
        state: () => state,
        report: (report) =>
          reported.push(report._tag === "LinkClosed" ? `${report._tag} ${report.cause}` : report._tag),
        receive: () => {},
        room: () => 100,
        awaitRoom: Effect.void,
        flushSoon: () => {},
        watchIdle: () => {},
        watchHandshakes: () => {},
        onSent: () => {},
        onEnd: () => {},
        ...host
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
    return { closes, links, reported, send, sent }
  })

/** Collects what is logged at `Warn`. */
const warningsIn = (lines: Array<string>) =>
  Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") lines.push(JSON.stringify(message))
    })
  ])

const disconnect = (reason: "evicted" | "leaving"): CoreNode.Message => ({
  _tag: "Disconnect",
  link: { asker: self.id, epoch: 1, requestId: 1 },
  reason,
  sample: { peers: [], ages: [] }
})

/** What a frame says that this node has sent. */
const tagOf = (frame: OutgoingFrame): string | undefined =>
  Result.getOrUndefined(Wire.decode(bytesOf(frame), { local: other, remote: self }))?._tag

describe("a peer that is set up differently", () => {
  it.effect(
    "is not sent a frame larger than it has said that it takes, keeps its link, and is named in the log",
    () => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        const { closes, links, send, sent } = yield* setUp(() => true, {}, {}, [], '{"maxFrameBytes":2000}')
        send(1_900)
        send(2_000)
        links.flush(0)
        assert.deepStrictEqual([sent.length, closes, links.isOpen(other.id)], [1, [], true])
        yield* Effect.yieldNow
        assert.deepStrictEqual(
          lines.map((line) => /"a (peer is set up differently|message is larger)/.exec(line)?.[1]),
          ["peer is set up differently", "message is larger"]
        )
        assert.include(lines[1], '"there":{"maxFrameBytes":2000}')
      }).pipe(Effect.provide(warningsIn(lines)))
    }
  )

  const ours = { strategy: "plumtree", trees: "shared", maxFrameBytes: 1_048_576, outboxBytes: 10_000 }
  const told: ReadonlyArray<readonly [what: string, theirs: string, said: ReadonlyArray<string>]> = [
    ["says the same", JSON.stringify(ours), []],
    ["says nothing that is known here", '{"later":1}', []],
    ["says what is none", '{"strategy":["flood"]}', []],
    [
      "says also what only later versions know",
      '{"later":true,"strategy":"flood"}',
      ['"here":{"strategy":"plumtree"},"there":{"strategy":"flood"}']
    ],
    [
      "has another strategy",
      JSON.stringify({ ...ours, strategy: "thicket", trees: undefined, treesCount: 5 }),
      ['"here":{"strategy":"plumtree"},"there":{"strategy":"thicket"}']
    ],
    [
      "has another outbox and other trees",
      JSON.stringify({ ...ours, trees: "source", outboxBytes: 5_000 }),
      ['"here":{"trees":"shared","outboxBytes":10000},"there":{"trees":"source","outboxBytes":5000}']
    ]
  ]
  for (const [what, theirs, said] of told) {
    it.effect(`and ${what} is ${said.length === 0 ? "not " : ""}told of in the log`, () => {
      const lines: Array<string> = []
      return Effect.gen(function* () {
        yield* setUp(() => true, {}, {}, [], theirs)
        yield* Effect.yieldNow
        const differences: ReadonlyArray<string | undefined> = lines.map((line) => /"here".*\}(?=\})/.exec(line)?.[0])
        assert.deepStrictEqual(differences, said)
      }).pipe(Effect.provide(warningsIn(lines)))
    })
  }
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

  it.effect("B8. is not lost for what others say of its peer: a later incarnation must have come itself", () =>
    Effect.gen(function* () {
      const { closes, links, reported, send, sent } = yield* setUp(() => true)
      const told = { _tag: "ShuffleReply", requestId: 1, sample: { peers: [], ages: [] } } as const
      links.send({ id: other.id, epoch: 2, address: "elsewhere" }, told)
      yield* Effect.yieldNow
      send(1)
      links.flush(0)
      assert.deepStrictEqual([links.isOpen(other.id), sent.length, closes, reported], [true, 1, [], []])
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
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

  it.effect("goes out in parts, so that it is known how much of it is left", () =>
    Effect.gen(function* () {
      let asked = 0
      const { links, send, sent } = yield* setUp(() => asked++ < 2)
      asked = 0
      for (let index = 0; index < 8; index++) send(1_000)
      const { outboxBytes } = links.statistics()
      links.flush(0)
      assert.strictEqual(sent.length, 1)
      assert.strictEqual(links.statistics().outboxBytes, (7 / 8) * outboxBytes)
      // Of a link that has ended, of which the core is yet to hear, it is not said that there is room.
      assert.strictEqual(links.leastWaitingBytes([other, { id: "gone" }]), (7 / 8) * outboxBytes)
      assert.strictEqual(links.leastWaitingBytes([{ id: "gone" }]), 0)
    })
  )

  it.effect("is given up with the link after the time of a goodbye, if its peer does not read", () =>
    Effect.gen(function* () {
      let now = 0
      let takes = true
      const { closes, links, reported, send } = yield* setUp(() => takes, {}, { now: () => now })
      takes = false
      send(4_000)
      links.flush(now)
      links.close(other)
      now = 1_999
      links.expire()
      assert.deepStrictEqual([closes, links.statistics().links], [[], 1])
      now = 2_000
      links.expire()
      yield* Effect.yieldNow
      assert.deepStrictEqual([closes[0], links.statistics()], ["abort", { links: 0, outboxBytes: 0 }])
      assert.deepStrictEqual(reported, [])
    })
  )

  it.effect("goes out before the goodbye, and is not cut off", () =>
    Effect.gen(function* () {
      const { closes, links, reported, send, sent } = yield* setUp(() => true)
      send(100)
      links.send(other, disconnect("leaving"))
      links.close(other)
      yield* Effect.yieldNow
      assert.deepStrictEqual(sent.map(tagOf), ["Carried", "Disconnect", "Bye"])
      assert.deepStrictEqual([closes, reported], [["flush"], []])
    })
  )

  it.effect("goes out before the word that its peer is no neighbour any more, after which it would not count", () =>
    Effect.gen(function* () {
      const { links, send, sent } = yield* setUp(() => true)
      send(100)
      links.send(other, disconnect("evicted"))
      links.send(other, { _tag: "NotNeighbor", link: { asker: self.id, epoch: 1, requestId: 1 } })
      links.send(other, { _tag: "ShuffleReply", requestId: 1, sample: { peers: [], ages: [] } })
      // What an evicted peer sends before it hears of it is answered so, and would have it ignore the Disconnect as well.
      links.flush(0)
      assert.deepStrictEqual(sent.map(tagOf), ["ShuffleReply", "Carried", "Disconnect", "NotNeighbor"])
    })
  )

  const heartbeat = (nonce: number) =>
    bytesOf(
      Result.getOrThrow(
        Wire.encode(
          { _tag: "Heartbeat", link: { asker: self.id, epoch: 1, requestId: 1 }, nonce },
          { local: other, remote: self }
        )
      )
    )

  it.effect("has no more than 128 messages wait for the node, so that others' do not wait behind them", () =>
    Effect.gen(function* () {
      const received: Array<number> = []
      const waiting: Array<() => void> = []
      const turned = Latch.makeUnsafe(false)
      const host: Partial<Host> = {
        room: () => 1_000,
        awaitRoom: Effect.suspend(() => {
          turned.closeUnsafe()
          return turned.await
        }),
        receive: (_, messages, looked) => {
          received.push(messages.length)
          waiting.push(looked)
        }
      }
      yield* setUp(
        () => true,
        {},
        host,
        Array.from({ length: 300 }, (_, nonce) => heartbeat(nonce))
      )
      for (const expected of [[128], [128, 128], [128, 128, 44]]) {
        for (let turn = 0; turn < 3; turn++) {
          yield* Effect.yieldNow
          turned.openUnsafe()
        }
        assert.deepStrictEqual(received, expected)
        for (const looked of waiting.splice(0)) looked()
      }
    })
  )

  it.effect("is looked at as far as there is room for it, and then the rest", () =>
    Effect.gen(function* () {
      const received: Array<number> = []
      const emptied = Latch.makeUnsafe(false)
      let taken = 0
      const host: Partial<Host> = {
        room: () => 3 - taken,
        awaitRoom: Effect.suspend(() => {
          emptied.closeUnsafe()
          return emptied.await
        }),
        receive: (_, messages) => {
          taken += messages.length
          received.push(messages.length)
        }
      }
      yield* setUp(
        () => true,
        {},
        host,
        Array.from({ length: 8 }, (_, nonce) => heartbeat(nonce))
      )
      for (let turn = 0; turn < 4; turn++) {
        yield* Effect.yieldNow
        taken = 0
        emptied.openUnsafe()
      }
      assert.deepStrictEqual(received, [3, 3, 2])
    })
  )
})

/** One of two nodes' links over one network, whose dials take so much longer; what is reported and received is written down. */
const side = Effect.fnUntraced(function* (peer: Peer.Peer, dialMillis: number, maxFrameBytes?: number) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const transport = yield* network.transport(peer.address)
  const settings = Result.getOrThrow(Node.resolve({ id: peer.id, cluster: "c" }))
  const state = CoreNode.init({
    config: { membership: settings.membership, broadcast: settings.broadcast },
    self: peer,
    random: Random.seeded(1)
  })
  const said: Array<string> = []
  const dialled: Array<string> = []
  const clock = yield* TestClock.testClockWith((clock) => Effect.succeed(clock))
  const links = makeLinks(
    settings,
    {
      ...transport,
      maxFrameBytes: maxFrameBytes ?? transport.maxFrameBytes,
      dial: (address) =>
        Effect.suspend(() => {
          dialled.push(address)
          return Effect.andThen(Effect.sleep(dialMillis), transport.dial(address))
        })
    },
    yield* makeRun(1_000),
    makeMeter(yield* Effect.context<never>()),
    {
      now: () => clock.currentTimeMillisUnsafe(),
      state: () => state,
      report: (report) => said.push(`${report._tag} ${"cause" in report ? report.cause : ""}`.trim()),
      receive: (from, messages) => {
        for (const { _tag } of messages) said.push(`${_tag} of ${from.id}`)
      },
      room: () => 100,
      awaitRoom: Effect.void,
      flushSoon: () => queueMicrotask(() => links.flush(clock.currentTimeMillisUnsafe())),
      watchIdle: () => {},
      watchHandshakes: () => {},
      onSent: () => {},
      onEnd: () => {}
    }
  )
  yield* Effect.forkScoped(Stream.runForEach(transport.accepted, (link) => Effect.sync(() => links.accept(link))))
  return { dialled, links, said }
})

const reliable = MemoryNetwork.layer({ seed: 1, latency: { _tag: "Constant", micros: 2_000 } })

describe("a dial", () => {
  it.effect("of a node that has just joined, which fails, is warned of once a minute, whoever it is", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const a = yield* side(self, 0)
      for (const id of ["x", "y", "z"]) {
        a.links.send({ id, epoch: 1, address: id }, { _tag: "Neighbor", requestId: 1, reason: "joinWalk" })
      }
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(a.said.filter((report) => report.startsWith("SendFailed")).length, 3)
      assert.lengthOf(lines, 1)
      yield* TestClock.adjust("31 seconds")
      a.links.send({ id: "x", epoch: 1, address: "x" }, { _tag: "Neighbor", requestId: 1, reason: "joinWalk" })
      yield* TestClock.adjust("1 second")
      assert.lengthOf(lines, 2)
      assert.include(lines[1], '"alsoSince":2')
    }).pipe(Effect.scoped, Effect.provide([warningsIn(lines), reliable]))
  })

  it.effect("of a node's own address is made once, and again where it was given up", () =>
    Effect.gen(function* () {
      const a = yield* side(self, 100)
      for (const wait of ["50 millis", "200 millis"] as const) {
        a.links.lookAtOwn()
        a.links.lookAtOwn()
        yield* TestClock.adjust(wait)
        a.links.closeAll("superseded")
      }
      assert.deepStrictEqual(a.dialled, [self.address, self.address])
    }).pipe(Effect.scoped, Effect.provide(reliable))
  )

  it.effect("opens a link over a transport without a bound of its frames", () =>
    Effect.gen(function* () {
      const a = yield* side(self, 0, Infinity)
      const b = yield* side(other, 0)
      a.links.send(other, { _tag: "Probe", nonce: 1 })
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual([a.said, b.said], [[], ["Probe of a"]])
    }).pipe(Effect.scoped, Effect.provide(reliable))
  )
})

describe("two dials that cross", () => {
  it.effect("B8. have what waits for a later incarnation not go to the one that answers", () =>
    Effect.gen(function* () {
      const a = yield* side(self, 0)
      const b = yield* side(other, 100)
      b.links.send({ ...self, epoch: self.epoch + 1 }, { _tag: "Probe", nonce: 1 })
      a.links.send(other, { _tag: "Probe", nonce: 2 })
      yield* TestClock.adjust("50 millis")
      b.links.send(self, { _tag: "ProbeReply", nonce: 2 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([a.said, b.said], [["ProbeReply of b"], ["Probe of a", "SendFailed identity"]])
    }).pipe(Effect.scoped, Effect.provide(reliable))
  )

  for (const [slowA, slowB] of [
    [0, 0],
    [5, 0],
    [100, 0],
    [0, 5],
    [0, 100]
  ] as const) {
    it.effect(`lose nothing, and are no news, where a's takes ${slowA} ms longer and b's ${slowB}`, () =>
      Effect.gen(function* () {
        const a = yield* side(self, slowA)
        const b = yield* side(other, slowB)
        a.links.send(other, { _tag: "Neighbor", requestId: 1, reason: "repair" })
        b.links.send(self, { _tag: "Neighbor", requestId: 1, reason: "repair" })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([a.said, b.said], [["Neighbor of b"], ["Neighbor of a"]])
        // The surplus one goes when it has been idle.
        assert.deepStrictEqual([a.links.statistics().links, b.links.statistics().links], [2, 2])
        yield* TestClock.adjust("5 seconds")
        for (const { links } of [a, b]) links.closeIdle()
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([a.said.length, b.said.length], [1, 1])
      }).pipe(Effect.scoped, Effect.provide(reliable))
    )
  }

  it.effect("go on, though one end dials the other's address besides, before it knows who is there", () =>
    Effect.gen(function* () {
      const a = yield* side(self, 0)
      const b = yield* side(other, 0)
      b.links.send(self, { _tag: "Probe", nonce: 1 })
      yield* TestClock.adjust("1 millis")
      a.links.send(other, { _tag: "Probe", nonce: 2 })
      yield* TestClock.adjust("2 millis")
      a.links.dial(other.address)
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual([a.said, b.said], [["Probe of b", "LinkOpened"], ["Probe of a"]])
      assert.deepStrictEqual([a.links.statistics().links, b.links.statistics().links], [3, 3])
    }).pipe(Effect.scoped, Effect.provide(reliable))
  )

  for (const [when, dialMillis] of [
    ["is under way", 100],
    ["is open", 0]
  ] as const) {
    it.effect(`are one where the peer gave its own up before it was accepted, and this node's ${when}`, () =>
      Effect.gen(function* () {
        const a = yield* side(self, 0)
        const b = yield* side(other, dialMillis)
        b.links.send(self, { _tag: "Probe", nonce: 1 })
        yield* TestClock.adjust("50 millis")
        // What a had dialled while b's process was stopped: b finds a Hello, answers it, and hears nothing more.
        const network = yield* MemoryNetwork.MemoryNetwork
        const transport = yield* network.transport("of a")
        yield* Effect.forkScoped(
          Effect.gen(function* () {
            const dead = yield* transport.dial(other.address)
            const said = hello(
              { cluster: "c", self, settings: "{}", knownEpoch: () => -1, knownAddress: () => undefined },
              other.id
            )
            yield* dead.send([[said]])
            yield* Effect.sleep("10 millis")
            yield* dead.close("abort")
          })
        )
        yield* TestClock.adjust("100 millis")
        b.links.send(self, { _tag: "Probe", nonce: 2 })
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual([a.said, b.said], [["Probe of b", "Probe of b"], []])
      }).pipe(Effect.scoped, Effect.provide(reliable))
    )
  }
})
