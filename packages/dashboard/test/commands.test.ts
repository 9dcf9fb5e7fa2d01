import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import type { Action, SeenNode } from "../src/ClusterSource.ts"
import * as Feed from "../src/Feed.ts"
import { openPage } from "./MadeUpBrowser.ts"

const node = (id: string, status: SeenNode["status"] = "alive"): SeenNode => ({
  id,
  address: `${id}:1`,
  process: 0,
  status,
  active: [],
  passiveSize: 0,
  roundTripMillis: null,
  group: null
})

/** The page with a cluster on it, and a server that writes down what it is asked to do. */
const load = async (nodes: ReadonlyArray<SeenNode>, hash = "#token=secret") => {
  openPage(hash)
  const asked: Array<Action> = []
  let answer: unknown = { _tag: "Healed" }
  vi.stubGlobal("fetch", async (url: string, { body }: { readonly body?: string }) => {
    if (url === "/api/actions") asked.push(JSON.parse(body ?? ""))
    return new Response(JSON.stringify(url === "/api/actions" ? answer : null))
  })
  const session = await import("../page/model/session.ts")
  const [state, commands, { question }] = await Promise.all([
    import("../page/model/state.ts"),
    import("../page/model/commands.ts"),
    import("../page/model/question.ts")
  ])
  const about = { cluster: "c", wantedDegree: 2, transport: "none" }
  const runs = (seen: ReadonlyArray<SeenNode>): void => {
    session.feed.value = { ...Feed.initial(about), nodes: new Map(seen.map((each) => [each.id, each])) }
  }
  runs(nodes)
  return { asked, commands, question, runs, state, answers: (with_: unknown) => (answer = with_) }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const nodes = [node("n1"), node("n2", "dead"), node("n3", "joining"), node("n10"), node("n4", "left")]

describe("what buttons and keys do", () => {
  it("destroys nothing before one has said yes", async () => {
    const { asked, commands, question } = await load(nodes)
    commands.kill("n1")
    assert.deepStrictEqual([question.value?.title, question.value?.isDestructive, asked], ["Kill n1?", true, []])
    question.value?.onYes(0, false)
    commands.killShare()
    question.value?.onYes(25, false)
    commands.addNodes()
    question.value?.onYes(3, false)
    assert.deepStrictEqual(asked, [
      { _tag: "Kill", nodes: ["n1"] },
      { _tag: "KillShare", percent: 25 },
      { _tag: "AddNodes", count: 3 }
    ])
  })

  it("publishes from the selected node, or from any that runs where it does not", async () => {
    const { asked, commands, state } = await load(nodes)
    state.selected.value = "n10"
    commands.publish()
    state.selected.value = "n2"
    commands.publish()
    const from = asked.map((action) => (action._tag === "Publish" ? action.node : ""))
    assert.strictEqual(from[0], "n10")
    assert.include(["n1", "n3", "n10"], from[1])
  })

  it("says why nothing is published, restarted or cut where nobody is there for it", async () => {
    const { asked, commands, question, state } = await load([node("n1")])
    commands.partition()
    assert.deepStrictEqual([question.value, state.notice.value?.isBad], [undefined, true])
    commands.restartDead()
    assert.strictEqual(state.notice.value?.text, "No node is dead.")
    const none = await load([node("n1", "dead")])
    none.commands.publish()
    assert.match(none.state.notice.value?.text ?? "", /^No node is running/)
    assert.deepStrictEqual([...asked, ...none.asked], [])
  })

  it("restarts every dead node at once, and one by its name", async () => {
    const { asked, commands } = await load(nodes)
    commands.restartDead()
    commands.restart("n2")
    assert.deepStrictEqual(asked, [
      { _tag: "Restart", nodes: [] },
      { _tag: "Restart", nodes: ["n2"] }
    ])
  })

  it("cuts those that run into groups of like size, each in one, with resets or silently", async () => {
    const running = Array.from({ length: 11 }, (_, index) => `n${index}`)
    const { asked, commands, question } = await load([...running.map((id) => node(id)), node("gone", "dead")])
    for (const isSilent of [false, true]) {
      commands.partition()
      assert.strictEqual(question.value?.number?.most, 8)
      question.value?.onYes(3, isSilent)
    }
    const cuts = asked.flatMap((action) => (action._tag === "Partition" ? [action] : []))
    for (const { groups } of cuts) {
      assert.deepStrictEqual(
        groups.map(({ length }) => length),
        [4, 4, 3]
      )
      assert.deepStrictEqual(groups.flat().toSorted(), running.toSorted())
    }
    assert.deepStrictEqual(
      cuts.map(({ mode }) => mode),
      ["reset", "silent"]
    )
  })

  it("cuts those that run when one says yes, not when one was asked", async () => {
    const { asked, commands, question, runs } = await load([node("n1"), node("n2"), node("n3")])
    commands.partition()
    runs([node("n1"), node("n2", "dead"), node("n3"), node("n4")])
    question.value?.onYes(2, false)
    const [cut] = asked
    assert.deepStrictEqual(cut?._tag === "Partition" ? cut.groups.flat().toSorted() : [], ["n1", "n3", "n4"])
  })

  it("does nothing without a token, nor while a result is open, and says why", async () => {
    const { asked, commands, question, state } = await load(nodes, "")
    const all = [commands.publish, commands.killShare, commands.addNodes, commands.partition, commands.heal]
    for (const command of [...all, commands.restartDead, () => commands.kill("n1"), () => commands.restart("n2")]) {
      state.tellNothing()
      command()
      assert.match(state.notice.value?.text ?? "", /token/)
    }
    const replay = await load(nodes)
    replay.state.result.value = { name: "r", runs: [], edges: undefined }
    replay.commands.heal()
    assert.match(replay.state.notice.value?.text ?? "", /Close it to act/)
    assert.deepStrictEqual([asked, replay.asked, question.value], [[], [], undefined])
  })

  it("walks through the nodes in the order of their numbers, and around", async () => {
    const { commands, state } = await load(nodes)
    const walked = ([1, 1, 1, -1, -1, -1, -1] as const).map((by) => {
      commands.step(["n10", "n2", "n1"], by)
      return state.selected.value
    })
    assert.deepStrictEqual(walked, ["n1", "n2", "n10", "n2", "n1", "n10", "n2"])
  })
})

describe("what is told of an action", () => {
  it("is how it went, for a while, and that it is under way", async () => {
    const { answers, state } = await load(nodes)
    answers({ _tag: "Killed", nodes: ["n1"] })
    const done = state.perform({ _tag: "Kill", nodes: ["n1"] })
    assert.strictEqual(state.busy.value, 1)
    await done
    assert.deepStrictEqual(
      [state.busy.value, state.notice.value],
      [0, { text: "1 node killed without a goodbye", isBad: false }]
    )
    await vi.advanceTimersByTimeAsync(5_000)
    assert.isUndefined(state.notice.value)
  })

  it("is longer to be read where it failed, by the name of its button", async () => {
    const { state } = await load(nodes)
    vi.stubGlobal("fetch", async () => {
      const body = { error: "ActionRefused", message: "1 % of 24 nodes is nobody" }
      return new Response(JSON.stringify(body), { status: 409 })
    })
    await state.perform({ _tag: "KillShare", percent: 1 })
    await vi.advanceTimersByTimeAsync(5_000)
    const text = "Kill a share: 1 % of 24 nodes is nobody"
    assert.deepStrictEqual([state.busy.value, state.notice.value], [0, { text, isBad: true }])
  })
})

describe("a result that is opened", () => {
  const edges = new File(["1,2\n2,1\n"], "edges.csv")
  const wrong = new File([`{ "beach": true }`], "holiday.json")

  it("shows its links, and gives the cluster back", async () => {
    const { state } = await load(nodes)
    state.selected.value = "n1"
    await state.openFiles([edges])
    assert.deepStrictEqual([[...state.picture.value.nodes.keys()], state.selected.value], [["1", "2"], undefined])
    state.closeResult()
    assert.strictEqual(state.picture.value.nodes.size, nodes.length)
  })

  it("that is none changes nothing, and is said to be none", async () => {
    const { state } = await load(nodes)
    await state.openFiles([edges])
    await state.openFiles([wrong])
    assert.match(state.notice.value?.text ?? "", /^holiday\.json cannot be shown/)
    assert.strictEqual(state.result.value?.edges?.name, "edges.csv")
  })
})
