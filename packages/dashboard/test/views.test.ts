/** What the page's parts show of a state, as text: rendered by Preact's renderer for servers, without a browser. */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { type ComponentType, h } from "preact"
import { renderToString } from "preact-render-to-string"
import type { NodeDetail, SeenNode } from "../src/ClusterSource.ts"
import * as Feed from "../src/Feed.ts"
import { openPage } from "./MadeUpBrowser.ts"
import { edgesFile, resultFile, seenNode as node } from "./MadeUpPictures.ts"

// It draws with WebGL, and asks for it as soon as it is imported.
vi.doMock("../page/graph/GraphView.ts", () => ({ makeGraphView: () => undefined }))

const html = (part: ComponentType): string => renderToString(h(part, {}))

/** As it is read: without tags. */
const read = (markup: string): string =>
  markup
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim()

const text = (part: ComponentType): string => read(html(part))

/** The whole tag of each button whose name begins so. */
const buttons = (part: ComponentType, name: string): ReadonlyArray<string> =>
  (html(part).match(/<button[^>]*>[^<]*/g) ?? []).filter((each) => each.split(">")[1]?.startsWith(name))

const isDisabled = (part: ComponentType, name: string): boolean => {
  const [button] = buttons(part, name)
  assert.isDefined(button, name)
  return / disabled/.test(button)
}

/** The page with a cluster on it. */
const load = async (nodes: ReadonlyArray<SeenNode> = [], hash = "#token=secret") => {
  openPage(hash)
  vi.stubGlobal("fetch", async () => new Response("null"))
  const session = await import("../page/model/session.ts")
  const state = await import("../page/model/state.ts")
  const { question, showsHelp } = await import("../page/model/question.ts")
  const initial = Feed.initial({ cluster: "24 nodes", wantedDegree: 5, transport: "TCP" })
  const see = (seen: ReadonlyArray<SeenNode>, more: Partial<Feed.State> = {}): void => {
    session.feed.value = { ...initial, nodes: new Map(seen.map((each) => [each.id, each])), ...more }
  }
  const count = (counters: Partial<Feed.Counters>): void => {
    const feed = session.feed.value ?? initial
    session.feed.value = { ...feed, counters: { ...feed.counters, ...counters } }
  }
  see(nodes)
  return { session, state, question, showsHelp, see, count }
}

const pair = [node("n1", ["n2"]), node("n2", ["n1"])]

const detail: NodeDetail = {
  id: "n1",
  epoch: 3,
  neighbors: [],
  passive: ["n8", "n9"],
  links: 0,
  pending: 0,
  graveyard: 0,
  outboxBytes: 0,
  sent: 1_234,
  received: 5
}

const edges = edgesFile()

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("the head", () => {
  it("says what is watched, and whether it answers", async () => {
    const { count, session, state } = await load(pair)
    const { Header } = await import("../page/views/Header.tsx")
    const pill = () => /class="pill ([^"]*)">([^<]*)/.exec(html(Header))?.slice(1)
    assert.include(text(Header), "24 nodes, TCP")
    assert.deepStrictEqual(pill(), ["connecting", "connecting"])
    session.connection.value = "live"
    assert.deepStrictEqual(pill(), ["live", "live"])
    count({ trouble: "process 1 does not answer" })
    assert.deepStrictEqual(pill(), ["lost", "trouble"])
    session.connection.value = "lost"
    assert.deepStrictEqual(pill(), ["lost", "no answer"])
    session.refusal.value = "too many pages"
    assert.deepStrictEqual(pill(), ["lost", "refused"])
    await state.openFiles([edges])
    assert.deepStrictEqual(pill(), ["replay", "edges.csv"])
    assert.notInclude(text(Header), "24 nodes")
  })

  it("suggests some of ten thousand nodes to a search, not all", async () => {
    await load(Array.from({ length: 10_000 }, (_, index) => node(`n${index}`)))
    const { Header } = await import("../page/views/Header.tsx")
    assert.lengthOf(html(Header).match(/<option/g) ?? [], 50)
  })

  it("names the theme that it changes", async () => {
    await load()
    const { changeTheme, Header } = await import("../page/views/Header.tsx")
    const names = Array.from({ length: 4 }, () => {
      const name = /Theme: ([^.]*)\. Change/.exec(html(Header))?.[1]
      changeTheme()
      return name
    })
    assert.deepStrictEqual(names, ["the system's", "light", "dark", "the system's"])
  })
})

