/** States rest as numbers, and nobody can tell: the same traces, and the same states after every step. */
import { HyParView, Node, Plumtree } from "@hyparview/core"
import { FaultPlan, Latency } from "@hyparview/faults"
import { World, type WorldOptions } from "@hyparview/simulator/World"
import { assert, describe, it } from "@effect/vitest"
import * as HashMap from "effect/HashMap"
import * as Result from "effect/Result"
import { RestingStates } from "../src/internal/resting.ts"
import { RestingBroadcast } from "../src/internal/restingBroadcast.ts"
import type { NodeState } from "../src/internal/states.ts"
import { surroundings } from "./surroundings.ts"

const { Fault } = FaultPlan
const second = 1_000_000
const nodes = 24

interface Scenario {
  readonly name: string
  readonly membership?: Partial<HyParView.Config>
  readonly broadcast?: Plumtree.Config
  readonly options?: Partial<WorldOptions>
}

const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "a flood, without heartbeats, and two sources remembered",
    membership: { heartbeatMillis: 0 },
    broadcast: { ...Plumtree.floodConfig, sourcesSize: 2 }
  },
  { name: "heartbeats, and the default broadcast", broadcast: Plumtree.defaultConfig },
  { name: "one tree, as the paper has it", broadcast: { ...Plumtree.paperConfig, sourcesSize: 2 } },
  { name: "a thicket", broadcast: { ...Plumtree.defaultConfig, strategy: "thicket", treesCount: 2 } },
  {
    name: "X-BOT, ages and mixing",
    membership: { optimizeCandidates: 4, ageWeight: 1, mixMillis: 60_000 },
    options: { latency: Latency.fromName("geographic") }
  }
]

const configOf = ({ broadcast, membership }: Scenario): Node.Config => ({
  membership: Result.getOrThrow(HyParView.forClusterSize(nodes, membership ?? {})),
  broadcast: broadcast ?? Plumtree.floodConfig
})

const worldOf = (scenario: Scenario, rests: boolean): World =>
  new World({
    nodes,
    seed: 11,
    config: configOf(scenario),
    ...surroundings,
    ...scenario.options,
    rests
  })

/** Joins, broadcasts, deaths, a cut, a restart, a goodbye, sends that fail: calm in between. */
const live = (world: World, look: () => void): void => {
  const half = Array.from({ length: nodes / 2 }, (_, node) => node)
  const other = half.map((node) => node + nodes / 2)
  const go = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      world.runUntil(world.now + second)
      look()
    }
  }
  for (let node = 0; node < nodes; node++) {
    world.start(node, node === 0 ? [] : [node % 3])
    world.runUntil(world.now + 50_000)
    look()
  }
  go(40)
  for (const source of [1, 2, 1, 5]) world.publish(source)
  go(5)
  world.crash([3, 4, 5, 6])
  world.publish(7)
  go(40)
  world.apply(Fault.Partition({ groups: [half, other], mode: "reset" }))
  go(60)
  world.apply(Fault.Heal())
  world.start(3, [0])
  world.start(4, [1])
  world.leave(8)
  go(60)
  world.apply(Fault.SendFailure({ probability: 0.2 }))
  world.publish(9)
  go(40)
  world.apply(Fault.SendFailure({ probability: 0 }))
  go(30)
}

const statesOf = (world: World) => Array.from({ length: nodes }, (_, node) => world.stateOf(node))

const assertAlike = ([one, ...others]: ReadonlyArray<World>): void => {
  assert.isDefined(one)
  for (const other of others) assert.deepEqual(statesOf(other), statesOf(one))
}

/** Beyond the words in which states rest. */
const far = 2 ** 40
const farPeer = { id: 3, epoch: far, address: 3 }

type Membership = HyParView.State<number, number>

/** So many graves. */
const gravesOf = (count: number): Membership["memory"]["graveyard"] => {
  const ids = Array.from({ length: count }, (_, id) => 100 + id)
  return { ids, epochs: ids.map((id) => id % 3), addresses: ids }
}

