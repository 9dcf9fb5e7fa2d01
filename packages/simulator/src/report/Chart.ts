/**
 * Charts as SVG text, by Apache ECharts without a DOM. Colours are CSS variables, so that one drawing serves a light and
 * a dark page; every chart is drawn twice, for a wide column and for a phone, with the same sizes of text.
 */
import { BarChart, LineChart, ScatterChart } from "echarts/charts"
import { GraphicComponent, GridComponent } from "echarts/components"
import * as echarts from "echarts/core"
import { SVGRenderer } from "echarts/renderers"

echarts.use([BarChart, LineChart, ScatterChart, GraphicComponent, GridComponent, SVGRenderer])

/**
 * What a series is, which decides how it looks. `ours`: what was measured; `seed`: one seed of it; `paper`: the same by
 * the paper; `other`: another protocol, by the paper; `second`: something else measured; `theory`: computed.
 */
export type Role = "ours" | "seed" | "paper" | "other" | "second" | "theory"

/** One series of points. */
export interface Series {
  readonly name: string
  readonly role: Role
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
  /** Written at the line's end; default: the name. */
  readonly label?: string
  /** Points alone, without a line. */
  readonly dots?: boolean
}

/** An axis and what it shows. */
export interface Axis {
  readonly label: string
  readonly min?: number
  readonly max?: number
  /** Written after every tick: ` %`. */
  readonly unit?: string
  readonly interval?: number
}

/** Lines or bars over a numeric axis. */
export interface Chart {
  readonly kind: "lines" | "bars"
  readonly x: Axis
  readonly y: Axis
  readonly series: ReadonlyArray<Series>
}

interface Look {
  readonly colour: string
  readonly width: number
  readonly dash?: "dashed" | "dotted" | ReadonlyArray<number>
}

const looks: Readonly<Record<Exclude<Role, "other">, Look>> = {
  ours: { colour: "var(--ours)", width: 2.25 },
  seed: { colour: "var(--ours-faint)", width: 1 },
  second: { colour: "var(--second)", width: 2.25 },
  theory: { colour: "var(--ink)", width: 1.25, dash: "dotted" },
  paper: { colour: "var(--paper)", width: 2, dash: "dashed" }
}

/** The curves of other protocols lie close together: each has a hue and, for who sees none, dashes of its own. */
const otherLooks: ReadonlyArray<Look> = [
  { colour: "var(--other-1)", width: 1.5, dash: [10, 3, 2, 3] },
  { colour: "var(--other-2)", width: 1.5, dash: [16, 4] },
  { colour: "var(--other-3)", width: 2, dash: [2, 3] }
]

const othersOf = ({ series }: Chart): ReadonlyArray<Series> => series.filter(({ role }) => role === "other")

const lookOf = (chart: Chart, series: Series): Look => {
  if (series.role !== "other") return looks[series.role]
  return otherLooks[othersOf(chart).indexOf(series) % otherLooks.length] ?? looks.paper
}

/** Those drawn last lie on top. */
const order: ReadonlyArray<Role> = ["other", "paper", "seed", "theory", "second", "ours"]

const labelHeight = 15

/** What stands in bold. */
const isBold = ({ role }: Series): boolean => role === "ours" || role === "second"

/** Of a wide font, as DejaVu Sans is, where a system has no other. */
const letterWidth = (series: Series): number => (isBold(series) ? 8.2 : 7.3)

/** A piece of its line in front of a name: where several other protocols end at one point, the place alone does not tell. */
const keyWidth = 26
const hasKey = (chart: Chart, series: Series): boolean =>
  series.role === "other" && chart.x.max !== undefined && chart.y.max !== undefined && othersOf(chart).length > 1

/** Draws a chart, `width` × `height` pixels. */
export const draw = (chart: Chart, width: number, height: number): string => {
  const instance = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  try {
    instance.setOption(optionOf(chart, width, height))
    return lean(instance.renderToSVGString({ useViewBox: true }))
  } finally {
    // An instance that is not disposed of keeps a timer, and with it the process, alive.
    instance.dispose()
  }
}