describe("the actions", () => {
  it("can be pressed with a token, where there is something to do", async () => {
    const { count, state } = await load(pair)
    const { Actions } = await import("../page/views/Actions.tsx")
    assert.isFalse(isDisabled(Actions, "Publish"))
    assert.isTrue(isDisabled(Actions, "Restart the dead"))
    count({ dead: 1 })
    assert.isFalse(isDisabled(Actions, "Restart the dead"))
    await state.openFiles([edges])
    for (const name of ["Publish", "Kill a share", "Restart the dead", "Add nodes", "Cut the network"]) {
      assert.isTrue(isDisabled(Actions, name), name)
    }
  })

  it("heal a cut where there is one, and else make one", async () => {
    const { count } = await load(pair)
    const { Actions } = await import("../page/views/Actions.tsx")
    assert.deepStrictEqual([buttons(Actions, "Heal").length, buttons(Actions, "Cut").length], [0, 1])
    count({ groups: 2 })
    assert.deepStrictEqual([buttons(Actions, "Heal").length, buttons(Actions, "Cut").length], [1, 0])
  })

  it("are off without a token, and say how to get one", async () => {
    await load(pair, "")
    const { Actions } = await import("../page/views/Actions.tsx")
    assert.isTrue(isDisabled(Actions, "Publish"))
    assert.include(text(Actions), "View only.")
  })

  it("say that something is under way", async () => {
    const { state } = await load(pair)
    const { Actions } = await import("../page/views/Actions.tsx")
    assert.notInclude(html(Actions), "Working")
    state.busy.value = 1
    assert.match(html(Actions), /aria-busy="true".*aria-label="Working"/)
  })
})

describe("the counters", () => {
  it("wait for the cluster, or say why there is none", async () => {
    const { session } = await load()
    const { Counters } = await import("../page/views/Overview.tsx")
    session.feed.value = undefined
    assert.strictEqual(text(Counters), "Waiting for the cluster …")
    session.refusal.value = "too many pages"
    assert.strictEqual(text(Counters), "too many pages")
  })

  it("count nobody, one and many", async () => {
    const { count } = await load()
    const { Counters } = await import("../page/views/Overview.tsx")
    assert.include(text(Counters), "Alive 0 in 0 processes Dead 0 of 0 nodes")
    assert.include(text(Counters), "Components 0 nobody is alive Links 0 none Messages – 0 sent")
    count({ alive: 1, processes: 1, components: 1, largest: 1 })
    assert.include(
      text(Counters),
      "Alive 1 in 1 process Dead 0 of 1 node Isolated 0 no neighbour Components 1 one piece"
    )
    count({ alive: 9_000, joining: 3, dead: 1_000, left: 2, isolated: 4, components: 2, largest: 8_990, links: 20_000 })
    count({ oneSided: 5, sentPerSecond: 12_345, outboxBytes: 2_000 })
    assert.strictEqual(
      text(Counters),
      "Alive 9,000 3 joining Dead 1,000 2 left Isolated 4 no neighbour Components 2 largest 8,990" +
        " Links 20,000 5 one-sided Messages 12.3K/s 2K B waiting"
    )
    assert.lengthOf(html(Counters).match(/class="tile bad"/g) ?? [], 2)
  })
})