const noMemory: Membership["memory"] = { graveyard: gravesOf(0), suspects: [], departed: [], epochRaisedAt: -1 }

/** What does not fit a line, and what just does. */
const misfits: Readonly<Record<string, (membership: Membership) => Partial<Membership>>> = {
  "a late heartbeat": () => ({ heartbeatSentAt: far }),
  "a high request": () => ({ nextRequestId: far }),
  "a high nonce": () => ({ nextNonce: far }),
  "a neighbour's epoch": ({ active }) => ({ active: active.map((neighbor) => ({ ...neighbor, peer: farPeer })) }),
  "a link's epoch": ({ active }) => ({
    active: active.map((neighbor) => ({ ...neighbor, link: { ...neighbor.link, epoch: far } }))
  }),
  "a passive entry's epoch": () => ({ passive: { ids: [3], epochs: [far], addresses: [3], since: [0] } }),
  "a large active view": ({ active }) => ({ active: [...active, ...active, ...active] }),
  "a large passive view": ({ passive: { addresses, epochs, ids, since } }) => ({
    passive: {
      ids: [...ids, ...ids, ...ids],
      epochs: [...epochs, ...epochs, ...epochs],
      addresses: [...addresses, ...addresses, ...addresses],
      since: [...since, ...since, ...since]
    }
  }),
  "a shuffle's deadline": () => ({
    shuffle: { requestId: 1, sent: [], deadline: far, direct: false, stranger: undefined }
  }),
  "what a shuffle has sent": () => ({
    shuffle: { requestId: 1, sent: [farPeer], deadline: 1, direct: false, stranger: undefined }
  }),
  "a stranger's shuffle": () => ({
    shuffle: { requestId: 1, sent: [], deadline: 1, direct: true, stranger: { ...farPeer, epoch: 1 } }
  }),
  "a late timer": ({ timers }) => ({ timers: { ...timers, Repair: { nonce: 5, at: far } } }),
  "a request to a far epoch": () => ({
    pending: [{ peer: farPeer, requestId: 1, reason: "joinWalk", deadline: 5 }]
  }),
  "a late hole": () => ({ hole: { since: far, moves: 1 } }),
  "a far seeker": () => ({ seeker: { peer: farPeer, at: 1 } }),
  "a long round": ({ round }) => ({ round: { ...round, tried: Array.from({ length: 40 }, (_, id) => id), lead: 4 } }),
  "a round that has asked many": ({ round }) => ({
    round: { ...round, tried: [1, 2, 3, 4, 5, 6, 7, 8, 9], busy: [4, 2], retried: [7, 1, 9], waiting: true }
  }),
  "a late round": ({ round }) => ({ round: { ...round, waitMillis: far } }),
  "no memories": () => ({ memory: noMemory }),
  "many graves": () => ({ memory: { ...noMemory, graveyard: gravesOf(300) } }),
  "a grave's epoch": () => ({ memory: { ...noMemory, graveyard: { ...gravesOf(1), epochs: [far] } } }),
  "many suspects": () => ({ memory: { ...noMemory, suspects: Array.from({ length: 60 }, (_, id) => id) } }),
  "graves and suspects": () => ({ memory: { ...noMemory, graveyard: gravesOf(5), suspects: [4, 2] } }),
  "one who has left": () => ({
    memory: { ...noMemory, graveyard: gravesOf(2), departed: [{ id: 3, epoch: 1, until: 5 }] }
  }),
  "a raised epoch": () => ({ memory: { ...noMemory, epochRaisedAt: 77 } }),
  "a high epoch's time": () => ({ memory: { ...noMemory, epochRaisedAt: far } })
}

type Broadcast = Plumtree.State<number, number>

/** Another state of the streams, or of the first of them. */
const streamsOf = ({ streams }: Broadcast, change: Partial<Broadcast["streams"]["near"][number]>) => ({
  streams: { ...streams, near: streams.near.with(0, { ...firstOf(streams.near), ...change }) }
})

const firstOf = <A>([first]: ReadonlyArray<A>): A => {
  if (first === undefined) throw new Error("nothing there")
  return first
}

