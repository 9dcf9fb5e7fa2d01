/**
 * Live nodes on hosts of their own, over mutual TLS, far apart and with packets lost between them: one host is cut off for
 * half a minute while everybody goes on publishing, and is let back. Each test goes on where the one before has ended.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Overlay from "@hyparview/faults/Overlay"
import { Context, Effect, Layer, Schedule } from "effect"
import { type LiveNode, startNodes, type View } from "./LiveNodes.ts"
import * as Network from "./Network.ts"

const hostCount = 5
const nodesPerHost = 4

/** As far apart as two continents, by a bad line. */
const weather: Network.Weather = { delayMillis: 50, jitterMillis: 20, lostPerMille: 20 }

const cutSeconds = 30

/** How often somebody publishes. */
const publishEveryMillis = 250

/**
 * So long before the end of the cut nothing is published any more, and what was is asked for: with a packet lost in fifty, a
 * message on its way over several links has been sent again here and there, or fetched on another way.
 */
const cutQuietSeconds = 10

interface Published {
  readonly name: string
  readonly text: string
  readonly host: number
}

class Cluster extends Context.Service<
  Cluster,
  {
    readonly nodes: ReadonlyArray<LiveNode>
    /** Everything published so far. */
    readonly published: Array<Published>
  }
>()("Cluster") {}

const layerCluster = Layer.effect(
  Cluster,
  Effect.gen(function* () {
    const { hosts } = yield* Network.Network
    return { nodes: yield* startNodes(hosts, nodesPerHost), published: [] }
  })
).pipe(Layer.provideMerge(Network.layer(hostCount, weather)))

/** Looks until nothing is wrong any more; then says what still is. */
const until = <E>(what: string, wrong: Effect.Effect<string, E>, seconds: number) => {
  let last = ""
  return Effect.tap(wrong, (seen) => Effect.sync(() => (last = seen))).pipe(
    Effect.repeat({ until: (seen) => seen === "", schedule: Schedule.spaced("200 millis") }),
    Effect.timeoutOrElse({
      duration: `${seconds} seconds`,
      orElse: () => Effect.die(new Error(`${what}: not within ${seconds} s; at last: ${last}`))
    })
  )
}

const named = ({ from, to }: Overlay.DirectedLink<string>): string => `${from} → ${to}`

/** What keeps the overlay of these nodes from being one, every link held by both its ends. */
const faultsOf = (views: ReadonlyArray<View>): ReadonlyArray<string> => {
  const nodes = views.map(({ active, passive, pending, self }) => ({
    id: self.id,
    active: active.map(({ peer }) => peer.id),
    passive: passive.map(({ id }) => id),
    pending
  }))
  const { count } = Overlay.components(nodes)
  return [
    ...(count === 1 ? [] : [`${count} components`]),
    ...Overlay.asymmetricLinks(nodes).map((link) => `held by one end: ${named(link)}`),
    ...views.flatMap(({ self, status }) => (status === "joined" ? [] : [`${self.id} is ${status}`]))
  ]
}

const viewsOf = (nodes: ReadonlyArray<LiveNode>) =>
  Effect.forEach(nodes, ({ view }) => view, { concurrency: "unbounded" })

/** One overlay, every link held by both its ends; links to others than these do not count. */
const isWhole = (what: string, nodes: ReadonlyArray<LiveNode>, seconds: number) =>
  until(
    what,
    Effect.map(viewsOf(nodes), (views) => faultsOf(views).join("; ")),
    seconds
  )

/** Every round trip that a heartbeat has measured between hosts takes as long as the way does, and some have been. */
const areApart = (nodes: ReadonlyArray<LiveNode>, seconds: number) => {
  const hostOf = new Map(nodes.map(({ host, id }) => [id, host.number]))
  const least = 2 * (weather.delayMillis - weather.jitterMillis)
  const wrong = Effect.map(viewsOf(nodes), (views) => {
    const roundTrips = views.flatMap(({ active, self }) =>
      active.flatMap(({ peer, roundTripMillis }) =>
        hostOf.get(peer.id) === hostOf.get(self.id) || roundTripMillis === null ? [] : [roundTripMillis]
      )
    )
    const short = roundTrips.filter((millis) => millis < least)
    return roundTrips.length > 0 && short.length === 0 ? "" : `${roundTrips.length} measured, too short: ${short}`
  })
  return until("round trips", wrong, seconds)
}

/** Somebody publishes now and then, each node in its turn. */
const publishFor = Effect.fnUntraced(function* (seconds: number) {
  const { nodes, published } = yield* Cluster
  const times = Math.round((seconds * 1_000) / publishEveryMillis)
  for (let turn = 0; turn < times; turn++) {
    // Of another host each time.
    const node = nodes[(turn * nodesPerHost + Math.floor(turn / hostCount)) % nodes.length]
    if (node === undefined) return
    const text = `news ${published.length} from ${node.id}`
    published.push({ name: yield* node.publish(text), text, host: node.host.number })
    yield* Effect.sleep(publishEveryMillis)
  }
})