describe("the selected node", () => {
  it("is told in full, and what can be done with it", async () => {
    const { see, state } = await load()
    const { NodePanel, Selection } = await import("../page/views/NodePanel.tsx")
    assert.deepStrictEqual([text(NodePanel), text(Selection)], ["", ""])
    see([node("n1", ["n2"], { roundTripMillis: 0.42, process: 2 }), node("n2", ["n1"])], {
      reach: { id: "m", from: "n2", publishedAtMillis: 0, expected: 2, arrivals: [["n1", 1, 12.6]] }
    })
    state.selected.value = "n1"
    state.detail.value = detail
    assert.strictEqual(
      text(NodePanel),
      "n1 alive × Address n1:1 Process 2 Round trip 0.4 ms Latest message 1 hop, 13 ms Messages 1,234 sent, 5 received" +
        " Incarnation 3 Active view 1 n2 Draw the passive view (2) Publish from n1 Kill …"
    )
    assert.strictEqual(text(Selection), "n1, alive")
    state.showsPassive.value = true
    assert.include(text(NodePanel), "Passive view 2 n8 n9")
    assert.isFalse(isDisabled(NodePanel, "Kill"))
  })

  it("can be started again where it is dead, and be neither killed nor published from", async () => {
    const { state } = await load([node("n1", [], { status: "dead", process: null })])
    const { NodePanel, Selection } = await import("../page/views/NodePanel.tsx")
    state.selected.value = "n1"
    assert.match(text(NodePanel), /^n1 dead .* Process – Round trip – Active view 0 nobody Restart n1$/)
    assert.strictEqual(text(Selection), "n1, dead")
  })

  it("can only be looked at without a token, and in a result", async () => {
    const looked = await load(pair, "")
    const looking = await import("../page/views/NodePanel.tsx")
    looked.state.selected.value = "n1"
    assert.isTrue(isDisabled(looking.NodePanel, "Kill"))
    const { state } = await load(pair)
    const { NodePanel } = await import("../page/views/NodePanel.tsx")
    await state.openFiles([edges])
    state.selected.value = "2"
    assert.strictEqual(text(NodePanel), "2 alive × Active view 2 1 3")
  })

  it("is nobody any more when it is gone, nor where what names it is older than the cluster", async () => {
    const { see, state } = await load(pair)
    state.selected.value = "n1"
    see([node("n2")])
    assert.deepStrictEqual(
      [state.selected.value, state.notice.value],
      [undefined, { text: "There is no node n1 here.", isBad: true }]
    )
    state.tellNothing()
    state.selected.value = "n7"
    assert.deepStrictEqual([state.selected.value, state.notice.value?.isBad], [undefined, true])
    state.tellNothing()
    state.selected.value = "n2"
    see([node("n2", [], { status: "dead" })])
    assert.deepStrictEqual([state.selected.value, state.notice.value], ["n2", undefined])
    // What one opens or closes has a selection of its own.
    await state.openFiles([edges])
    state.tellNothing()
    state.selected.value = "3"
    state.closeResult()
    assert.deepStrictEqual([state.selected.value, state.notice.value], [undefined, undefined])
  })
})

