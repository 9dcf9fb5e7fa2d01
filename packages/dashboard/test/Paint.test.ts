import { assert, describe, it } from "@effect/vitest"
import { type Inks, inksOf, onRamp } from "../page/graph/colours.ts"
import { type Choice, paintLink, paintNode, scaleOf } from "../page/graph/paint.ts"
import { nothing, type Picture, type PictureNode } from "../page/model/Picture.ts"

const node = (id: string, more: Partial<PictureNode> = {}): PictureNode => ({
  id,
  state: "running",
  degree: 5,
  component: 0,
  process: 0,
  ...more
})

const nodes = [
  node("source"),
  node("near"),
  node("far", { degree: 2, component: 1, process: 1 }),
  node("unreached"),
  node("alone", { state: "isolated", degree: 0 }),
  node("new", { state: "joining" }),
  node("gone", { state: "dead" })
]

const picture: Picture = {
  ...nothing,
  of: "cluster",
  nodes: new Map(nodes.map((each) => [each.id, each])),
  message: "m",
  source: "source",
  arrivals: new Map([
    ["source", { hops: 0, millis: 0 }],
    ["near", { hops: 1, millis: 10 }],
    ["far", { hops: 4, millis: 20 }]
  ])
}

const choice: Choice = { colourBy: "hops", selected: undefined, waveMillis: Number.POSITIVE_INFINITY }

const inks = inksOf(false)

const paint = (id: string, more: Partial<Choice> = {}) =>
  paintNode(picture.nodes.get(id) ?? node(id), picture, scaleOf(picture), { ...choice, ...more }, inks)

describe("how a node looks", () => {
  it("tells by its colour after how many links, or how soon, the message came, or that it did not", () => {
    assert.strictEqual(paint("source").color, inks.ramp[0])
    assert.strictEqual(paint("near").color, onRamp(inks.ramp, 1 / 4))
    assert.strictEqual(paint("far").color, inks.ramp.at(-1))
    assert.strictEqual(paint("near", { colourBy: "arrival" }).color, onRamp(inks.ramp, 1 / 2))
    assert.strictEqual(paint("unreached").color, inks.neutral)
  })

  it("tells what else one has chosen", () => {
    assert.deepStrictEqual(
      (["component", "process", "degree"] as const).map((colourBy) => paint("far", { colourBy }).color),
      [inks.kinds[1], inks.kinds[1], onRamp(inks.ramp, 2 / 5)]
    )
  })

  it("lets the message come to each when its wave has", () => {
    const reached = (waveMillis: number) =>
      ["source", "near", "far"].filter((id) => paint(id, { waveMillis }).color !== inks.neutral)
    assert.deepStrictEqual(reached(0), ["source"])
    assert.deepStrictEqual(reached(10), ["source", "near"])
    assert.deepStrictEqual(reached(20), ["source", "near", "far"])
  })

  it("is hollow where one is dead, and has a ring of its own where one is isolated, joins, publishes or is selected", () => {
    const { color, ring } = paint("gone")
    assert.deepStrictEqual([color, ring], [inks.surface, inks.dead])
    assert.strictEqual(paint("alone").ring, inks.alarm)
    assert.strictEqual(paint("new").ring, inks.dead)
    assert.strictEqual(paint("source").ring, inks.source)
    for (const id of ["gone", "alone", "near"]) assert.strictEqual(paint(id, { selected: id }).ring, inks.selected)
    assert.isAbove(paint("near", { selected: "near" }).size, paint("near").size)
  })
})

describe("how a link looks", () => {
  const plain = { a: "near", b: "far", isOneSided: false, isEager: false }
  const eager = { ...plain, isEager: true }
  const link = (which: typeof plain, selected?: string) =>
    paintLink(which, picture.nodes.size, { ...choice, selected }, inks)

  it("stands out where broadcasts are pushed over it, and where it is the selected node's", () => {
    assert.strictEqual(link(eager).color, inks.eager)
    assert.isAbove(link(eager).size, link(plain).size)
    assert.strictEqual(link(plain, "near").color, inks.linkNear)
    assert.strictEqual(link(eager, "far").color, inks.linkNear)
  })

  it("steps back where it is not the selected node's", () => {
    assert.notStrictEqual(link(plain, "source").color, link(plain).color)
    assert.deepStrictEqual(link(eager, "source"), link(plain, "source"))
  })
})

const channels = (colour: string): ReadonlyArray<number> =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)

/** WCAG's relative luminance, of a colour over a page. */
const luminance = (colour: string, page: string): number => {
  const opacity = colour.length > 7 ? Number.parseInt(colour.slice(7), 16) / 255 : 1
  const below = channels(page)
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value, at) => {
    const mixed = value * opacity + (below[at] ?? 0) * (1 - opacity)
    return mixed <= 0.04045 ? mixed / 12.92 : ((mixed + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const contrast = (colour: string, page: string): number => {
  const [low = 0, high = 0] = [luminance(colour, page), luminance(page, page)].toSorted((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

describe("the colours", () => {
  const pages: ReadonlyArray<readonly [isDark: boolean, page: string]> = [
    [false, "#fafaf8"],
    [true, "#0e1013"]
  ]

  it("of all that is drawn stand out from the page by 3 : 1", () => {
    for (const [isDark, page] of pages) {
      const { alarm, dead, eager, kinds, neutral, passive, ramp, selected, source }: Inks = inksOf(isDark)
      for (const colour of [...ramp, ...kinds, neutral, dead, alarm, eager, passive, selected, source]) {
        assert.isAtLeast(contrast(colour, page), 3, `${colour} on ${page}`)
      }
    }
  })

  it("of the ramp grow lighter with each step on a light page, so that they are read without seeing hue", () => {
    const steps = inksOf(false).ramp.map((colour) => luminance(colour, "#fafaf8"))
    assert.deepStrictEqual(
      steps,
      steps.toSorted((a, b) => a - b)
    )
  })
})
