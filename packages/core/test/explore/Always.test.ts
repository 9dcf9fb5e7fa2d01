/** A checker that cannot fail is a defect: each rule is broken here once, and must be missed. */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { mostOutputs, stateFaults, stepFaults } from "./Always.ts"
import { rested } from "./Scenarios.ts"
import type { State } from "./World.ts"

const sound = (): State => {
  const state = rested(3, 3).stateOf(1)
  if (state === undefined) throw new Error("node 1 runs")
  return state
}

const someone = (id: number) => ({ id, epoch: 1, address: id + 100 })
const many = (count: number) => Array.from({ length: count }, (_, index) => someone(10 + index))
const asking = (id: number) => ({ peer: someone(id), requestId: 9, reason: "repair" as const, deadline: 1e9 })

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

const broken: Readonly<Record<string, (state: State) => Partial<State>>> = {
  "self in the active view": ({ active }) => ({
    active: active.slice(0, 1).map((n) => ({ ...n, id: 1, peer: someone(1) }))
  }),
  "a neighbour under another's id": ({ active }) => ({ active: active.map((n) => ({ ...n, id: 9 })) }),
  "self in the passive view": () => ({ passive: [someone(1)], passiveIds: [1], passiveSince: [0] }),
  "self in the graveyard": ({ memory }) => ({ memory: { ...memory, graveyard: [someone(1)] } }),
  "self is being asked": () => ({ pending: [asking(1)] }),
  "an id twice in the active view": ({ active }) => ({ active: [...active.slice(0, 1), ...active.slice(0, 1)] }),
  "an id twice in the passive view": () => ({
    passive: [someone(5), someone(5)],
    passiveIds: [5, 5],
    passiveSince: [0, 0]
  }),
  "an id asked twice": () => ({ pending: [asking(5), asking(5)] }),
  "an id is asked by a request and in a round of X-BOT": ({ active: [neighbor] }) => ({
    pending: [asking(9)],
    swap: givingAway(neighbor)
  }),
  "rounds have made 2 links, at most 1 allowed": ({ active, config }) => ({
    active: active.map((neighbor) => ({ ...neighbor, optimized: true })),
    config: { ...config, unbiasedLinks: 1 }
  }),
  "active and passive view overlap": () => ({ passive: [someone(0)], passiveIds: [0], passiveSince: [0] }),
  "a neighbour is being asked": () => ({ pending: [asking(0)] }),
  "a grave is in a view": ({ memory }) => ({ memory: { ...memory, graveyard: [someone(0)] } }),
  "active holds 3": ({ active }) => ({ active: [...active, ...active.slice(0, 1)] }),
  "passive holds 4": () => ({ passive: many(4), passiveIds: [10, 11, 12, 13], passiveSince: [0, 0, 0, 0] }),
  "pending holds 3": () => ({ pending: [asking(5), asking(6), asking(7)] }),
  "search.strangers holds 9": ({ search }) => ({ search: { ...search, strangers: many(9) } }),
  "graveyard holds 4": ({ memory }) => ({ memory: { ...memory, graveyard: many(4) } }),
  "suspects holds 9": ({ memory }) => ({ memory: { ...memory, suspects: [1, 2, 3, 4, 5, 6, 7, 8, 9] } }),
  "contacts.known holds 5": ({ contacts }) => ({ contacts: { ...contacts, known: [1, 2, 3, 4, 5] } }),
  "passiveSince is not as long": () => ({ passive: [someone(5)], passiveIds: [5], passiveSince: [] }),
  "a passive entry under another's id": () => ({ passive: [someone(5)], passiveIds: [6], passiveSince: [0] }),
  "an age is none": () => ({ passive: [someone(5)], passiveIds: [5], passiveSince: [Number.NaN] }),
  "tokens off scale": ({ admission }) => ({ admission: { ...admission, tokens: -1 } }),
  "timer Cycle at NaN": ({ timers }) => ({ timers: { ...timers, Cycle: { nonce: 1, at: Number.NaN } } }),
  "no cycle to come": ({ timers }) => ({ timers: { ...timers, Cycle: { nonce: 0, at: 0 } } }),
  "a request under way that no timer watches": () => ({ pending: [asking(5)] }),
  "a round of X-BOT that no timer watches": ({ active: [neighbor] }) => ({ swap: givingAway(neighbor) }),
  "a free slot, nobody asked, and no wait": () => ({ active: [] }),
  "a node that is left holds links": () => ({ status: "left" })
}

describe("what always holds", () => {
  it("holds of nodes at rest", () => {
    assert.deepStrictEqual(stateFaults(sound()), [])
  })

  for (const [sentence, breakIt] of Object.entries(broken)) {
    it(`is missed: ${sentence}`, () => {
      const state = sound()
      assert.include(stateFaults({ ...state, ...breakIt(state) }).join("; "), sentence)
    })
  }

  it("includes that NeighborUp and NeighborDown alternate, and add up to the active view", () => {
    const state = sound()
    const faultsOf = (...outputs: HyParView.Step<number, number>["outputs"]) =>
      stepFaults(state, 0, { state, outputs }).join("; ")
    assert.strictEqual(faultsOf(), "")
    assert.include(faultsOf({ _tag: "NeighborUp", peer: someone(0) }), "0 up twice")
    assert.include(faultsOf({ _tag: "NeighborDown", peer: someone(7), reason: "left" }), "7 down without up")
    assert.include(faultsOf({ _tag: "NeighborUp", peer: someone(7) }), "do not add up")
    assert.include(faultsOf({ _tag: "Send", to: state.self, message: { _tag: "Probe", nonce: 1 } }), "a Probe to self")
    assert.include(faultsOf({ _tag: "SetTimer", kind: "Cycle", nonce: 1, at: -1 }), "set for the past")
    const discovers = Array.from({ length: mostOutputs(state.config) + 1 }, () => ({ _tag: "Discover" }) as const)
    assert.include(faultsOf(...discovers), "outputs, at most")
  })

  it("includes that an exchange of links takes one for another, and leaves the unbiased alone", () => {
    const [first, second] = sound().active
    if (first === undefined || second === undefined) throw new Error("node 1 has two neighbours")
    const state: State = { ...sound(), config: { ...sound().config, unbiasedLinks: 1 } }
    const third = { ...second, id: 7, peer: someone(7), optimized: true }
    const exchanged = (lost: typeof first, active: State["active"], before: State = state) =>
      stepFaults(before, 0, {
        state: { ...before, swap: undefined, active },
        outputs: [
          { _tag: "NeighborDown", peer: lost.peer, reason: "optimized" },
          ...(active.includes(third) ? [{ _tag: "NeighborUp", peer: third.peer } as const] : [])
        ]
      }).join("; ")
    assert.strictEqual(exchanged(second, [first, third]), "")
    assert.include(exchanged(second, [first]), "an exchange changed 2 neighbours into 1")
    const asOld = { _tag: "Old", deadline: 1, initiator: first.peer, link: first.link, requestId: 9 } as const
    assert.include(exchanged(first, [second, third], { ...state, swap: asOld }), "an unbiased link was exchanged")
    const promising = (neighbor: typeof first) =>
      stepFaults(state, 0, { state: { ...state, swap: givingAway(neighbor) }, outputs: [] }).join("; ")
    assert.strictEqual(promising(second), "")
    assert.include(promising(first), "an unbiased link was promised")
    const both = stepFaults(state, 0, {
      state: { ...state, active: [] },
      outputs: [first, second].map(({ peer }) => ({ _tag: "NeighborDown", peer, reason: "optimized" }) as const)
    })
    assert.include(both.join("; "), "2 links exchanged in one step")
  })
})