describe("the graph's place", () => {
  it("says in words what is drawn, or that nothing is yet", async () => {
    const { see } = await load()
    const { GraphPane } = await import("../page/views/GraphPane.tsx")
    assert.include(text(GraphPane), "No graph yet.")
    see([node("n1")])
    assert.notInclude(text(GraphPane), "No graph yet.")
    see(pair)
    assert.match(html(GraphPane), /aria-label="The overlay as a graph: 2 nodes, 1 link\./)
  })

  it("explains the marks that are there, and no others", async () => {
    const { see, state } = await load(pair)
    const { GraphPane } = await import("../page/views/GraphPane.tsx")
    const marks = () =>
      [...html(GraphPane).matchAll(/class="mark[^>]*>(?:<i[^>]*><\/i>)?([^<]*)/g)].map(([, name]) => name?.trim())
    assert.deepStrictEqual(marks(), [])
    const reach = { id: "m", from: "n1", publishedAtMillis: 0, expected: 2, arrivals: [["n1", 0, 0] as const] }
    see([node("n1", ["n2"], { eager: ["n2"] }), node("n2"), node("n3"), node("n4", [], { status: "left" })], { reach })
    assert.deepStrictEqual(marks(), ["dead", "isolated", "publisher", "eager link"])
    // Nobody has the publisher's ring where one colours by something else.
    state.colourBy.value = "degree"
    assert.deepStrictEqual(marks(), ["dead", "isolated", "eager link"])
  })

  it("has a scale for what one colours by", async () => {
    const { see, state } = await load(pair)
    const { GraphPane } = await import("../page/views/GraphPane.tsx")
    const scale = (colourBy: typeof state.colourBy.value) => {
      state.colourBy.value = colourBy
      const [, after = ""] = html(GraphPane).split("</label>")
      return read(after.replace(/<span class="mark.*/, ""))
    }
    assert.deepStrictEqual([scale("hops"), scale("arrival")], ["no message yet", "no message yet"])
    const many = Array.from({ length: 12 }, (_, index) => node(`n${index}`, [], { process: index }))
    see([...many.slice(1), node("n0", ["n1"])], {
      reach: { id: "m", from: "n0", publishedAtMillis: 0, expected: 2, arrivals: [["n1", 1, 20]] }
    })
    assert.deepStrictEqual([scale("hops"), scale("arrival"), scale("degree")], ["0 1 hop", "0 20 ms", "0 1"])
    // As on the terminal from 0; components from 1, the largest.
    assert.strictEqual(scale("process"), "0 1 2 3 4 5 6 7 8 9 and 2 more")
    assert.strictEqual(scale("component"), "1 2 3 4 5 6 7 8 9 10 and 1 more")
    await state.openFiles([resultFile(), edges])
    // A result does not say when a message came.
    assert.strictEqual(scale("arrival"), "0 2 hops")
  })
})

describe("the events", () => {
  const entry = (sequence: number, more: Partial<Feed.LogEntry> = {}): Feed.LogEntry => ({
    sequence,
    atMillis: 1_000 * sequence,
    kind: "node",
    isBad: false,
    text: `event ${sequence}`,
    reason: null,
    node: null,
    ...more
  })

  it("stand with the newest first, no more of them than are read", async () => {
    const { see } = await load()
    const { EventLog } = await import("../page/views/EventLog.tsx")
    assert.include(text(EventLog), "Nothing has happened yet.")
    see([], { log: Array.from({ length: 500 }, (_, index) => entry(index)) })
    const shown = text(EventLog).match(/event \d+/g) ?? []
    assert.deepStrictEqual([shown.length, shown[0], shown[199]], [200, "event 499", "event 300"])
  })

  it("have their reason, lead to their node, and are text whatever they hold", async () => {
    const { see } = await load()
    const { EventLog } = await import("../page/views/EventLog.tsx")
    see([], { log: [entry(1, { text: "<b>n1</b> died", node: "n1", isBad: true, reason: "SIGKILL" }), entry(2)] })
    assert.include(html(EventLog), ">&lt;b>n1&lt;/b> died</button><em> SIGKILL</em>")
    assert.lengthOf(buttons(EventLog, "event"), 0)
    assert.include(html(EventLog), '<li class="bad"')
  })
})

describe("trouble", () => {
  it("says why what one sees is not what is, and of when it is", async () => {
    const { count, session, state } = await load(pair)
    const { Trouble } = await import("../page/views/Trouble.tsx")
    session.connection.value = "live"
    assert.strictEqual(text(Trouble), "")
    count({ trouble: "process 1 does not answer", atMillis: 60_000 })
    assert.strictEqual(text(Trouble), "process 1 does not answer")
    session.connection.value = "lost"
    assert.match(text(Trouble), /^The server does not answer; .* as it was at \d\d:\d\d:00\.$/)
    session.feed.value = undefined
    assert.match(text(Trouble), /again and again\.$/)
    session.refusal.value = "too many pages"
    assert.match(text(Trouble), /^The server shows this page nothing: too many pages\./)
    await state.openFiles([edges])
    assert.strictEqual(text(Trouble), "")
  })
})

describe("a result", () => {
  it("has a time line from its first moment to its last, and starts again from the end", async () => {
    const { state } = await load(pair)
    const { stepFrame, Timeline, togglePlaying } = await import("../page/views/Timeline.tsx")
    assert.strictEqual(html(Timeline), "")
    await state.openFiles([resultFile(), edges])
    assert.match(text(Timeline), /^▶ message 1 of 3 reliability 100 %/)
    stepFrame(-1)
    stepFrame(1)
    assert.match(html(Timeline), /aria-valuetext="message 2 of 3"/)
    stepFrame(1)
    stepFrame(1)
    assert.match(text(Timeline), /^▶ message 3 of 3/)
    togglePlaying()
    assert.match(text(Timeline), /^❚❚ message 1 of 3/)
    assert.match(html(Timeline), /aria-label="Pause"/)
    togglePlaying()
    assert.isFalse(state.isPlaying.value)
  })

  it("without a time line says why, and does not play", async () => {
    const { state } = await load(pair)
    const { Timeline, togglePlaying } = await import("../page/views/Timeline.tsx")
    await state.openFiles([edges])
    assert.match(text(Timeline), /^Links without a result\./)
    togglePlaying()
    assert.isFalse(state.isPlaying.value)
    await state.openFiles([resultFile({ broadcasts: [] }), edges])
    assert.match(text(Timeline), /it has no time line\.$/)
  })

  it("says what it is, and that it was interrupted", async () => {
    const { state } = await load(pair)
    const { ResultPanel } = await import("../page/views/Timeline.tsx")
    assert.strictEqual(html(ResultPanel), "")
    await state.openFiles([edges])
    assert.match(text(ResultPanel), /^edges\.csv Back to the live cluster$/)
    await state.openFiles([resultFile({ complete: false }), edges])
    assert.match(
      text(ResultPanel),
      /^failures .* Nodes 3 Alive at the end 2 Seed 3 .* Healed after – Trace abc This run was interrupted/
    )
    // One run and one time line leave nothing to pick.
    assert.notInclude(html(ResultPanel), "<select")
  })

  it("takes the place of what concerns the live cluster alone", async () => {
    const { state } = await load(pair)
    const { App } = await import("../page/views/App.tsx")
    const parts = () =>
      ["Actions on the cluster", "Events", "The cluster in numbers", "Time line", "Simulator's result"].filter((name) =>
        html(App).includes(`aria-label="${name}"`)
      )
    assert.deepStrictEqual(parts(), ["Actions on the cluster", "Events", "The cluster in numbers"])
    await state.openFiles([edges])
    assert.deepStrictEqual(parts(), ["Time line", "Simulator's result"])
  })
})

describe("what is asked and told", () => {
  it("has the number's bounds, and a button that says what it does", async () => {
    const { question } = await load(pair)
    const { Dialogs } = await import("../page/views/dialogs.tsx")
    const commands = await import("../page/model/commands.ts")
    assert.strictEqual(html(Dialogs), "")
    commands.killShare()
    assert.match(html(Dialogs), /type="number" required min="1" max="99" step="1"[^>]*value="40"/)
    assert.match(html(Dialogs), /type="submit" class="destructive">Kill</)
    commands.partition()
    assert.match(html(Dialogs), /min="2" max="2".*type="checkbox".*Silently/)
    commands.kill("n1")
    assert.notInclude(html(Dialogs), "<input")
    commands.addNodes()
    assert.match(html(Dialogs), /type="submit" class="primary">Add</)
    assert.isDefined(question.value)
  })

  it("is an alert where it is bad, and can be dismissed", async () => {
    const { state } = await load(pair)
    const { App } = await import("../page/views/App.tsx")
    assert.include(html(App), '<div class="notices" aria-live="polite"></div>')
    state.tell("done")
    assert.match(
      html(App),
      /class="notice" role="status"><p>done<\/p><button type="button" class="quiet" aria-label="Dismiss"/
    )
    state.tell("not done", true)
    assert.match(html(App), /class="notice bad" role="alert"><p>not done</)
  })
})
