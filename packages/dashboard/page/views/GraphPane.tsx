/** The graph with its legend. The keyboard moves it when it has the focus. */
import { effect, signal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { inksOf, ofKind } from "../graph/colours.ts"
import { type GraphView, makeGraphView } from "../graph/GraphView.ts"
import { isSourceMarked, scaleOf } from "../graph/paint.ts"
import { duration, many } from "../../src/Story.ts"
import * as state from "../model/state.ts"
import { Trouble } from "./Trouble.tsx"

/** The view while the pane is on the page; the shortcuts use it. */
export const view: { current: GraphView | undefined } = { current: undefined }

/** Nothing can draw here: the browser has no WebGL 2. */
const cannotDraw = signal<string | undefined>(undefined)

/** How long the wave of a message is shown, whatever it took. */
const waveSeconds = 1.4

/** Milliseconds of the message's way that have been shown by now. */
const waveMillis = signal(Number.POSITIVE_INFINITY)

/** Plays the way of each new message. */
const startWaves = (): (() => void) => {
  let last = state.picture.peek().message
  let frame = 0
  const stop = effect(() => {
    const picture = state.picture.value
    if (picture.message === undefined || picture.message === last) return
    last = picture.message
    cancelAnimationFrame(frame)
    waveMillis.value = Number.POSITIVE_INFINITY
    if (state.wishesStillness()) return
    const whole = scaleOf(picture).millis
    const began = performance.now()
    const step = (): void => {
      const share = (performance.now() - began) / 1_000 / waveSeconds
      waveMillis.value = share >= 1 ? Number.POSITIVE_INFINITY : share * whole
      if (share < 1) frame = requestAnimationFrame(step)
    }
    waveMillis.value = 0
    frame = requestAnimationFrame(step)
  })
  return () => {
    cancelAnimationFrame(frame)
    stop()
  }
}

const none: ReadonlyArray<string> = []

const start = (container: HTMLElement): (() => void) => {
  let graph: GraphView
  try {
    graph = makeGraphView(container, {
      onSelect: (id) => (state.selected.value = id),
      onLayoutFailed: () => state.tell("The nodes cannot be laid out here: they stay where they are.", true),
      isStill: state.wishesStillness
    })
  } catch (error) {
    cannotDraw.value = error instanceof Error ? error.message : String(error)
    return () => undefined
  }
  view.current = graph
  const stopWaves = startWaves()
  const stopDrawing = effect(() => {
    const choice = {
      colourBy: state.colourBy.value,
      selected: state.selected.value,
      waveMillis: waveMillis.value
    }
    const passive = state.showsPassive.value ? (state.detail.value?.passive ?? none) : none
    graph.show({ picture: state.picture.value, choice, inks: inksOf(state.isDark.value), passive })
  })
  return () => {
    stopDrawing()
    stopWaves()
    graph.stop()
    view.current = undefined
  }
}

const Ramp = ({ from, to }: { readonly from: string; readonly to: string }) => (
  <span class="ramp">
    <span>{from}</span>
    <i style={{ background: `linear-gradient(90deg, ${inksOf(state.isDark.value).ramp.join(", ")})` }} />
    <span>{to}</span>
  </span>
)

const Scale = () => {
  const picture = state.picture.value
  const scale = scaleOf(picture)
  const { kinds } = inksOf(state.isDark.value)
  switch (state.colourBy.value) {
    case "hops":
      return picture.arrivals.size === 0 ? <span>no message yet</span> : <Ramp from="0" to={many(scale.hops, "hop")} />
    case "arrival": {
      if (picture.arrivals.size === 0) return <span>no message yet</span>
      // A result does not say when: its hops are shown.
      const isMeasured = picture.arrivals.values().some(({ millis }) => millis !== undefined)
      return <Ramp from="0" to={isMeasured ? duration(scale.millis) : many(scale.hops, "hop")} />
    }
    case "degree":
      return <Ramp from="0" to={`${scale.degree}`} />
    case "component":
    case "process": {
      const isProcess = state.colourBy.value === "process"
      const of = new Set([...picture.nodes.values()].map((node) => (isProcess ? node.process : node.component)))
      const known = [...of].flatMap((index) => (index === null || index < 0 ? [] : [index])).sort((a, b) => a - b)
      return (
        <span class="kinds">
          {known.slice(0, 10).map((index) => (
            <span key={index}>
              <i style={{ background: ofKind(kinds, index) }} />
              {/* A process has its number of the log and the terminal; a component has none elsewhere. */}
              {isProcess ? index : index + 1}
            </span>
          ))}
          {known.length > 10 ? <span>and {known.length - 10} more</span> : null}
        </span>
      )
    }
  }
}

const Legend = () => {
  const nodes = [...state.picture.value.nodes.values()]
  const has = (kind: string): boolean => nodes.some((node) => node.state === kind)
  return (
    <div class="legend" aria-label="Legend">
      <label>
        <span class="visually-hidden">Colour the nodes by</span>
        <select
          id="colour-by"
          value={state.colourBy.value}
          onChange={({ currentTarget }) => {
            const chosen = state.colourBys.find(([value]) => value === currentTarget.value)
            if (chosen !== undefined) state.colourBy.value = chosen[0]
          }}
        >
          {state.colourBys.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Scale />
      {has("dead") || has("left") ? (
        <span class="mark">
          <i class="hollow" /> dead
        </span>
      ) : null}
      {has("isolated") ? (
        <span class="mark">
          <i class="alarm" /> isolated
        </span>
      ) : null}
      {isSourceMarked(state.picture.value, state.colourBy.value) && state.picture.value.message !== undefined ? (
        <span class="mark">
          <i class="source" /> publisher
        </span>
      ) : null}
      {state.picture.value.links.some(({ isEager }) => isEager) ? (
        <span class="mark">
          <i class="eager" /> eager link
        </span>
      ) : null}
      {state.showsPassive.value && state.detail.value !== undefined ? (
        <span class="mark">
          <i class="passive" /> in reserve
        </span>
      ) : null}
      {state.result.value !== undefined && state.frame.value !== undefined ? (
        <span class="mark note">
          A result tells how many nodes a message reached, not which: the nearest are shown.
        </span>
      ) : null}
    </div>
  )
}

const panKeys: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-0.08, 0],
  ArrowRight: [0.08, 0],
  ArrowUp: [0, 0.08],
  ArrowDown: [0, -0.08]
}

