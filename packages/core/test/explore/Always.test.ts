/** A checker that cannot fail is a defect: each rule is broken here once, and must be missed. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { changeFaults } from "@hyparview/faults/Transition"
import { gravesOf, passiveOf } from "../paper/node.ts"
import { mostOutputs, stateFaults, stepFaults } from "./Always.ts"
import { rested } from "./Scenarios.ts"
import type { Output, State } from "./World.ts"

/** Node 1 between nodes 0 and 2: both its slots are taken, its passive view is empty, and its cycle is all it waits for. */
const sound = (): State => {
  const state = rested(3, 3).stateOf(1)
  if (state === undefined) throw new Error("node 1 runs")
  return state
}

const someone = (id: number) => ({ id, epoch: 1, address: id + 100 })
const noOne = (id: number) => ({ ...someone(id), epoch: HyParView.highestEpoch + 1 })
const many = (count: number) => Array.from({ length: count }, (_, index) => someone(10 + index))
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const asking = (id: number) => ({ peer: someone(id), requestId: 9, reason: "repair" as const, deadline: 1_000 })
const dialing = (purpose: "join" | "repair" | "probe") => ({ address: 105, purpose, deadline: 1_000 })
const slot = (nonce: number, at: number) => ({ nonce, at })

type Change = Partial<State>

/** With these as its passive view. */
const passively = (...ids: ReadonlyArray<number>) => ({ passive: passiveOf(ids.map(someone)) })

/** With 5 as its passive view, but for some of the columns. */
const columns = (changed: Partial<State["passive"]>): Change => ({
  passive: { ...passiveOf([someone(5)]), ...changed }
})

/** In a round as its initiator. */
const givingAway = (neighbor: State["active"][number] | undefined): State["swap"] =>
  neighbor === undefined
    ? undefined
    : {
        _tag: "Initiator",
        deadline: 1,
        requestId: 9,
        candidate: someone(9),
        given: { peer: neighbor.peer, link: neighbor.link, doubted: false }
      }

/** In each part of a round that will bring a link with 9. */
const linkingWith9 = ({ active: [neighbor] }: State): ReadonlyArray<State["swap"]> => {
  if (neighbor === undefined) return []
  const given = { peer: neighbor.peer, link: neighbor.link, doubted: false }
  const proposal = { requestId: 9, old: someone(0), before: 2, after: 1 }
  return [
    givingAway(neighbor),
    { _tag: "Choosing", nonce: 1, deadline: 1, initiator: someone(9), proposal, neighbors: [] },
    { _tag: "Candidate", deadline: 1, initiator: someone(9), requestId: 9, given },
    { _tag: "Disconnected", deadline: 1, requestId: 9, round: 9, old: someone(9), given }
  ]
}

