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

/** `connecting` at first, `lost` while the server does not answer: then what is shown is the past. */
export const connection = signal<"connecting" | "live" | "lost">("connecting")

export const feed = signal<Feed.State | undefined>(undefined)

// Five updates come a second, and most of them change the counters alone: what is drawn of the rest stays as it is.
export const seenNodes = computed(() => feed.value?.nodes)
export const latestReach = computed(() => feed.value?.reach ?? null)
export const logEntries = computed(() => feed.value?.log)
export const about = computed(() => feed.value?.about)

/** Follows the cluster for as long as the page lives. The browser reconnects by itself, and is sent a snapshot then. */
export const follow = (): void => {
  const source = new EventSource("/api/updates")
  source.addEventListener("message", ({ data }) => {
    feed.value = Feed.apply(feed.value, decodeMessage(data))
    connection.value = "live"
  })
  source.addEventListener("error", () => {
    connection.value = "lost"
    if (source.readyState !== EventSource.CLOSED) return
    // Refused rather than interrupted: the browser would not ask again.
    source.close()
    setTimeout(follow, 3_000)
  })
}

/** The server's word for why not, or that there was none. */
const failureOf = async (response: Response): Promise<Error> => {
  const answer: unknown = await response.json().catch(() => undefined)
  const failure = decodeFailure(answer)
  return new Error(failure._tag === "Some" ? failure.value.message : `the server answered ${response.status}`)
}

/** Does something, or throws an error whose message is for people. */
export const act = async (action: Action): Promise<ActionResult> => {
  const response = await fetch("/api/actions", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token.value ?? ""}` },
    body: JSON.stringify(action)
  })
  if (response.status === 401) token.value = undefined
  if (!response.ok) throw await failureOf(response)
  return decodeResult(await response.json())
}

/** One node in full; undefined for one that does not run any more. */
export const inspect = async (id: string, signal: AbortSignal): Promise<NodeDetail | undefined> => {
  const response = await fetch(`/api/nodes/${encodeURIComponent(id)}`, { signal })
  if (!response.ok) throw await failureOf(response)
  return decodeDetail(await response.json()) ?? undefined
}