const optionOf = (chart: Chart, width: number, height: number) => {
  const named = chart.series.filter((series) => series.role !== "seed")
  const widths = named.map(
    (series) => (series.label ?? series.name).length * letterWidth(series) + (hasKey(chart, series) ? keyWidth : 0)
  )
  const right = chart.kind === "lines" ? Math.min(width * 0.36, 16 + Math.max(...widths, 0)) : 16
  const grid = { left: 8 + yLabelWidth(chart), right, top: 30, bottom: 48 }
  const text = { color: "var(--muted)", fontSize: 12 }
  const labels = chart.kind === "lines" ? placedLabels(chart, named, height - grid.top - grid.bottom) : []
  const value = (axis: Axis) => ({
    type: "value" as const,
    ...(axis.min === undefined ? {} : { min: axis.min }),
    ...(axis.max === undefined ? {} : { max: axis.max }),
    ...(axis.interval === undefined ? {} : { interval: axis.interval })
  })
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: "inherit" },
    grid,
    xAxis: {
      ...value(chart.x),
      name: chart.x.label,
      nameLocation: "middle" as const,
      nameGap: 32,
      nameTextStyle: text,
      axisLabel: { ...text, formatter: chart.kind === "bars" ? barTicks(chart) : ticks(chart.x), hideOverlap: true },
      axisLine: { lineStyle: { color: "var(--rule)" } },
      axisTick: { show: false },
      splitLine: { show: false },
      ...(chart.kind === "bars" ? aroundBars(chart) : {})
    },
    yAxis: {
      ...value(chart.y),
      name: chart.y.label,
      nameLocation: "end" as const,
      nameGap: 14,
      nameTextStyle: { ...text, align: "left" as const, padding: [0, 0, 0, -yLabelWidth(chart)] },
      axisLabel: { ...text, formatter: ticks(chart.y) },
      // Where x goes below 0 the axis and its name stay at the left.
      axisLine: { show: false, onZero: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: "var(--grid)" } },
      splitNumber: height < 300 ? 4 : 5
    },
    series:
      chart.kind === "bars"
        ? barsOf(chart, width - grid.left - grid.right)
        : [...linesOf(chart), ...labels.map((label) => endLabel(chart, label))],
    graphic: labels
      .filter(({ series }) => hasKey(chart, series))
      .map((label) => keyOf(chart, label, width - right + 6, grid.top))
  }
}

/** Whole ticks, and a bar's room at either end. */
const aroundBars = ({ series }: Chart) => {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x))
  return { minInterval: 1, min: Math.min(...xs) - 1, max: Math.max(...xs) + 1 }
}

const ticks =
  ({ unit = "" }: Axis) =>
  (value: number): string =>
    `${brief(value)}${unit}`

/** Where the first bar is at 0, its room is no number that could be counted. */
const barTicks =
  (chart: Chart) =>
  (value: number): string =>
    value < 0 ? "" : ticks(chart.x)(value)

/** A number as an axis shows it: 12,000 as 12k. */
const brief = (value: number): string => {
  const size = Math.abs(value)
  if (size >= 1_000_000) return `${trim(value / 1_000_000)}M`
  if (size >= 10_000) return `${trim(value / 1_000)}k`
  return trim(value)
}

const trim = (value: number): string => String(Number(value.toPrecision(4)))

const yLabelWidth = ({ series, y }: Chart): number => {
  const greatest = y.max ?? Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value)))
  return 8 + (brief(greatest).length + (y.unit ?? "").length) * 7
}

const byOrder = (series: ReadonlyArray<Series>): ReadonlyArray<Series> =>
  [...series].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))

const linesOf = (chart: Chart) =>
  byOrder(chart.series).map((series) => {
    const { dots, points, role } = series
    const { colour, dash, width } = lookOf(chart, series)
    return dots === true
      ? {
          type: "scatter" as const,
          data: points.map((point) => [...point]),
          symbolSize: role === "seed" ? 5 : 7,
          itemStyle: { color: colour },
          silent: true,
          clip: false
        }
      : {
          type: "line" as const,
          data: points.map((point) => [...point]),
          showSymbol: points.length <= 16 && role !== "seed" && role !== "other",
          symbol: role === "paper" ? "emptyCircle" : "circle",
          symbolSize: role === "paper" ? 7 : 6,
          lineStyle: {
            color: colour,
            width,
            ...(dash === undefined ? {} : { type: typeof dash === "string" ? dash : [...dash] })
          },
          itemStyle: { color: colour },
          silent: true,
          clip: false
        }
  })

interface Label {
  readonly series: Series
  /** Where the line ends, and the pixels from the plot's top to that point. */
  readonly end: readonly [x: number, y: number]
  readonly at: number
  /** The same to its name. */
  readonly shifted: number
}

/** The names at the lines' ends, pushed apart where they would overlap. */
const placedLabels = (chart: Chart, named: ReadonlyArray<Series>, height: number): ReadonlyArray<Label> => {
  const values = chart.series.flatMap(({ points }) => points.map(([, y]) => y))
  const top = chart.y.max ?? Math.max(...values, 1)
  const bottom = chart.y.min ?? Math.min(...values, 0)
  const pixel = (y: number) => ((top - y) / (top - bottom || 1)) * height
  const ends = named
    .flatMap((series) => {
      const end = series.points.at(-1)
      return end === undefined ? [] : [{ series, end, at: pixel(end[1]) }]
    })
    .sort((a, b) => a.at - b.at || order.indexOf(b.series.role) - order.indexOf(a.series.role))
  let free = Number.NEGATIVE_INFINITY
  const placed = ends.map((each) => {
    const at = Math.max(each.at, free)
    free = at + labelHeight
    return { ...each, shifted: at }
  })
  // Pushed below the axis? Then up again from there.
  let limit = height
  for (const each of placed.toReversed()) {
    each.shifted = Math.min(each.shifted, limit)
    limit = each.shifted - labelHeight
  }
  return placed
}