/** All of these messages have reached all of these nodes. */
const haveReached = (messages: ReadonlyArray<Published>, nodes: ReadonlyArray<LiveNode>, seconds: number) =>
  until(
    `${messages.length} messages at ${nodes.length} nodes`,
    Effect.sync(() =>
      nodes
        .flatMap(({ id, inbox }) => {
          const missing = messages.filter(({ name }) => !inbox.texts.has(name))
          return missing.length === 0 ? [] : [`${id} misses ${missing.length}, among them ${missing[0]?.name}`]
        })
        .join("; ")
    ),
    seconds
  )

/** Which of these messages which of these nodes have been handed. */
const handed = (messages: ReadonlyArray<Published>, nodes: ReadonlyArray<LiveNode>): ReadonlyArray<string> =>
  nodes.flatMap(({ id, inbox }) =>
    messages.filter(({ name }) => inbox.texts.has(name)).map(({ name }) => `${name} to ${id}`)
  )

/** The first of the hosts through which all have joined. */
const lostHost = 1

const parted = (nodes: ReadonlyArray<LiveNode>) => ({
  lost: nodes.filter(({ host }) => host.number === lostHost),
  others: nodes.filter(({ host }) => host.number !== lostHost)
})

const real = { timeout: "180 seconds", excludeTestServices: true } as const

const isRoot = process.getuid?.() === 0
const skipped = isRoot ? "" : " (skipped: only root may make network namespaces)"

describe.skipIf(!isRoot)(`twenty nodes on five hosts, 50 ± 20 ms apart, with 2 % of all packets lost${skipped}`, () => {
  const onHosts = layer(layerCluster, real)
  onHosts((it) => {
    it.effect("find together: one component, every link held by both its ends", () =>
      Effect.gen(function* () {
        const { nodes } = yield* Cluster
        yield* isWhole("the overlay", nodes, 60)
        yield* areApart(nodes, 30)
      })
    )

    it.effect("hand every message to every subscriber", () =>
      Effect.gen(function* () {
        const { nodes, published } = yield* Cluster
        yield* publishFor(5)
        yield* haveReached(published, nodes, 30)
      })
    )

    it.effect(`stay whole while one host is cut off for ${cutSeconds} seconds, and go on hearing each other`, () =>
      Effect.gen(function* () {
        const { nodes, published } = yield* Cluster
        const { cut, heal, hosts } = yield* Network.Network
        const [host] = hosts
        if (host === undefined) return yield* Effect.die("no host")
        const { lost, others } = parted(nodes)
        const before = published.length
        const meanwhile = Effect.gen(function* () {
          yield* publishFor(cutSeconds - cutQuietSeconds)
          const since = published.slice(before)
          const outside = since.filter((message) => message.host !== lostHost)
          const inside = since.filter((message) => message.host === lostHost)
          yield* isWhole("the overlay of the others", others, cutQuietSeconds)
          yield* haveReached(outside, others, cutQuietSeconds)
          // Nothing has crossed the cut, in either direction.
          assert.isNotEmpty(inside)
          assert.deepStrictEqual([...handed(inside, others), ...handed(outside, lost)], [])
        })
        yield* Effect.acquireUseRelease(
          cut(host),
          () => Effect.all([meanwhile, Effect.sleep(`${cutSeconds} seconds`)], { concurrency: 2 }),
          () => Effect.orDie(heal(host))
        )
      })
    )

    it.effect("are one overlay again after it, and have every message exactly once", () =>
      Effect.gen(function* () {
        const { nodes, published } = yield* Cluster
        yield* isWhole("the overlay", nodes, 60)
        yield* publishFor(5)
        yield* haveReached(published, nodes, 60)
        yield* isWhole("the overlay", nodes, 30)
        const expected = new Map(published.map(({ name, text }) => [name, [text]]))
        for (const { id, inbox, process: running } of nodes) {
          assert.isTrue(running.isRunning(), `${id} has ended:\n${running.output()}`)
          assert.deepStrictEqual(inbox.others, [], id)
          assert.deepStrictEqual(inbox.texts, expected, id)
        }
      })
    )

    it.effect("had packets lost in the weather and in the cut", () =>
      Effect.gen(function* () {
        const { losses } = yield* Network.Network
        const { byCut, byWeather } = yield* losses
        assert.isAbove(byWeather, 20)
        assert.isAbove(byCut, 20)
      })
    )

    it.effect("leave at SIGTERM, each with exit code 0", () =>
      Effect.gen(function* () {
        const { nodes } = yield* Cluster
        const codes = yield* Effect.forEach(nodes, ({ process: running }) => running.end("SIGTERM"), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual([...new Set(codes)], [0])
      })
    )
  })
})