/** What of a broadcast does not rest as words, and what does. */
const oddBroadcasts: Readonly<Record<string, (broadcast: Broadcast) => Partial<Broadcast>>> = {
  "streams as they came": () => ({}),
  "numbers above the floor": (broadcast) => streamsOf(broadcast, { above: [90, 91] }),
  "a high number above the floor": (broadcast) => streamsOf(broadcast, { above: [far, far] }),
  "many runs above the floor": (broadcast) => streamsOf(broadcast, { above: [90, 91, 95, 96] }),
  "a gap": (broadcast) => {
    const gap = {
      open: true,
      since: 1,
      known: 9,
      due: 2,
      hurried: 9,
      asking: { id: 3, since: 2, place: 0, upTo: -1 },
      unheard: [],
      goOn: [3],
      holders: [3],
      asked: [3],
      roundAt: 0,
      allAskedAt: undefined,
      namerLostAt: undefined,
      brought: -1,
      gone: []
    }
    return streamsOf(broadcast, { gap })
  },
  "a high number": (broadcast) => streamsOf(broadcast, { floor: far, top: far }),
  "a source's epoch": (broadcast) => streamsOf(broadcast, { epoch: far }),
  "another topic": (broadcast) => streamsOf(broadcast, { topic: "another" }),
  "a late message": (broadcast) => streamsOf(broadcast, { usedAt: far }),
  "a path": (broadcast) => streamsOf(broadcast, { depth: 3 }),
  "a kept message": (broadcast) => {
    const kept = { sequence: 0, payload: new Uint8Array(4), round: 1, parent: 3, publishedAt: 0, bornAt: 0 }
    const held = { ...firstOf(streamsOf(broadcast, {}).streams.near).held, latest: [kept], count: 1, bytes: 132 }
    const { streams } = streamsOf(broadcast, { held })
    return { streams: { ...streams, bytes: 132 } }
  },
  "many streams": ({ streams }) => {
    const near = [1, 2, 3].map((source) => ({ ...firstOf(streams.near), source }))
    return { streams: { ...streams, count: 3, keys: [1, 2, 3], near } }
  },
  "other streams forgotten": ({ streams }) => ({
    streams: { ...streams, forgotten: [streams.forgotten[1], streams.forgotten[0]] }
  }),
  "bytes that nothing takes": ({ streams }) => ({ streams: { ...streams, bytes: 132 } }),
  "what makes room next": ({ streams }) => ({ streams: { ...streams, hand: 1 } }),
  "a lazy neighbour": () => ({ lazy: 1 }),
  "a guide": () => {
    const guide = { source: 1, heardAt: 2, period: 3, shaping: undefined, beat: -1, beatShapes: false, passedAt: 0 }
    return { guide }
  },
  "a patient link": ({ links }) => ({ links: links.with(0, { ...firstOf(links), pruneAt: 255 }) }),
  "a most patient link": ({ links }) => ({ links: links.with(0, { ...firstOf(links), pruneAt: 256 }) }),
  "a pruned link": ({ links }) => ({ links: links.with(1, { ...firstOf(links), prunedAt: 77 }) }),
  "a link that was pruned late": ({ links }) => ({ links: links.with(1, { ...firstOf(links), prunedAt: far }) }),
  "a link with duplicates": ({ links }) => ({ links: links.with(0, { ...firstOf(links), duplicates: 2 }) }),
  "one neighbour fewer": ({ links, neighbors }) => ({ links: links.slice(1), neighbors: neighbors.slice(1) }),
  "a topic of its own": () => ({ topics: HashMap.make(["broadcast", 4]) }),
  "a high nonce": () => ({ nextNonce: far }),
  "a set timer": ({ timers }) => ({ timers: { ...timers, Graft: { nonce: 3, at: 4 } } }),
  "a timer of announcements": ({ timers }) => ({ timers: { ...timers, Announce: { nonce: 3, at: 4 } } }),
  "a timer of what is kept": ({ timers }) => ({ timers: { ...timers, Recover: { nonce: 3, at: 4 } } }),
  "a late timer of what is kept": ({ timers }) => ({ timers: { ...timers, Recover: { nonce: 3, at: far } } }),
  "a time to sweep": ({ upkeep }) => ({ upkeep: { ...upkeep, sweepAt: 5 } }),
  "a late time to sweep": ({ upkeep }) => ({ upkeep: { ...upkeep, sweepAt: far } }),
  "a slot with a gap": ({ upkeep }) => ({ upkeep: { ...upkeep, gaps: [0] } }),
  "a gap that is due": ({ upkeep }) => ({ upkeep: { ...upkeep, gapsAt: 5 } }),
  "a topic that is validated": ({ upkeep }) => ({ upkeep: { ...upkeep, validated: ["broadcast"] } }),
  "an open recall": ({ upkeep }) => {
    const recall = { requestId: 1, topic: "broadcast", wanted: 3, found: [], asked: [], asking: undefined, until: 0 }
    return { upkeep: { ...upkeep, recalls: [recall] } }
  },
  "a message that waits for a verdict": ({ self, upkeep }) => {
    const id = { source: 1, epoch: 0, topic: "broadcast", sequence: 3 }
    const payload = new Uint8Array(4)
    const gossip = { _tag: "Gossip", id, round: 0, publishedAt: 1, ageMillis: 0, payload, replay: undefined } as const
    return { upkeep: { ...upkeep, waiting: [{ gossip, from: self, bornAt: 1, named: undefined, until: 9 }] } }
  }
}