const endLabel = (chart: Chart, { at, end, series, shifted }: Label) => {
  const keyed = hasKey(chart, series)
  return {
    type: "scatter" as const,
    data: [[keyed ? (chart.x.max ?? end[0]) : end[0], end[1]]],
    symbolSize: 0.01,
    itemStyle: { opacity: 1 },
    silent: true,
    clip: false,
    label: {
      show: true,
      position: "right" as const,
      offset: [keyed ? 6 + keyWidth : 6, shifted - at],
      formatter: () => series.label ?? series.name,
      color: lookOf(chart, series).colour,
      fontSize: 12,
      fontWeight: isBold(series) ? ("bold" as const) : ("normal" as const)
    }
  }
}

/** The piece of a line in front of its name. */
const keyOf = (chart: Chart, { series, shifted }: Label, left: number, top: number) => {
  const { colour, dash, width } = lookOf(chart, series)
  const y = top + shifted
  return {
    type: "line" as const,
    silent: true,
    shape: { x1: left, y1: y, x2: left + keyWidth - 4, y2: y },
    style: { stroke: colour, lineWidth: width, ...(typeof dash === "object" ? { lineDash: [...dash] } : {}) }
  }
}

const barsOf = (chart: Chart, width: number) => {
  const { series } = chart
  const xs = series.flatMap(({ points }) => points.map(([x]) => x))
  const span = Math.max(...xs) - Math.min(...xs) + 2
  const barWidth = Math.max(1, Math.min(46, (width / span) * 0.7) / Math.max(1, series.length))
  const labelled = xs.length <= 16
  return byOrder(series)
    .toReversed()
    .map((each) => ({ look: lookOf(chart, each), ...each }))
    .map(({ look, points, role }) => ({
      type: "bar" as const,
      data: points.map((point) => [...point]),
      barWidth,
      barGap: "8%",
      silent: true,
      clip: false,
      itemStyle:
        role === "paper"
          ? { color: "transparent", borderColor: "var(--paper)", borderWidth: 1.5, borderType: "dashed" as const }
          : { color: look.colour, borderRadius: [2, 2, 0, 0] },
      label: {
        show: labelled,
        position: "top" as const,
        // Of two bars side by side, each number grows away from the other bar's.
        ...(series.length === 2 ? beside(role === "paper" ? 1 : -1, barWidth) : {}),
        color: role === "paper" ? "var(--paper)" : "var(--ink)",
        fontSize: 11,
        formatter: ({ value }: { readonly value: unknown }) =>
          Array.isArray(value) ? Number(value[1]).toLocaleString("en") : ""
      }
    }))
}

/** A number above a bar whose text begins, or ends, at the bar's inner edge. */
const beside = (side: -1 | 1, barWidth: number) => ({
  align: side < 0 ? ("right" as const) : ("left" as const),
  offset: [(-side * barWidth) / 2, 0]
})

/** What serves hovering only is left out, and the drawing fills whatever width it is given. */
const lean = (svg: string): string =>
  svg
    .replace(/<style\s*>[\s\S]*?<\/style>/g, "")
    // No series leaves its axes, and clip paths have ids that would have to be unique in the page.
    .replace(/<defs\s*>[\s\S]*?<\/defs>/g, "")
    .replace(/ clip-path="[^"]*"/g, "")
    .replace(/ ecmeta_\w+="[^"]*"/g, "")
    .replace(/ class="zr[^"]*"/g, "")
    .replace(/ pointer-events="[^"]*"/g, "")
    .replace(/font-family:inherit;?/g, "")
    .replace(/ xmlns:xlink="[^"]*"| baseProfile="[^"]*"| version="[^"]*"/g, "")
    .replace(/^<svg width="\d+" height="\d+"/, "<svg")
    .replace(/<rect [^>]*fill="none"><\/rect>/, "")
    .replace(/\n+/g, "\n")

/**
 * The nodes of an overlay on a circle, each link an arc through the inside: one path, however many links.
 */
export const drawChord = (nodes: number, links: ReadonlyArray<readonly [number, number]>, size: number): string => {
  const radius = size / 2 - 6
  const place = (node: number): readonly [string, string] => {
    const angle = (2 * Math.PI * node) / Math.max(1, nodes) - Math.PI / 2
    return [(size / 2 + radius * Math.cos(angle)).toFixed(1), (size / 2 + radius * Math.sin(angle)).toFixed(1)]
  }
  const path = links
    .map(([from, to]) => `M${place(from).join(" ")}Q${size / 2} ${size / 2} ${place(to).join(" ")}`)
    .join("")
  const opacity = Math.max(0.04, Math.min(0.5, 120 / Math.max(1, links.length)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}">`,
    `<circle cx="${size / 2}" cy="${size / 2}" r="${radius}" fill="none" stroke="var(--rule)"></circle>`,
    `<path d="${path}" fill="none" stroke="var(--ours)" stroke-width="0.7" stroke-opacity="${opacity.toFixed(3)}"></path>`,
    "</svg>"
  ].join("")
}
