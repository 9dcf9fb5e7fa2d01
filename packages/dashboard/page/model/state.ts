/** What the page is showing, and what its user has chosen: signals, from which every view is drawn. */
import { batch, computed, effect, signal } from "@preact/signals"
import type { Action, ActionResult, NodeDetail } from "../../src/ClusterSource.ts"
import { nameOf, ofAction } from "../../src/Story.ts"
import * as Picture from "./Picture.ts"
import * as Replay from "./Replay.ts"
import * as ResultFile from "./ResultFile.ts"
import { act, inspect, latestReach, seenNodes } from "./session.ts"

// ── what is shown

/** A simulator's result that has been opened; its graph and its runs come as two files, in any order. */
export interface OpenedResult {
  readonly name: string
  readonly runs: ReadonlyArray<ResultFile.Run>
  readonly edges: { readonly name: string; readonly edges: ResultFile.Edges } | undefined
}

export const result = signal<OpenedResult | undefined>(undefined)
export const runIndex = signal(0)
export const seriesIndex = signal(0)
export const frameIndex = signal(0)
export const isPlaying = signal(false)

export const run = computed(() => result.value?.runs[runIndex.value])
export const allSeries = computed(() => (run.value === undefined ? [] : Replay.seriesOf(run.value)))
export const series = computed(() => allSeries.value[seriesIndex.value])
export const frame = computed(() => series.value?.frames[frameIndex.value])

const resultGraph = computed(() => {
  const opened = result.value?.edges
  return opened === undefined ? undefined : Picture.ofEdges(opened.name, opened.edges)
})

export const selected = signal<string | undefined>(undefined)

const livePicture = computed(() =>
  seenNodes.value === undefined ? Picture.nothing : Picture.ofFeed({ nodes: seenNodes.value, reach: latestReach.value })
)

export const picture = computed((): Picture.Picture => {
  if (result.value === undefined) return livePicture.value
  const graph = resultGraph.value
  const opened = result.value.edges
  if (graph === undefined || opened === undefined) return { ...Picture.nothing, of: result.value.name }
  const source = selected.value ?? opened.edges.ids[0] ?? ""
  return frame.value === undefined ? graph : Picture.withReached(graph, opened.edges, source, frame.value.reached)
})

// ── what the user has chosen

export type ColourBy = "hops" | "arrival" | "component" | "process" | "degree"

export const colourBys: ReadonlyArray<readonly [ColourBy, string]> = [
  ["hops", "hops of the latest message"],
  ["arrival", "its arrival in milliseconds"],
  ["component", "component"],
  ["process", "process"],
  ["degree", "neighbours"]
]

export const colourBy = signal<ColourBy>("hops")
export const showsPassive = signal(false)

export type Theme = "auto" | "light" | "dark"

const themeKey = "hyparview-theme"
const storedTheme = localStorage.getItem(themeKey)
export const theme = signal<Theme>(storedTheme === "light" || storedTheme === "dark" ? storedTheme : "auto")

/** What the browser wishes, where the user has not said. */
const darkWish = matchMedia("(prefers-color-scheme: dark)")
const wishesDark = signal(darkWish.matches)
darkWish.addEventListener("change", ({ matches }) => (wishesDark.value = matches))
export const isDark = computed(() => (theme.value === "auto" ? wishesDark.value : theme.value === "dark"))

effect(() => {
  document.documentElement.dataset["theme"] = isDark.value ? "dark" : "light"
  localStorage.setItem(themeKey, theme.value)
})

const stillWish = matchMedia("(prefers-reduced-motion: reduce)")
export const wishesStillness = (): boolean => stillWish.matches

// ── what is told to the user

export interface Notice {
  readonly text: string
  readonly isBad: boolean
}

export const notice = signal<Notice | undefined>(undefined)
let noticeTimer: ReturnType<typeof setTimeout> | undefined

export const tellNothing = (): void => {
  clearTimeout(noticeTimer)
  notice.value = undefined
}

export const tell = (text: string, isBad = false): void => {
  notice.value = { text, isBad }
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(tellNothing, isBad ? 12_000 : 4_000)
}

// Whoever is selected may be gone with the next picture, or is named by what is older than it: then nobody is.
effect(() => {
  const id = selected.value
  if (id === undefined || picture.value.nodes.has(id)) return
  selected.value = undefined
  tell(`There is no node ${id} here.`, true)
})

// ── what the user does

/** How many actions are under way. */
export const busy = signal(0)

/** Does it, and says how it went. */
export const perform = async (action: Action): Promise<ActionResult | undefined> => {
  busy.value++
  try {
    const done = await act(action)
    const { isBad, text } = ofAction(action, done)
    tell(text, isBad)
    return done
  } catch (error) {
    tell(`${nameOf(action)}: ${error instanceof Error ? error.message : String(error)}`, true)
    return undefined
  } finally {
    busy.value--
  }
}

/** Opens the files of one choice or drop; what is no file of the simulator is said, and changes nothing. */
export const openFiles = async (files: ReadonlyArray<File>): Promise<void> => {
  // Several files at once are a result of their own; one alone may complete what is open.
  let next = files.length > 1 ? undefined : result.value
  const [large] = files.filter(({ size }) => size > ResultFile.mostBytes)
  if (large !== undefined) {
    tell(`${large.name} cannot be shown: it is larger than ${ResultFile.mostBytes / 1_048_576} MiB`, true)
    return
  }
  for (const file of files) {
    const opened = ResultFile.open(file.name, await file.text())
    if (opened._tag === "Failure") {
      tell(opened.failure, true)
      return
    }
    const value = opened.success
    // A new result ends the old one; links that came before their result, or come after it, belong to it.
    next =
      value._tag === "Runs"
        ? { name: file.name, runs: value.runs, edges: next?.runs.length === 0 ? next.edges : undefined }
        : { name: next?.name ?? file.name, runs: next?.runs ?? [], edges: { name: file.name, edges: value.edges } }
  }
  batch(() => {
    result.value = next
    runIndex.value = 0
    seriesIndex.value = 0
    frameIndex.value = 0
    isPlaying.value = false
    selected.value = undefined
  })
  if (next?.edges === undefined) tell("Open the links too (--edges FILE) to see the graph.")
}

export const closeResult = (): void =>
  batch(() => {
    result.value = undefined
    isPlaying.value = false
    selected.value = undefined
  })

// ── the selected node, in full

export const detail = signal<NodeDetail | undefined>(undefined)

/** At most so often: a node's views change slowly, and every question costs the cluster one. */
const inspectEveryMillis = 2_000

effect(() => {
  const id = selected.value
  detail.value = undefined
  if (id === undefined || result.value !== undefined) return undefined
  const stop = new AbortController()
  const ask = (): void => {
    const status = seenNodes.peek()?.get(id)?.status
    if (status !== "alive" && status !== "joining") {
      detail.value = undefined
      return
    }
    inspect(id, stop.signal).then(
      (found) => {
        if (!stop.signal.aborted) detail.value = found
      },
      // The cluster does not answer: the feed tells.
      () => undefined
    )
  }
  ask()
  const timer = setInterval(ask, inspectEveryMillis)
  return () => {
    stop.abort()
    clearInterval(timer)
  }
})