const changes: ReadonlyArray<readonly [name: string, change: (state: NodeState) => NodeState]> = [
  ...Object.entries(misfits).map(
    ([name, change]) =>
      [
        name,
        ({ broadcast, membership }: NodeState) => ({ broadcast, membership: { ...membership, ...change(membership) } })
      ] as const
  ),
  ...Object.entries(oddBroadcasts).map(
    ([name, change]) =>
      [
        `in a broadcast ${name}`,
        ({ broadcast, membership }: NodeState) => ({ membership, broadcast: { ...broadcast, ...change(broadcast) } })
      ] as const
  )
]

describe("states that rest as numbers", () => {
  it.each(scenarios)("leave the trace and the states as they are: $name", (scenario) => {
    const whole = worldOf(scenario, false)
    const expected: Array<ReturnType<typeof statesOf>> = []
    live(whole, () => expected.push(statesOf(whole)))
    const resting = worldOf(scenario, true)
    let looks = 0
    live(resting, () => assert.deepEqual(statesOf(resting), expected[looks++]))
    assert.strictEqual(looks, expected.length)
    assert.strictEqual(resting.traceHash, whole.traceHash)
  })

  it.each(scenarios)("show an observer the same transitions: $name", (scenario) => {
    const whole = worldOf(scenario, false)
    const expected: Array<unknown> = []
    whole.observer = (node, before, input, step) => expected.push([node, before, input, step])
    live(whole, () => {})
    const resting = worldOf(scenario, true)
    const seen: Array<unknown> = []
    // Kept, and looked at when all is over: nothing that rests shows through.
    resting.observer = (node, before, input, step) => {
      seen.push([node, before, input, step])
      assert.deepEqual(resting.stateOf(node), step.state)
    }
    live(resting, () => {})
    assert.strictEqual(seen.length, expected.length)
    seen.forEach((transition, index) => assert.deepEqual(transition, expected[index]))
  })

  it.each([Plumtree.floodConfig, Plumtree.paperConfig])(
    "hold broadcasts in good order as numbers: $strategy",
    (config) => {
      const scenario = { name: "", broadcast: { ...config, sourcesSize: 2 } }
      const world = worldOf(scenario, false)
      live(world, () => {})
      for (let i = 0; i < 3; i++) {
        world.publish(1)
        world.runUntil(world.now + 5 * second)
      }
      const states = new RestingStates(nodes, configOf(scenario))
      let lazy = 0
      statesOf(world).forEach((state, node) => {
        if (state === undefined) return
        states.set(node, state, undefined)
        // Who has published has a topic of its own.
        assert.strictEqual(
          states.get(node)?.broadcast instanceof RestingBroadcast,
          HashMap.isEmpty(state.broadcast.topics),
          `node ${node}`
        )
        if (state.broadcast.lazy !== 0) lazy++
      })
      if (config.strategy === "plumtree") assert.isAbove(lazy, nodes / 4)
    }
  )

  it("go on in a fork, independently", () => {
    const scenario = { name: "", broadcast: Plumtree.defaultConfig }
    const whole = worldOf(scenario, false)
    const resting = worldOf(scenario, true)
    for (const world of [whole, resting]) live(world, () => {})
    const forks = [whole.fork(1, Plumtree.floodConfig), resting.fork(1, Plumtree.floodConfig)]
    const before = statesOf(resting)
    for (const fork of forks) {
      fork.publish(1)
      fork.runUntil(fork.now + 60 * second)
    }
    assert.deepEqual(statesOf(resting), before)
    assertAlike(forks)
    assert.strictEqual(forks[0]?.traceHash, forks[1]?.traceHash)
    for (const world of [whole, resting]) world.runUntil(world.now + 60 * second)
    assert.deepEqual(statesOf(resting), statesOf(whole))
  })

  it.each(changes)("are given as they were, whether they fit or not: %s", (_, change) => {
    const scenario = { name: "", broadcast: { ...Plumtree.floodConfig, sourcesSize: 2 } }
    const whole = worldOf(scenario, false)
    live(whole, () => {})
    const fits = whole.stateOf(10)
    assert.isDefined(fits)
    // It has heard of more sources than it has room for.
    assert.isAbove(fits.broadcast.streams.forgottenCount, 0)
    const odd = change(fits)
    const states = new RestingStates(nodes, configOf(scenario))
    const given = () => {
      const state = states.get(10)
      return state === undefined ? undefined : states.kept(state)
    }
    for (const state of [fits, odd, odd, fits]) {
      states.set(10, state, states.get(10))
      assert.deepEqual(given(), state)
      const neighbors = new Set(state.membership.active.map(({ id }) => id))
      for (let id = 0; id < nodes; id++) assert.strictEqual(states.hasNeighbor(10, id), neighbors.has(id))
    }
    const fork = states.fork()
    states.set(10, odd, states.get(10))
    states.delete(10)
    assert.isUndefined(given())
    const forked = fork.get(10)
    assert.deepEqual(forked && fork.kept(forked), fits)
  })

  it("are kept as they are if a view is larger than can be counted", () => {
    const { broadcast, membership } = configOf({ name: "" })
    const config = { broadcast, membership: { ...membership, passiveSize: 600 } }
    const states = new RestingStates(nodes, config)
    const self = { id: 9, epoch: 1, address: 9 }
    const state = Node.init({ config, self, random: { random0: 1, random1: 2 } })
    for (const length of [255, 256, 600, 30]) {
      const ids = Array.from({ length }, (_, id) => 100 + id)
      const passive = { ids, epochs: ids.map(() => 1), addresses: ids, since: ids.map((id) => -id) }
      const large = { ...state, membership: { ...state.membership, passive } }
      states.set(9, large, states.get(9))
      const given = states.get(9)
      assert.deepEqual(given && states.kept(given), large)
    }
  })

  it("have room for other parameters of a world that goes on", () => {
    const scenario = { name: "" }
    const worlds = [worldOf(scenario, false), worldOf(scenario, true)]
    const larger = Result.getOrThrow(HyParView.forClusterSize(nodes, { activeSize: 12, passiveSize: 20 }))
    for (const world of worlds) {
      live(world, () => {})
      world.reconfigure(larger)
      world.runUntil(world.now + 300 * second)
    }
    assertAlike(worlds)
    const [whole] = worlds
    const sizes = Array.from({ length: nodes }, (_, node) => whole?.stateOf(node)?.membership.active.length ?? 0)
    assert.isAbove(Math.max(...sizes), configOf(scenario).membership.activeSize)
  })
})
