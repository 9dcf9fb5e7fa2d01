/** The cluster in numbers and curves. */
import { signal, useSignalEffect } from "@preact/signals"
import { Chart } from "../charts/Chart.tsx"
import * as Figures from "../charts/figures.ts"
import { inksOf, onRamp } from "../graph/colours.ts"
import { isDark, picture } from "../model/state.ts"
import { duration, many } from "../../src/Story.ts"
import { about, feed, latestReach, refusal, seenNodes } from "../model/session.ts"

const traffic = signal<ReadonlyArray<Figures.Sample>>([])

const Tile = (props: {
  readonly name: string
  readonly value: string
  readonly note?: string | undefined
  readonly tone?: "bad" | "quiet" | undefined
}) => (
  <div class={`tile ${props.tone ?? ""}`} data-tile={props.name}>
    <dt>{props.name}</dt>
    <dd>{props.value}</dd>
    <small>{props.note ?? ""}</small>
  </div>
)

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })
const whole = (value: number): string => value.toLocaleString("en")

const shapeOf = (components: number, largest: number, groups: number): string => {
  if (components > 1) return `largest ${whole(largest)}`
  if (groups > 1) return `cut into ${groups}`
  return components === 1 ? "one piece" : "nobody is alive"
}

export const Counters = () => {
  const state = feed.value
  if (state === undefined) return <p class="quiet">{refusal.value ?? "Waiting for the cluster …"}</p>
  const { alive, components, dead, groups, isolated, joining, largest, left, links, oneSided } = state.counters
  const { outboxBytes, processes, sent, sentPerSecond } = state.counters
  return (
    <dl class="tiles" aria-label="Counters">
      <Tile
        name="Alive"
        value={whole(alive)}
        note={
          joining > 0 ? `${whole(joining)} joining` : `in ${processes} ${processes === 1 ? "process" : "processes"}`
        }
      />
      <Tile
        name="Dead"
        value={whole(dead)}
        note={left > 0 ? `${whole(left)} left` : `of ${many(alive + joining + dead, "node")}`}
        tone={dead > 0 ? undefined : "quiet"}
      />
      <Tile name="Isolated" value={whole(isolated)} note="no neighbour" tone={isolated > 0 ? "bad" : "quiet"} />
      <Tile
        name="Components"
        value={whole(components)}
        note={shapeOf(components, largest, groups)}
        tone={components > 1 ? "bad" : undefined}
      />
      <Tile
        name="Links"
        value={whole(links)}
        note={oneSided > 0 ? `${whole(oneSided)} one-sided` : links > 0 ? "all symmetric" : "none"}
      />
      <Tile
        name="Messages"
        value={sentPerSecond === null ? "–" : `${compact.format(sentPerSecond)}/s`}
        note={outboxBytes > 0 ? `${compact.format(outboxBytes)} B waiting` : `${compact.format(sent)} sent`}
      />
    </dl>
  )
}

const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0

const Latest = () => {
  const reach = latestReach.value
  const inMillis = reach === null ? [] : Figures.arrivals(reach)
  // Who was cut off may get it a minute later.
  const isLong = (inMillis.at(-1)?.[0] ?? 0) >= 10_000
  const points = isLong ? inMillis.map(([millis, share]) => [millis / 1_000, share] as const) : inMillis
  const sorted = reach?.arrivals.map(([, , millis]) => millis).sort((a, b) => a - b) ?? []
  const reached = reach?.arrivals.length ?? 0
  const words = `${reached} of ${reach?.expected ?? 0} nodes, half of them after ${duration(percentile(sorted, 0.5))}`
  return (
    <Chart
      title="Latest broadcast"
      words={words}
      series={[{ kind: "steps", colour: "var(--ours)", points }]}
      xUnit={isLong ? " s" : " ms"}
      yUnit=" %"
      yMax={100}
      empty="Publish from a node to see how far and how fast it gets."
    >
      {reach === null ? null : (
        <span class="fact" data-fact="reach">
          {whole(reached)} of {whole(reach.expected)}, 99 % in {duration(percentile(sorted, 0.99))}
        </span>
      )}
    </Chart>
  )
}

const Hops = () => {
  const points = Figures.hops(picture.value)
  const { ramp } = inksOf(isDark.value)
  const most = points.at(-1)?.[0] ?? 1
  return (
    <Chart
      title="Nodes by the hops it took"
      words={Figures.inWords(points, "hops")}
      series={[
        {
          kind: "bars",
          colour: "var(--ours)",
          points,
          colours: points.map(([hop]) => onRamp(ramp, hop / Math.max(1, most)))
        }
      ]}
      empty="No broadcast yet."
      height={96}
    />
  )
}

const Degrees = () => {
  const points = Figures.degrees(picture.value)
  const wanted = about.value?.wantedDegree
  return (
    <Chart
      title="Nodes by neighbours"
      words={Figures.inWords(points, "neighbours")}
      series={[{ kind: "bars", colour: "var(--ours)", points }]}
      height={96}
    >
      {wanted === undefined ? null : <span class="fact">{wanted} wanted</span>}
    </Chart>
  )
}

const RoundTrips = () => {
  const points = Figures.roundTrips(seenNodes.value?.values() ?? [])
  return (
    <Chart
      title="Nodes by round trip"
      words={Figures.inWords(points, "milliseconds")}
      series={[{ kind: "bars", colour: "var(--second)", points }]}
      xUnit=" ms"
      empty="No round trip measured yet."
      height={96}
    />
  )
}

const Traffic = () => {
  useSignalEffect(() => {
    const counters = feed.value?.counters
    if (counters !== undefined) traffic.value = Figures.withSample(traffic.peek(), counters)
  })
  const samples = traffic.value
  const now = samples.at(-1)?.atMillis ?? 0
  const points = samples.map(({ atMillis, sentPerSecond }) => [(atMillis - now) / 1_000, sentPerSecond] as const)
  return (
    <Chart
      title="Messages a second"
      words={`${Math.round(samples.at(-1)?.sentPerSecond ?? 0)} now`}
      series={[{ kind: "line", colour: "var(--muted)", points }]}
      xUnit=" s"
      xMin={Math.min(-10, Math.floor(points[0]?.[0] ?? 0))}
      xMax={0}
      height={80}
    />
  )
}

export const Charts = () => (
  <div class="charts">
    <Latest />
    <Hops />
    <Degrees />
    <RoundTrips />
    <Traffic />
  </div>
)
