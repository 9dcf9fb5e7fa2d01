import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Schema } from "effect"
import * as Feed from "../src/Feed.ts"
import { MadeUpEventSource, openPage, sources } from "./MadeUpBrowser.ts"

const latest = (): MadeUpEventSource => {
  const source = sources.at(-1)
  assert.isDefined(source)
  return source
}

const opened = (): number => sources.filter(({ readyState }) => readyState !== MadeUpEventSource.CLOSED).length

const snapshot = Schema.encodeSync(Schema.fromJsonString(Feed.FeedMessage))(
  Feed.snapshot(Feed.initial({ cluster: "c", wantedDegree: 2, transport: "none" }))
)

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })

/** The page's session, loaded afresh at an address. */
const load = async (...page: Parameters<typeof openPage>) => {
  const opened = openPage(...page)
  return { ...opened, ...(await import("../page/model/session.ts")) }
}

const fails = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "it did not fail",
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("the page's connection", () => {
  it("is live once everything has been told, and lost where it breaks, until the browser has it back", async () => {
    const { connection, feed, follow } = await load()
    follow()
    assert.deepStrictEqual([connection.value, latest().url], ["connecting", "/api/updates"])
    latest().hear("message", snapshot)
    assert.deepStrictEqual([connection.value, feed.value?.about.cluster], ["live", "c"])
    latest().break()
    await vi.advanceTimersByTimeAsync(60_000)
    // What was seen stays, and the browser itself tries again.
    assert.deepStrictEqual([connection.value, feed.value?.about.cluster, sources.length], ["lost", "c", 1])
    latest().hear("message", snapshot)
    assert.strictEqual(connection.value, "live")
  })

  it("is lost where a server that says now and then that nothing happens no longer says even that", async () => {
    const { connection, follow } = await load()
    follow()
    latest().hear("message", snapshot)
    for (let minute = 0; minute < 6; minute++) {
      await vi.advanceTimersByTimeAsync(Feed.quietMillis)
      latest().hear("quiet")
    }
    assert.deepStrictEqual([connection.value, sources.length], ["live", 1])
    await vi.advanceTimersByTimeAsync(2 * Feed.quietMillis)
    assert.deepStrictEqual([connection.value, sources.length, opened()], ["lost", 2, 1])
    // A server that has still to look at its cluster for the first time is given the time.
    await vi.advanceTimersByTimeAsync(10 * Feed.quietMillis)
    assert.strictEqual(sources.length, 2)
    latest().hear("message", snapshot)
    assert.strictEqual(connection.value, "live")
  })

  it("that is refused says why, and is tried again", async () => {
    const { connection, follow, refusal } = await load()
    vi.stubGlobal("fetch", async () => json(503, { error: "TooManyViewers", message: "too many pages" }))
    follow()
    latest().break(MadeUpEventSource.CLOSED)
    await vi.advanceTimersByTimeAsync(1_000)
    assert.deepStrictEqual([connection.value, refusal.value, sources.length], ["lost", "too many pages", 1])
    await vi.advanceTimersByTimeAsync(3_000)
    assert.strictEqual(sources.length, 2)
    latest().hear("message", snapshot)
    assert.deepStrictEqual([connection.value, refusal.value], ["live", undefined])
  })

  it("is let go while the page is hidden, and made anew when it is seen", async () => {
    const { connection, follow, show } = await load()
    follow()
    latest().hear("message", snapshot)
    show(true)
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    assert.deepStrictEqual([connection.value, opened(), sources.length], ["connecting", 0, 1])
    show(false)
    latest().hear("message", snapshot)
    assert.deepStrictEqual([connection.value, opened(), sources.length], ["live", 1, 2])
  })
})

describe("the page's token", () => {
  it("is taken out of the address, and kept over a reload", async () => {
    const first = await load("#token=secret")
    assert.deepStrictEqual([first.token.value, first.place.hash], ["secret", ""])
    const again = await load("", [...first.store])
    assert.strictEqual(again.token.value, "secret")
    assert.isUndefined((await load()).token.value)
  })

  it("is taken too where the whole address is pasted over that of the open page", async () => {
    const { goTo, place, token } = await load()
    goTo("#token=secret")
    assert.deepStrictEqual([token.value, place.hash], ["secret", ""])
  })

  it("of an earlier start is forgotten, also for the next reload, and its user told what to do", async () => {
    const { act, store, token } = await load("#token=old")
    vi.stubGlobal("fetch", async () => json(401, { error: "BadToken", message: "Authorization: Bearer TOKEN" }))
    assert.match(await fails(act({ _tag: "Heal" })), /started anew.*open the address/)
    assert.deepStrictEqual([token.value, store.size], [undefined, 0])
  })
})

describe("an action", () => {
  it("bears the token, and answers with what was done", async () => {
    const { act } = await load("#token=secret")
    const fetch = vi.fn<typeof globalThis.fetch>(async () => json(200, { _tag: "Killed", nodes: ["n1"] }))
    vi.stubGlobal("fetch", fetch)
    assert.deepStrictEqual(await act({ _tag: "Kill", nodes: ["n1"] }), { _tag: "Killed", nodes: ["n1"] })
    const [[url, asked] = []] = fetch.mock.calls
    assert.deepStrictEqual(
      [url, asked?.method, asked?.body],
      ["/api/actions", "POST", '{"_tag":"Kill","nodes":["n1"]}']
    )
    assert.strictEqual(new Headers(asked?.headers).get("authorization"), "Bearer secret")
  })

  it("that was not done fails in the server's words, and without an answer in words for people", async () => {
    const { act } = await load("#token=secret")
    vi.stubGlobal("fetch", async () => json(409, { error: "ActionRefused", message: "no node is dead" }))
    assert.strictEqual(await fails(act({ _tag: "Restart", nodes: [] })), "no node is dead")
    vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502 }))
    assert.strictEqual(await fails(act({ _tag: "Heal" })), "the server answered 502")
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")))
    assert.match(await fails(act({ _tag: "Heal" })), /^The server does not answer\. Whether it was done/)
    vi.stubGlobal("fetch", async () => Promise.reject(new DOMException("too late", "TimeoutError")))
    assert.match(await fails(act({ _tag: "Heal" })), /^No answer within 60 s\. Whether it was done/)
  })

  it("asks of a node that does not run any more, and is told so", async () => {
    const { inspect } = await load()
    const fetch = vi.fn<typeof globalThis.fetch>(async () => json(200, null))
    vi.stubGlobal("fetch", fetch)
    assert.isUndefined(await inspect("a/b", new AbortController().signal))
    assert.strictEqual(fetch.mock.calls[0]?.[0], "/api/nodes/a%2Fb")
  })
})