/** For each sentence of a state, in what ways a sound one comes to deserve it. */
const broken: Readonly<Record<string, (state: State) => Change | ReadonlyArray<Change>>> = {
  "self in the active view": ({ active }) => ({
    active: active.slice(0, 1).map((n) => ({ ...n, id: 1, peer: someone(1) }))
  }),
  "a neighbour under another's id": ({ active }) => ({ active: active.map((n) => ({ ...n, id: 9 })) }),
  "self in the passive view": () => passively(1),
  "self in the graveyard": ({ memory }) => ({ memory: { ...memory, graveyard: gravesOf([someone(1)]) } }),
  "self is being asked": () => ({ pending: [asking(1)] }),
  "an id twice in the active view": ({ active }) => ({ active: [...active.slice(0, 1), ...active.slice(0, 1)] }),
  "an id twice in the passive view": () => passively(5, 5),
  "an id twice in the graveyard": ({ memory }) => ({
    memory: { ...memory, graveyard: gravesOf([someone(5), someone(5)]) }
  }),
  "an id asked twice": () => ({ pending: [asking(5), asking(5)] }),
  "an id is asked by a request and in a round of X-BOT": (state) =>
    linkingWith9(state).map((swap) => ({ pending: [asking(9)], swap })),
  "active and passive view overlap": () => passively(0),
  "a neighbour is being asked": () => ({ pending: [asking(0)] }),
  "a grave is in a view": ({ memory }) => [
    { memory: { ...memory, graveyard: gravesOf([someone(0)]) } },
    { memory: { ...memory, graveyard: gravesOf([someone(5)]) }, ...passively(5) }
  ],
  // The bounds of `tinyConfig`: one more than each.
  "active holds 3, its bound is 2": ({ active }) => ({ active: [...active, ...active.slice(0, 1)] }),
  "passive.ids holds 4, its bound is 3": () => passively(10, 11, 12, 13),
  "passive.epochs holds 4, its bound is 3": () => columns({ epochs: numbers(4) }),
  "passive.addresses holds 4, its bound is 3": () => columns({ addresses: numbers(4) }),
  "passive.since holds 4, its bound is 3": () => columns({ since: numbers(4) }),
  "pending holds 3, its bound is 2": () => ({ pending: [asking(5), asking(6), asking(7)] }),
  "suspects holds 9, its bound is 8": ({ memory }) => ({ memory: { ...memory, suspects: numbers(9) } }),
  "contacts.known holds 5, its bound is 4": ({ contacts }) => ({ contacts: { ...contacts, known: numbers(5) } }),
  "contacts.left holds 5, its bound is 4": ({ contacts }) => ({ contacts: { ...contacts, left: numbers(5) } }),
  "dialing holds 4, its bound is 3": ({ contacts }) => ({
    contacts: { ...contacts, dialing: [dialing("join"), dialing("repair"), dialing("probe"), dialing("join")] }
  }),
  "graveyard holds 4, its bound is 3": ({ memory }) => ({ memory: { ...memory, graveyard: gravesOf(many(4)) } }),
  "departed holds 9, its bound is 8": ({ memory }) => ({
    memory: { ...memory, departed: numbers(9).map((id) => ({ id, epoch: 1, until: 1 })) }
  }),
  "askers holds 9, its bound is 8": ({ admission }) => ({
    admission: { ...admission, askers: numbers(9).map((id) => ({ id, tokens: 1, at: 0 })) }
  }),
  "named holds 9, its bound is 8": ({ admission }) => ({
    admission: { ...admission, named: numbers(9).map((id) => ({ id, tokens: 1, at: 0 })) }
  }),
  "round.tried holds 9, its bound is 8": ({ round }) => ({ round: { ...round, tried: numbers(9) } }),
  "round.busy holds 9, its bound is 8": ({ round }) => ({ round: { ...round, busy: numbers(9) } }),
  "round.retried holds 9, its bound is 8": ({ round }) => ({ round: { ...round, retried: numbers(9) } }),
  "search.strangers holds 4, its bound is 3": ({ search }) => ({ search: { ...search, strangers: many(4) } }),
  "shuffle.sent holds 3, its bound is 2": () => ({
    shuffle: { requestId: 9, sent: many(3), deadline: 1, direct: false, stranger: undefined }
  }),
  "a column of the passive view is not as long as its ids": () => [
    columns({ ids: [] }),
    columns({ ids: [5, 6] }),
    columns({ epochs: [] }),
    columns({ epochs: [1, 1] }),
    columns({ addresses: [] }),
    columns({ addresses: [105, 106] }),
    columns({ since: [] }),
    columns({ since: [0, 0] })
  ],
  "a column of the graveyard is not as long as its ids": ({ memory }) =>
    [{ ids: [] }, { epochs: [] }, { addresses: [105, 106] }].map((changed) => ({
      memory: { ...memory, graveyard: { ...gravesOf([someone(5)]), ...changed } }
    })),
  "an age is none": ({ cycle }) => [columns({ since: [Number.NaN] }), columns({ since: [cycle + 1] })],
  "two dials for one purpose": ({ contacts }) => ({
    contacts: { ...contacts, dialing: [dialing("join"), dialing("join")] }
  }),
  "the epoch is -1": ({ self }) => ({ self: { ...self, epoch: -1 } }),
  "the epoch is 1.5": ({ self }) => ({ self: { ...self, epoch: 1.5 } }),
  "the epoch is 4503599627370497": ({ self }) => ({ self: { ...self, epoch: HyParView.highestEpoch + 1 } }),
  "a neighbour with an epoch that nobody has": ({ active }) => ({
    active: active.map((n) => ({ ...n, peer: noOne(n.id) }))
  }),
  "somebody is asked with an epoch that nobody has": () => ({ pending: [{ ...asking(5), peer: noOne(5) }] }),
  "a passive entry with an epoch that nobody has": () => columns({ epochs: [HyParView.highestEpoch + 1] }),
  "a grave with an epoch that nobody has": ({ memory }) => ({ memory: { ...memory, graveyard: gravesOf([noOne(5)]) } }),
  "a suspect is not in the passive view": ({ memory }) => ({ memory: { ...memory, suspects: [5] }, ...passively(6) }),
  "who was busy has not been tried": ({ round }) => ({ round: { ...round, busy: [5], tried: [6] } }),
  "the generator is no number": () => [{ random0: Number.NaN }, { random1: Infinity }],
  "tokens off scale": ({ admission, config }) => [
    { admission: { ...admission, tokens: -1 } },
    { admission: { ...admission, tokens: config.admissionOverall.burst + 1 } }
  ],
  "timer Cycle at NaN, nonce 1": ({ timers }) => ({ timers: { ...timers, Cycle: slot(1, Number.NaN) } }),
  "timer Repair at -1, nonce 1": ({ timers }) => ({ timers: { ...timers, Repair: slot(1, -1) } }),
  "no cycle to come": ({ timers }) => ({ timers: { ...timers, Cycle: slot(0, 0) } }),
  "no heartbeat to come": ({ config }) => ({ config: { ...config, heartbeatMillis: 1_000 } }),
  "a request under way that no timer watches": ({ contacts, timers }) => [
    { pending: [asking(5)] },
    { contacts: { ...contacts, dialing: [dialing("join")] } },
    { pending: [asking(5)], timers: { ...timers, Request: slot(1, 1_001) } }
  ],
  "a round of X-BOT that no timer watches": ({ active: [neighbor] }) => ({ swap: givingAway(neighbor) }),
  "a free slot, nobody asked, and no wait": () => ({ active: [] }),
  "a free slot, somebody to ask, and no timer": ({ active, round }) => ({
    active: active.slice(0, 1),
    round: { ...round, waiting: true },
    ...passively(5)
  }),
  "no neighbour, and Discovery not asked": ({ round }) => ({ active: [], round: { ...round, waiting: true } }),
  "a node that is left holds links": ({ contacts }) => [
    { status: "left" },
    { status: "left", active: [], pending: [asking(5)] },
    { status: "left", active: [], contacts: { ...contacts, dialing: [dialing("join")] } }
  ],
  "a node that is stopped holds links": () => ({ status: "stopped" })
}

