/** The page: its parts, its keys, and files dropped on it. */
import { signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import * as commands from "../model/commands.ts"
import { showsHelp } from "../model/question.ts"
import * as state from "../model/state.ts"
import { Actions } from "./Actions.tsx"
import { Dialogs } from "./dialogs.tsx"
import { EventLog } from "./EventLog.tsx"
import { GraphPane, view } from "./GraphPane.tsx"
import { changeTheme, Header, openId, searchId } from "./Header.tsx"
import { NodePanel, Selection } from "./NodePanel.tsx"
import { Charts, Counters } from "./Overview.tsx"
import { ResultPanel, stepFrame, Timeline, togglePlaying } from "./Timeline.tsx"

const focus = (id: string): void => document.getElementById(id)?.focus()

const nextColour = (): void => {
  const at = state.colourBys.findIndex(([value]) => value === state.colourBy.value)
  const next = state.colourBys[(at + 1) % state.colourBys.length]
  if (next !== undefined) state.colourBy.value = next[0]
}

const walk = (by: 1 | -1): void => {
  commands.step(state.picture.value.nodes.keys(), by)
}

const killSelected = (): void => {
  const id = state.selected.value
  if (id === undefined) state.tell("Select a node first.", true)
  else if (!commands.running().includes(id)) state.tell(`${id} does not run.`, true)
  else commands.kill(id)
}

const keys: Readonly<Record<string, () => void>> = {
  "/": () => focus(searchId),
  "?": () => (showsHelp.value = true),
  j: () => walk(1),
  k: () => walk(-1),
  b: () => commands.publish(),
  x: killSelected,
  v: () => (state.showsPassive.value = !state.showsPassive.value),
  c: nextColour,
  t: changeTheme,
  f: () => view.current?.fit(),
  "+": () => view.current?.zoom(0.7),
  "-": () => view.current?.zoom(1.4),
  o: () => document.getElementById(openId)?.click(),
  Escape: () => (state.selected.value = undefined)
}

/** Only while a result has a time line. */
const replayKeys: Readonly<Record<string, () => void>> = {
  " ": togglePlaying,
  ArrowLeft: () => stepFrame(-1),
  ArrowRight: () => stepFrame(1)
}

/** Somebody types, or presses the button that has the focus. */
const isTaken = ({ key, target }: KeyboardEvent): boolean => {
  if (!(target instanceof HTMLElement)) return false
  if (target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")) return key !== "Escape"
  if (target.matches("input[type=range]")) return key.startsWith("Arrow")
  return key === " " && target.matches("button, input, a, summary")
}

const onKey = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (document.querySelector("dialog[open]") !== null || isTaken(event)) return
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const command = (state.series.value === undefined ? undefined : replayKeys[key]) ?? keys[key]
  if (command === undefined) return
  event.preventDefault()
  command()
}

const isDroppedOn = signal(false)

const onDrag = (event: DragEvent): void => {
  event.preventDefault()
  isDroppedOn.value = event.type === "dragover"
}

const onDrop = (event: DragEvent): void => {
  event.preventDefault()
  isDroppedOn.value = false
  const files = [...(event.dataTransfer?.files ?? [])]
  if (files.length > 0) void state.openFiles(files)
}

const listeners = [
  ["keydown", onKey],
  ["dragover", onDrag],
  ["dragleave", onDrag],
  ["drop", onDrop]
] as const

const useWindow = (): void =>
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const [[keydown, key], ...drags] = listeners
    addEventListener(keydown, key, { signal })
    for (const [name, listener] of drags) addEventListener(name, listener, { signal })
    return () => controller.abort()
  }, [])

const Notice = () => {
  const told = state.notice.value
  return (
    <div class="notices" aria-live="polite">
      {told === undefined ? null : (
        <div class={told.isBad ? "notice bad" : "notice"} role={told.isBad ? "alert" : "status"}>
          <p>{told.text}</p>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={state.tellNothing}>
            ×
          </button>
        </div>
      )}
    </div>
  )
}

export const App = () => {
  useWindow()
  const isReplay = state.result.value !== undefined
  return (
    <div class={isDroppedOn.value ? "page dropped-on" : "page"}>
      <Header />
      <main class={isReplay ? "main replay" : "main"}>
        <div class="stage">
          {isReplay ? null : <Actions />}
          <GraphPane />
          {isReplay ? <Timeline /> : null}
        </div>
        <aside class="side" aria-label="Overview">
          <Selection />
          <NodePanel />
          {isReplay ? (
            <ResultPanel />
          ) : (
            <>
              <section class="panel" aria-label="The cluster in numbers">
                <Counters />
              </section>
              <section class="panel" aria-label="Charts">
                <Charts />
              </section>
            </>
          )}
        </aside>
        {isReplay ? null : <EventLog />}
      </main>
      <Notice />
      <Dialogs />
    </div>
  )
}