export const GraphPane = () => {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => (host.current === null ? undefined : start(host.current)), [])
  const { links, nodes } = state.picture.value
  const label = `The overlay as a graph: ${many(nodes.size, "node")}, ${many(links.length, "link")}. Arrow keys move it, plus and minus zoom, J and K walk through the nodes.`
  return (
    <section class="graph" aria-label="Graph">
      <div
        class="canvas"
        ref={host}
        tabIndex={0}
        role="application"
        aria-label={label}
        data-nodes={nodes.size}
        data-links={links.length}
        data-coloured={state.picture.value.arrivals.size}
        onKeyDown={(event) => {
          const by = panKeys[event.key]
          // In a replay the arrows go through time, and with another key they are the browser's: Alt and left is back.
          if (by === undefined || state.series.value !== undefined) return
          if (event.altKey || event.ctrlKey || event.metaKey) return
          event.preventDefault()
          view.current?.pan(...by)
        }}
      />
      {cannotDraw.value === undefined ? null : (
        <p class="cannot-draw" role="alert">
          The graph cannot be drawn here: {cannotDraw.value}. It needs WebGL 2; everything else on this page works.
        </p>
      )}
      {nodes.size === 0 ? <p class="over quiet">No graph yet.</p> : null}
      <Trouble />
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => view.current?.zoom(0.7)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick={() => view.current?.zoom(1.4)}>
          −
        </button>
        <button
          type="button"
          aria-label="Show everything"
          title="Show everything (F)"
          onClick={() => view.current?.fit()}
        >
          ⤢
        </button>
      </div>
      <Legend />
    </section>
  )
}
