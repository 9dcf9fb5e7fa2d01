/** A simulator's result: what it is, and its time line. */
import { useEffect } from "preact/hooks"
import { Chart } from "../charts/Chart.tsx"
import {
  allSeries,
  closeResult,
  frame,
  frameIndex,
  isPlaying,
  result,
  run,
  runIndex,
  series,
  seriesIndex,
  wishesStillness
} from "../model/state.ts"

/** A whole time line takes about this long, and no frame less than a glance. */
const wholeMillis = 12_000
const leastFrameMillis = 60
const mostFrameMillis = 900

export const stepFrame = (by: number): void => {
  const most = (series.value?.frames.length ?? 1) - 1
  frameIndex.value = Math.min(most, Math.max(0, frameIndex.value + by))
}

export const togglePlaying = (): void => {
  const frames = series.value?.frames.length ?? 0
  if (frames < 2) return
  if (!isPlaying.value && frameIndex.value >= frames - 1) frameIndex.value = 0
  isPlaying.value = !isPlaying.value
}

/** Moves on by itself while it plays. */
const usePlaying = (): void => {
  const plays = isPlaying.value
  const frames = series.value?.frames.length ?? 0
  useEffect(() => {
    if (!plays) return undefined
    const millis = Math.min(mostFrameMillis, Math.max(leastFrameMillis, wholeMillis / Math.max(1, frames)))
    const timer = setInterval(
      () => {
        if (frameIndex.peek() >= frames - 1) isPlaying.value = false
        else frameIndex.value++
      },
      wishesStillness() ? mostFrameMillis : millis
    )
    return () => clearInterval(timer)
  }, [plays, frames])
}

const colours = ["var(--ours)", "var(--second)"]

const Curves = () => {
  const shown = series.value
  if (shown === undefined) return null
  return (
    <>
      {shown.curves.map(({ name, unit, values }, index) => (
        <Chart
          key={name}
          title={`${name}, by ${shown.unit}`}
          words={`${values.at(0)?.toFixed(0) ?? ""} at first, ${values.at(-1)?.toFixed(0) ?? ""} at last`}
          series={[
            {
              kind: "line",
              colour: colours[index % colours.length] ?? "var(--ours)",
              points: values.map((value, at) => [shown.frames[at]?.at ?? at, value] as const)
            }
          ]}
          xMin={shown.frames[0]?.at ?? 0}
          yUnit={unit === "%" ? " %" : ""}
          {...(unit === "%" ? { yMax: 100 } : {})}
          {...(frame.value === undefined ? {} : { cursor: frame.value.at })}
          height={110}
        />
      ))}
    </>
  )
}

const Pick = (props: {
  readonly label: string
  readonly value: number
  readonly options: ReadonlyArray<string>
  readonly onPick: (index: number) => void
}) => (
  <label class="pick">
    {props.label}
    <select
      value={String(props.value)}
      onChange={({ currentTarget }) => props.onPick(Number(currentTarget.value))}
      disabled={props.options.length < 2}
    >
      {props.options.map((name, index) => (
        <option key={name + String(index)} value={String(index)}>
          {name}
        </option>
      ))}
    </select>
  </label>
)

export const Timeline = () => {
  usePlaying()
  const shown = series.value
  const now = frame.value
  if (result.value === undefined) return null
  return (
    <section class="timeline" aria-label="Time line">
      {shown === undefined || now === undefined ? (
        <p class="quiet">
          {result.value.runs.length === 0
            ? "Links without a result. Open the result too (--json FILE) for its time line."
            : "This result holds only the end of its run: it has no time line."}
        </p>
      ) : (
        <>
          <button
            type="button"
            class="primary"
            onClick={togglePlaying}
            aria-label={isPlaying.value ? "Pause" : "Play"}
            title="Space"
          >
            {isPlaying.value ? "❚❚" : "▶"}
          </button>
          <input
            type="range"
            min={0}
            max={shown.frames.length - 1}
            value={frameIndex.value}
            aria-label={shown.name}
            aria-valuetext={now.label}
            onInput={({ currentTarget }) => (frameIndex.value = currentTarget.valueAsNumber)}
          />
          <output aria-live="off">
            <strong>{now.label}</strong>
            {now.facts.map(([name, value]) => (
              <span key={name}>
                {name} <b>{value}</b>
              </span>
            ))}
          </output>
        </>
      )}
    </section>
  )
}

export const ResultPanel = () => {
  const opened = result.value
  if (opened === undefined) return null
  const current = run.value
  return (
    <section class="panel result" aria-label="Simulator's result">
      <header>
        <h2>{current === undefined ? opened.name : current.experiment}</h2>
        <button type="button" onClick={closeResult}>
          Back to the live cluster
        </button>
      </header>
      {current === undefined ? null : (
        <>
          <div class="row">
            {opened.runs.length > 1 ? (
              <Pick
                label="Run"
                value={runIndex.value}
                options={opened.runs.map(({ experiment, seed }) => `${experiment}, seed ${seed}`)}
                onPick={(index) => {
                  runIndex.value = index
                  seriesIndex.value = 0
                  frameIndex.value = 0
                }}
              />
            ) : null}
            {allSeries.value.length > 1 ? (
              <Pick
                label="Time line"
                value={seriesIndex.value}
                options={allSeries.value.map(({ frames, name }) => `${name} (${frames.length})`)}
                onPick={(index) => {
                  seriesIndex.value = index
                  frameIndex.value = 0
                }}
              />
            ) : null}
          </div>
          <dl class="facts">
            <dt>Nodes</dt>
            <dd>{current.nodes.toLocaleString("en")}</dd>
            <dt>Alive at the end</dt>
            <dd>{current.overlay.alive.toLocaleString("en")}</dd>
            <dt>Seed</dt>
            <dd>{current.seed}</dd>
            <dt>Components</dt>
            <dd>{current.overlay.components}</dd>
            <dt>Shortest path</dt>
            <dd>{current.overlay.averageShortestPath.toFixed(2)}</dd>
            <dt>Clustering</dt>
            <dd>{current.overlay.clustering.toFixed(4)}</dd>
            <dt>Healed after</dt>
            <dd>{current.healingCycles === null ? "–" : `${current.healingCycles} cycles`}</dd>
            <dt>Trace</dt>
            <dd class="mono">{current.traceHash}</dd>
          </dl>
          {current.complete ? null : (
            <p class="warning">This run was interrupted: it shows what was measured until then.</p>
          )}
        </>
      )}
      <div class="charts">
        <Curves />
      </div>
    </section>
  )
}