interface BrokenStep {
  /** What is changed in the state before, and then by the step. */
  readonly before?: Change
  readonly after?: Change
  readonly outputs?: ReadonlyArray<Output>
  readonly now?: number
}

const faultsOf = (state: State, { after = {}, before = {}, now = 0, outputs = [] }: BrokenStep) => {
  const was = { ...state, ...before }
  return stepFaults(was, now, { state: { ...was, ...after }, outputs })
}

/** Node 1's neighbours, and one that X-BOT may bring. */
const neighborsOf = ({ active: [first, second] }: State) => {
  if (first === undefined || second === undefined) throw new Error("node 1 has two neighbours")
  return { first, second, third: { ...second, id: 7, peer: someone(7), unbiased: false } }
}

const down = ({ peer }: State["active"][number]): Output => ({ _tag: "NeighborDown", peer, reason: "optimized" })

/** The older of two links is to be left alone. */
const oneUnbiased = ({ active, config }: State): Change => ({
  active: active.map((neighbor) => ({ ...neighbor, unbiased: true })),
  config: { ...config, optimizeCandidates: 1, unbiasedLinks: 1 }
})

/** For each sentence of a step, one that deserves it. */
const brokenSteps: Readonly<Record<string, (state: State) => BrokenStep>> = {
  "0 up twice": () => ({ outputs: [{ _tag: "NeighborUp", peer: someone(0) }] }),
  "7 down without up": () => ({ outputs: [{ _tag: "NeighborDown", peer: someone(7), reason: "left" }] }),
  "NeighborUp and NeighborDown do not add up to the active view": () => ({
    outputs: [{ _tag: "NeighborUp", peer: someone(7) }]
  }),
  "a Probe to self": ({ self }) => ({ outputs: [{ _tag: "Send", to: self, message: { _tag: "Probe", nonce: 1 } }] }),
  "timer Cycle set for the past": () => ({
    now: 5,
    outputs: [{ _tag: "SetTimer", kind: "Cycle", nonce: 1, at: 4 }]
  }),
  // 4 for each of 2 links, and 12.
  "21 outputs, at most 20 allowed": () => ({ outputs: numbers(21).map(() => ({ _tag: "Discover" })) }),
  "timer Heartbeat was not set by an output": ({ timers }) => ({
    after: { timers: { ...timers, Heartbeat: slot(9, 9) } }
  }),
  "timer Request was not set by an output": ({ timers }) => ({
    after: { timers: { ...timers, Request: slot(9, 9) } },
    outputs: [{ _tag: "SetTimer", kind: "Request", nonce: 8, at: 9 }]
  }),
  "timer Cycle was not set by an output": () => ({ outputs: [{ _tag: "ClearTimer", kind: "Cycle" }] }),
  "a node's own id has changed": ({ self }) => ({ after: { self: { ...self, id: 9 } } }),
  "its own epoch fell from 2 to 1": ({ self }) => ({
    before: { self: { ...self, epoch: 2 } },
    after: { self: { ...self, epoch: 1 } }
  }),
  "an exchange changed 2 neighbours into 1": (state) => {
    const { first, second } = neighborsOf(state)
    return { after: { active: [first] }, outputs: [down(second)] }
  },
  "2 links exchanged in one step": ({ active }) => ({ after: { active: [] }, outputs: active.map(down) }),
  "an unbiased link was exchanged": (state) => {
    const { first, second, third } = neighborsOf(state)
    return {
      before: {
        ...oneUnbiased(state),
        swap: { _tag: "Old", deadline: 1, initiator: first.peer, link: first.link, requestId: 9 }
      },
      after: { swap: undefined, active: [second, third] },
      outputs: [down(first), { _tag: "NeighborUp", peer: third.peer }]
    }
  },
  "an unbiased link was promised": (state) => ({
    before: oneUnbiased(state),
    after: { swap: givingAway(neighborsOf(state).first) }
  })
}

