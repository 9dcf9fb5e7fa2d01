/**
 * A chart on the page, by the library that also draws the simulator's reports. Colours are CSS variables, so that a change
 * of theme needs no redrawing; what it shows is told in words as well.
 */
import { BarChart, LineChart } from "echarts/charts"
import { GridComponent, MarkLineComponent } from "echarts/components"
import * as echarts from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"

echarts.use([BarChart, LineChart, GridComponent, MarkLineComponent, SVGRenderer])

export interface Series {
  readonly kind: "line" | "bars" | "steps"
  readonly colour: string
  readonly points: ReadonlyArray<readonly [number, number]>
  /** One for each bar, where they differ. */
  readonly colours?: ReadonlyArray<string>
}

export interface ChartProps {
  readonly title: string
  /** The same in words, for who does not see it. */
  readonly words: string
  readonly series: ReadonlyArray<Series>
  readonly xUnit?: string
  readonly yUnit?: string
  readonly xMax?: number
  readonly xMin?: number
  readonly yMax?: number
  /** Where something is now: a line across. */
  readonly cursor?: number
  readonly height?: number
  /** To the right of the title. */
  readonly children?: ComponentChildren
  /** What is said in place of a chart that would be empty. */
  readonly empty?: string
}

const text = { color: "var(--muted)", fontSize: 11, fontFamily: "inherit" }

/** `1K ms` would be a unit of its own. */
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 })

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })

const optionOf = ({ cursor, series, xMax, xMin, xUnit = "", yMax, yUnit = "" }: ChartProps) => {
  const bars = series.find(({ kind }) => kind === "bars")
  return {
    animation: false,
    grid: { left: 36, right: 12, top: 10, bottom: 20 },
    xAxis: {
      ...(bars === undefined
        ? { type: "value" as const, splitNumber: 4, min: xMin ?? 0, ...(xMax === undefined ? {} : { max: xMax }) }
        : { type: "category" as const, data: bars.points.map(([x]) => `${plain.format(x)}${xUnit}`) }),
      axisLabel: {
        ...text,
        hideOverlap: true,
        ...(bars === undefined ? { formatter: (value: number) => `${plain.format(value)}${xUnit}` } : {})
      },
      axisLine: { lineStyle: { color: "var(--rule)" } },
      axisTick: { show: false },
      splitLine: { show: false }
    },
    yAxis: {
      type: "value" as const,
      min: 0,
      // Bars count nodes.
      ...(bars === undefined ? {} : { minInterval: 1 }),
      ...(yMax === undefined ? { splitNumber: 3 } : { max: yMax, interval: yMax / 2 }),
      axisLabel: { ...text, formatter: (value: number) => `${compact.format(value)}${yUnit}` },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: "var(--grid)" } }
    },
    series: series.map(({ colour, colours, kind, points }, index) => ({
      type: kind === "bars" ? ("bar" as const) : ("line" as const),
      data: points.map(([x, y], at) => ({
        value: kind === "bars" ? y : [x, y],
        ...(colours?.[at] === undefined ? {} : { itemStyle: { color: colours[at] } })
      })),
      silent: true,
      barCategoryGap: "28%",
      barMaxWidth: 26,
      itemStyle: { color: colour, borderRadius: [2, 2, 0, 0] },
      lineStyle: { color: colour, width: 1.75 },
      showSymbol: points.length === 1,
      symbolSize: 5,
      ...(kind === "steps" ? { step: "end" as const } : {}),
      ...(kind === "line" && index === 0 ? { areaStyle: { color: colour, opacity: 0.08 } } : {}),
      ...(cursor === undefined || index > 0
        ? {}
        : {
            markLine: {
              silent: true,
              symbol: "none",
              label: { show: false },
              lineStyle: { color: "var(--ink)", width: 1.25, type: "solid" as const },
              data: [{ xAxis: cursor }]
            }
          })
    }))
  }
}

export const Chart = (props: ChartProps) => {
  const { children, empty, height = 112, series, title, words } = props
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<echarts.ECharts>(undefined)
  const isEmpty = series.every(({ points }) => points.length === 0)

  useEffect(() => {
    const element = host.current
    if (element === null || isEmpty) return undefined
    const drawn = echarts.init(element, null, { renderer: "svg" })
    chart.current = drawn
    const observer = new ResizeObserver(() => drawn.resize())
    observer.observe(element)
    return () => {
      observer.disconnect()
      drawn.dispose()
      chart.current = undefined
    }
  }, [isEmpty])

  // Several updates come a second, and few of them change what a chart shows.
  const shown = JSON.stringify([series, props.cursor, props.xMin, props.xMax, props.yMax])
  useEffect(() => chart.current?.setOption(optionOf(props), { notMerge: true }), [shown, isEmpty])

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {children}
      </figcaption>
      {isEmpty ? (
        <p class="quiet">{empty ?? "Nothing to show yet."}</p>
      ) : (
        <div ref={host} role="img" aria-label={`${title}: ${words}`} style={{ height: `${height}px` }} />
      )}
    </figure>
  )
}
