/**
 * A browser of a few things, for the tests of the page's model: an address, stores, an event source, media queries. Whoever
 * opens a page in it imports the module that is tested afterwards, afresh.
 */
import { vi } from "@effect/vitest"

export class MadeUpEventSource extends EventTarget {
  static readonly CLOSED = 2
  readyState = 0
  readonly url: string
  constructor(url: string) {
    super()
    this.url = url
    sources.push(this)
  }
  close(): void {
    this.readyState = MadeUpEventSource.CLOSED
  }
  hear(type: "message" | "quiet", data = "{}"): void {
    this.dispatchEvent(new MessageEvent(type, { data }))
  }
  /** By default it tries again by itself, as after a connection that broke. */
  break(readyState = 0): void {
    this.readyState = readyState
    this.dispatchEvent(new Event("error"))
  }
}

/** All that have been opened since the page was, in order. */
export let sources: Array<MadeUpEventSource> = []

const storage = (stored: ReadonlyArray<readonly [string, string]>) => {
  const entries = new Map(stored)
  const getItem = (key: string) => entries.get(key) ?? null
  const setItem = (key: string, value: string) => void entries.set(key, value)
  const removeItem = (key: string) => void entries.delete(key)
  return { entries, getItem, setItem, removeItem }
}

/** Opens an address; `stored` is what an earlier page of the same tab has kept. Undone by `vi.unstubAllGlobals`. */
export const openPage = (hash = "", stored: ReadonlyArray<readonly [string, string]> = []) => {
  sources = []
  const page = Object.assign(new EventTarget(), { hidden: false, documentElement: { dataset: {} } })
  const window = new EventTarget()
  const place = { hash, pathname: "/", search: "" }
  const session = storage(stored)
  vi.stubGlobal("document", page)
  vi.stubGlobal("location", place)
  vi.stubGlobal("history", { replaceState: () => (place.hash = "") })
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window))
  vi.stubGlobal("dispatchEvent", window.dispatchEvent.bind(window))
  vi.stubGlobal("sessionStorage", session)
  vi.stubGlobal("localStorage", storage([]))
  vi.stubGlobal("matchMedia", () => Object.assign(new EventTarget(), { matches: false }))
  vi.stubGlobal("EventSource", MadeUpEventSource)
  vi.resetModules()
  const show = (hidden: boolean): void => {
    page.hidden = hidden
    page.dispatchEvent(new Event("visibilitychange"))
  }
  const goTo = (to: string): void => {
    place.hash = to
    window.dispatchEvent(new Event("hashchange"))
  }
  return { place, store: session.entries, show, goTo }
}
