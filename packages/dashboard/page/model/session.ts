/**
 * Talks to the server that gave the page: the token from the address, the stream of changes, the actions. Nothing else of
 * the page knows of HTTP.
 */
import { computed, signal } from "@preact/signals"
import * as Schema from "effect/Schema"
import { type Action, ActionResult, NodeDetail } from "../../src/ClusterSource.ts"
import * as Feed from "../../src/Feed.ts"

const decodeMessage = Schema.decodeUnknownSync(Schema.fromJsonString(Feed.FeedMessage))
const decodeResult = Schema.decodeUnknownSync(ActionResult)
const decodeDetail = Schema.decodeUnknownSync(Schema.NullOr(NodeDetail))
const Failure = Schema.Struct({ error: Schema.String, message: Schema.String })
const decodeFailure = Schema.decodeUnknownOption(Failure)

const tokenKey = "hyparview-token"

/** Taken out of the address at once, so that a screenshot or a shared link does not hold it; kept over a reload. */
const takeToken = (): string | undefined => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token")
  if (given !== null && given !== "") {
    sessionStorage.setItem(tokenKey, given)
    history.replaceState(null, "", location.pathname + location.search)
    return given
  }
  return sessionStorage.getItem(tokenKey) ?? undefined
}

/** Undefined: who opened the page may look, not act. */
export const token = signal<string | undefined>(takeToken())

// Who pastes the whole address over the page's own one stays on the same page.
addEventListener("hashchange", () => (token.value = takeToken()))

/** It was that of an earlier start. */
const forgetToken = (): void => {
  sessionStorage.removeItem(tokenKey)
  token.value = undefined
}

/** `connecting` at first, `lost` while nothing comes from the server: then what is shown is the past. */
export const connection = signal<"connecting" | "live" | "lost">("connecting")

export const feed = signal<Feed.State | undefined>(undefined)

// Five updates come a second, and most of them change the counters alone: what is drawn of the rest stays as it is.
export const seenNodes = computed(() => feed.value?.nodes)
export const latestReach = computed(() => feed.value?.reach ?? null)
export const logEntries = computed(() => feed.value?.log)
export const about = computed(() => feed.value?.about)

/** Why the server lets nobody follow, in its words; undefined where it does, or does not answer. */
export const refusal = signal<string | undefined>(undefined)

const updates = "/api/updates"

/** An `EventSource` is not told why it was refused. */
const askWhy = async (): Promise<void> => {
  const stop = new AbortController()
  try {
    const response = await fetch(updates, { signal: stop.signal })
    refusal.value = response.ok ? undefined : (await failureOf(response)).message
  } catch {
    refusal.value = undefined
  } finally {
    stop.abort()
  }
}

let source: EventSource | undefined
let again: ReturnType<typeof setTimeout> | undefined

/** A server that stands still, or a cable that is cut, ends no connection. */
const mostSilenceMillis = 1.5 * Feed.quietMillis

const connect = (): void => {
  clearTimeout(again)
  source?.close()
  const opened = new EventSource(updates)
  source = opened
  const heard = (): void => {
    clearTimeout(again)
    again = setTimeout(() => {
      connection.value = "lost"
      connect()
    }, mostSilenceMillis)
  }
  opened.addEventListener("quiet", heard)
  opened.addEventListener("message", ({ data }) => {
    heard()
    feed.value = Feed.apply(feed.value, decodeMessage(data))
    connection.value = "live"
    refusal.value = undefined
  })
  opened.addEventListener("error", () => {
    clearTimeout(again)
    connection.value = "lost"
    if (opened.readyState !== EventSource.CLOSED) return
    // Refused rather than interrupted: the browser would not ask again.
    opened.close()
    void askWhy()
    again = setTimeout(connect, 3_000)
  })
}

const disconnect = (): void => {
  clearTimeout(again)
  source?.close()
  connection.value = "connecting"
}

/**
 * Follows the cluster while the page can be seen. The browser reconnects by itself, and is sent a snapshot then. A page that is
 * hidden lets go: a browser opens six connections to a host, and six tabs would take them all, and could not even act.
 */
export const follow = (): void => {
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()))
  if (!document.hidden) connect()
}

/** The server's word for why not, or that there was none. */
const failureOf = async (response: Response): Promise<Error> => {
  const answer: unknown = await response.json().catch(() => undefined)
  const failure = decodeFailure(answer)
  return new Error(failure._tag === "Some" ? failure.value.message : `the server answered ${response.status}`)
}

/** To start a thousand nodes takes minutes. Of anything else a process that does not answer is told of sooner. */
const patienceMillis = (action: Action): number =>
  action._tag === "AddNodes" || action._tag === "Restart" ? 300_000 : 60_000

/** Does something, or throws an error whose message is for people. */
export const act = async (action: Action): Promise<ActionResult> => {
  const millis = patienceMillis(action)
  const response = await fetch("/api/actions", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token.value ?? ""}` },
    body: JSON.stringify(action),
    signal: AbortSignal.timeout(millis)
  }).catch((cause: unknown) => {
    const isLate = cause instanceof DOMException && cause.name === "TimeoutError"
    const what = isLate ? `No answer within ${millis / 1_000} s.` : "The server does not answer."
    throw new Error(`${what} Whether it was done, the log will tell.`, { cause })
  })
  if (response.status === 401) {
    forgetToken()
    throw new Error(
      "The cluster has been started anew. To act, open the address that the command has printed this time."
    )
  }
  if (!response.ok) throw await failureOf(response)
  return decodeResult(await response.json())
}

/** One node in full; undefined for one that does not run any more. */
export const inspect = async (id: string, signal: AbortSignal): Promise<NodeDetail | undefined> => {
  const response = await fetch(`/api/nodes/${encodeURIComponent(id)}`, { signal })
  if (!response.ok) throw await failureOf(response)
  return decodeDetail(await response.json()) ?? undefined
}
