/** The head of the page: what is watched, whether it answers, and how to find a node. */
import { useRef } from "preact/hooks"
import { showsHelp } from "../model/question.ts"
import { about, connection, feed, refusal } from "../model/session.ts"
import { openFiles, picture, result, selected, tell, tellNothing, type Theme, theme } from "../model/state.ts"
import { view } from "./GraphPane.tsx"

/** Suggestions of a search; more would not be read. */
const suggestions = 50

export const searchId = "search"
export const openId = "open-result"

const select = (id: string): void => {
  if (!picture.value.nodes.has(id)) {
    tell(`There is no node ${id}.`, true)
    return
  }
  tellNothing()
  selected.value = id
  view.current?.focusOn(id)
}

const Search = () => (
  <form
    role="search"
    class="search"
    onSubmit={(event) => {
      event.preventDefault()
      const input = event.currentTarget.elements.namedItem("id")
      if (input instanceof HTMLInputElement && input.value.trim() !== "") select(input.value.trim())
    }}
  >
    <label>
      <span class="visually-hidden">Find a node by its id</span>
      <input
        id={searchId}
        name="id"
        type="search"
        list="node-ids"
        placeholder="Find a node"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
    </label>
    <datalist id="node-ids">
      {[...picture.value.nodes.keys()].slice(0, suggestions).map((id) => (
        <option key={id} value={id} />
      ))}
    </datalist>
  </form>
)

const nextTheme: Readonly<Record<Theme, Theme>> = { auto: "light", light: "dark", dark: "auto" }
const themeSign: Readonly<Record<Theme, string>> = { auto: "◐", light: "☀", dark: "☾" }
const themeName: Readonly<Record<Theme, string>> = { auto: "the system's", light: "light", dark: "dark" }

export const changeTheme = (): void => {
  theme.value = nextTheme[theme.value]
}

const states = { connecting: "connecting", live: "live", lost: "no answer" } as const

const Status = () => {
  if (result.value !== undefined) return <span class="pill replay">{result.value.name}</span>
  // Why not is told above the graph.
  const isWell = connection.value !== "live" || (feed.value?.counters.trouble ?? null) === null
  return (
    <span class={`pill ${isWell ? connection.value : "lost"}`}>
      {refusal.value !== undefined ? "refused" : isWell ? states[connection.value] : "trouble"}
    </span>
  )
}

export const Header = () => {
  const files = useRef<HTMLInputElement>(null)
  return (
    <header class="head">
      <img src="./icon.svg" alt="" width="26" height="26" />
      <h1>HyParView</h1>
      <Status />
      <p class="about">
        {result.value === undefined && about.value !== undefined
          ? `${about.value.cluster}, ${about.value.transport}`
          : ""}
      </p>
      <Search />
      <input
        ref={files}
        id={openId}
        class="visually-hidden"
        type="file"
        multiple
        accept=".json,.csv,.txt,application/json,text/csv,text/plain"
        tabIndex={-1}
        aria-label="Result and links of the simulator"
        onChange={({ currentTarget }) => {
          void openFiles([...(currentTarget.files ?? [])])
          currentTarget.value = ""
        }}
      />
      <button type="button" onClick={() => files.current?.click()} title="A simulator's result and its links (O)">
        Open a result …
      </button>
      <button
        type="button"
        class="icon"
        onClick={changeTheme}
        aria-label={`Theme: ${themeName[theme.value]}. Change it`}
        title={`Theme: ${themeName[theme.value]} (T)`}
      >
        {themeSign[theme.value]}
      </button>
      <button
        type="button"
        class="icon"
        onClick={() => (showsHelp.value = true)}
        aria-label="Help"
        title="What you see, and the keyboard (?)"
      >
        ?
      </button>
    </header>
  )
}
