import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import * as Feed from "../src/Feed.ts"
import { openPage } from "./MadeUpBrowser.ts"
import { edgesFile, resultFile, seenNode } from "./MadeUpPictures.ts"

// It draws with WebGL, and asks for it as soon as it is imported.
vi.doMock("../page/graph/GraphView.ts", () => ({ makeGraphView: () => undefined }))

/** What has the focus: it says which selectors it matches. */
class MadeUpElement {
  readonly selectors: ReadonlyArray<string>
  constructor(selectors: ReadonlyArray<string>) {
    this.selectors = selectors
  }
  matches(list: string): boolean {
    return list.split(", ").some((each) => this.selectors.some((own) => each.startsWith(own)))
  }
}

interface Press {
  readonly on?: MadeUpElement
  readonly altKey?: boolean
  readonly ctrlKey?: boolean
  readonly metaKey?: boolean
  readonly repeat?: boolean
}

const nodes = [seenNode("n1"), seenNode("n2"), seenNode("n3", [], { status: "dead" })]

/** The page with nodes on it, and its keyboard. `press` tells whether the page took the key for itself. */
const load = async () => {
  openPage("#token=secret")
  const asked: Array<string> = []
  vi.stubGlobal("HTMLElement", MadeUpElement)
  vi.stubGlobal("fetch", async (url: string) => {
    if (url === "/api/actions") asked.push(url)
    return new Response("null")
  })
  const page = { dialog: false, clicked: new Array<string>() }
  Object.assign(document, {
    querySelector: () => (page.dialog ? {} : null),
    getElementById: (id: string) => ({
      focus: () => page.clicked.push(`focus ${id}`),
      click: () => page.clicked.push(`click ${id}`)
    })
  })
  const session = await import("../page/model/session.ts")
  const state = await import("../page/model/state.ts")
  const { question, showsHelp } = await import("../page/model/question.ts")
  const { view } = await import("../page/views/GraphPane.tsx")
  const { onKey } = await import("../page/views/keyboard.ts")
  const initial = Feed.initial({ cluster: "c", wantedDegree: 2, transport: "none" })
  session.feed.value = { ...initial, nodes: new Map(nodes.map((each) => [each.id, each])) }
  addEventListener("keydown", onKey)
  const press = (key: string, { on, ...more }: Press = {}): boolean => {
    const event = Object.assign(new Event("keydown", { cancelable: true }), {
      key,
      altKey: false,
      ctrlKey: false,
      metaKey: false,
      repeat: false,
      ...more
    })
    if (on !== undefined) Object.defineProperty(event, "target", { value: on })
    dispatchEvent(event)
    return event.defaultPrevented
  }
  return { asked, page, press, question, showsHelp, state, view }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("the keyboard", () => {
  it("walks through the nodes, kills the selected one after a question, and lets it go", async () => {
    const { press, question, state } = await load()
    press("j")
    press("J")
    assert.strictEqual(state.selected.value, "n2")
    press("k")
    assert.strictEqual(state.selected.value, "n1")
    press("x")
    assert.strictEqual(question.value?.title, "Kill n1?")
    press("Escape")
    assert.isUndefined(state.selected.value)
  })

  it("says why nobody is killed: none is selected, it does not run, or it is a result's", async () => {
    const { press, question, state } = await load()
    press("x")
    assert.strictEqual(state.notice.value?.text, "Select a node first.")
    state.selected.value = "n3"
    press("x")
    assert.strictEqual(state.notice.value?.text, "n3 does not run.")
    await state.openFiles([edgesFile()])
    state.selected.value = "1"
    press("x")
    assert.match(state.notice.value?.text ?? "", /^This is a simulator's result\./)
    assert.isUndefined(question.value)
  })

  it("changes what one sees", async () => {
    const { page, press, showsHelp, state, view } = await load()
    const seen: Array<string | number> = []
    view.current = {
      show: () => undefined,
      zoom: (factor) => seen.push(factor),
      pan: () => undefined,
      fit: () => seen.push("fit"),
      focusOn: () => undefined,
      stop: () => undefined
    }
    for (const key of ["+", "-", "f", "v", "t", "?", "/", "o"]) assert.isTrue(press(key), key)
    assert.deepStrictEqual(seen, [0.7, 1.4, "fit"])
    assert.deepStrictEqual([state.showsPassive.value, state.theme.value, showsHelp.value], [true, "light", true])
    assert.deepStrictEqual(page.clicked, ["focus search", "click open-result"])
    const colours = state.colourBys.map(() => {
      press("c")
      return state.colourBy.value
    })
    assert.deepStrictEqual(colours, ["arrival", "component", "process", "degree", "hops"])
  })

  it("does once what it does while a key is held down, except to walk, zoom and go through time", async () => {
    const { asked, press, state } = await load()
    press("b")
    assert.isTrue(press("b", { repeat: true }))
    assert.lengthOf(asked, 1)
    press("v")
    press("v", { repeat: true })
    assert.isTrue(state.showsPassive.value)
    press("j")
    press("j", { repeat: true })
    assert.strictEqual(state.selected.value, "n2")
  })

  it("leaves to the browser what is the browser's, and to a field what is typed there", async () => {
    const { asked, page, press, state } = await load()
    for (const more of [{ altKey: true }, { ctrlKey: true }, { metaKey: true }]) assert.isFalse(press("b", more))
    const field = new MadeUpElement(["input:not([type=range])", "input"])
    assert.isFalse(press("b", { on: field }))
    assert.isFalse(press("q"))
    page.dialog = true
    assert.isFalse(press("b"))
    assert.deepStrictEqual(asked, [])
    page.dialog = false
    state.selected.value = "n1"
    assert.isTrue(press("Escape", { on: field }))
    assert.isUndefined(state.selected.value)
  })

  it("plays a result and goes through its time, and leaves a pressed button and a moved slider alone", async () => {
    const { press, state } = await load()
    assert.isFalse(press(" "))
    assert.isFalse(press("ArrowRight"))
    await state.openFiles([resultFile(), edgesFile()])
    press("ArrowRight")
    press("ArrowRight", { repeat: true })
    assert.strictEqual(state.frameIndex.value, 2)
    press("ArrowLeft")
    assert.strictEqual(state.frameIndex.value, 1)
    press(" ")
    assert.isTrue(state.isPlaying.value)
    assert.isFalse(press(" ", { on: new MadeUpElement(["button"]) }))
    assert.isFalse(press("ArrowRight", { on: new MadeUpElement(["input[type=range]"]) }))
    assert.deepStrictEqual([state.isPlaying.value, state.frameIndex.value], [true, 1])
  })
})
