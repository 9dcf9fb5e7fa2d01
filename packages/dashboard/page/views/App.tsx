/** The page: its parts, and files dropped on it. */
import { signal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import * as state from "../model/state.ts"
import { Actions } from "./Actions.tsx"
import { Dialogs } from "./dialogs.tsx"
import { EventLog } from "./EventLog.tsx"
import { GraphPane } from "./GraphPane.tsx"
import { Header } from "./Header.tsx"
import { onKey } from "./keyboard.ts"
import { NodePanel, Selection } from "./NodePanel.tsx"
import { Charts, Counters } from "./Overview.tsx"
import { ResultPanel, Timeline } from "./Timeline.tsx"

const isDroppedOn = signal(false)

const onDrag = (event: DragEvent): void => {
  // A text that is dragged goes where it always does.
  if (!(event.dataTransfer?.types.includes("Files") ?? false)) return
  event.preventDefault()
  isDroppedOn.value = event.type === "dragover"
}

const onDrop = (event: DragEvent): void => {
  isDroppedOn.value = false
  const files = [...(event.dataTransfer?.files ?? [])]
  if (files.length === 0) return
  event.preventDefault()
  void state.openFiles(files)
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
