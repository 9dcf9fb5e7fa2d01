/** The page's shortcuts; `dialogs` lists them for who asks. */
import * as commands from "../model/commands.ts"
import { showsHelp } from "../model/question.ts"
import * as state from "../model/state.ts"
import { view } from "./GraphPane.tsx"
import { changeTheme, openId, searchId } from "./Header.tsx"
import { stepFrame, togglePlaying } from "./Timeline.tsx"

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
  // Of a result's node the command itself says why not.
  else if (state.result.value === undefined && !commands.running().includes(id)) state.tell(`${id} does not run.`, true)
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

/** What may go on while a key is held down; an action for each repetition would be thirty a second. */
const repeated: ReadonlySet<string> = new Set(["j", "k", "+", "-", "ArrowLeft", "ArrowRight"])

export const onKey = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (document.querySelector("dialog[open]") !== null || isTaken(event)) return
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const command = (state.series.value === undefined ? undefined : replayKeys[key]) ?? keys[key]
  if (command === undefined) return
  event.preventDefault()
  if (!event.repeat || repeated.has(key)) command()
}