describe("what always holds", () => {
  it("holds of nodes at rest", () => {
    assert.deepStrictEqual(stateFaults(sound()), [])
  })

  for (const [sentence, breakIt] of Object.entries(broken)) {
    it(`is missed: ${sentence}`, () => {
      const before = sound()
      for (const change of [breakIt(before)].flat()) {
        const state = { ...before, ...change }
        assert.include(stateFaults(state), sentence)
        assert.include(changeFaults(before, 0, { state, outputs: [] }), sentence)
      }
    })
  }

  for (const [sentence, breakIt] of Object.entries(brokenSteps)) {
    it(`is missed of a step: ${sentence}`, () => {
      const state = sound()
      assert.include(faultsOf(state, breakIt(state)), sentence)
    })
  }

  it("has a case above for each sentence of the module, which says no other", () => {
    const source = readFileSync(new URL("../../../faults/src/Transition.ts", import.meta.url), "utf8")
    const code = source.replace(/\/\*\*[^]*?\*\//g, "").replace(/\/\/.*/g, "")
    // Of all that stands in quotes, what has a space in it is a sentence; the one of bounds is said of many names.
    const quoted = Array.from(code.matchAll(/"([^"\n]*)"|`([^`]*)`/g), ([, text, template]) => text ?? template ?? "")
    const bounded = Array.from(
      code.matchAll(/atMost\("([^"]+)"/g),
      ([, name]) => `${name} holds \${}, its bound is \${}`
    )
    const sentences = quoted
      .filter((text) => text.includes(" ") && !text.startsWith("${name}"))
      .concat(bounded)
      .map((text) => new RegExp(`^${text.replaceAll(".", "\\.").replace(/\$\{[^}]*\}/g, ".+")}$`))
    const provoked = Object.keys({ ...broken, ...brokenSteps })
    const withoutCase = sentences.filter((sentence) => !provoked.some((each) => sentence.test(each)))
    const unknown = provoked.filter((each) => !sentences.some((sentence) => sentence.test(each)))
    assert.deepStrictEqual({ withoutCase, unknown }, { withoutCase: [], unknown: [] })
  })

  it("looks at the views where only the round of X-BOT has changed", () => {
    const state = sound()
    const { first } = neighborsOf(state)
    const swap = givingAway(first)
    const partner = swap?._tag === "Initiator" ? swap.candidate : first.peer
    const pending = [{ peer: partner, requestId: 99, reason: "repair", deadline: 99 } as const]
    const before = { ...state, pending, timers: { ...state.timers, Request: slot(9, 9) } }
    assert.include(
      changeFaults(before, 9, { state: { ...before, swap }, outputs: [] }).join("\n"),
      "an id is asked by a request and in a round of X-BOT"
    )
  })

  it("lets a step be that tells what it does", () => {
    const state = sound()
    assert.deepStrictEqual(faultsOf(state, {}), [])
    const { first, second, third } = neighborsOf(state)
    const up: Output = { _tag: "NeighborUp", peer: third.peer }
    const exchange = { after: { active: [first, third] }, outputs: [down(second), up] }
    assert.deepStrictEqual(faultsOf(state, { ...exchange, before: oneUnbiased(state) }), [])
    const promise = { before: oneUnbiased(state), after: { swap: givingAway(second) } }
    assert.deepStrictEqual(faultsOf(state, promise), [])
    const most = numbers(mostOutputs(state.config)).map(() => ({ _tag: "Discover" }) as const)
    assert.deepStrictEqual(faultsOf(state, { outputs: most }), [])
    const set = { after: { timers: { ...state.timers, Repair: slot(9, 9) } }, now: 9 }
    assert.deepStrictEqual(
      faultsOf(state, { ...set, outputs: [{ _tag: "SetTimer", kind: "Repair", nonce: 9, at: 9 }] }),
      []
    )
  })
})
