import { assert, layer } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer } from "effect"
import { readFileSync } from "node:fs"
import { request } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import { ClusterSource } from "../src/ClusterSource.ts"
import * as Server from "../src/Server.ts"
import { makeUp } from "./MadeUpCluster.ts"

/** The made-up cluster behind the server, for a look at what really happened. */
class Made extends Context.Service<Made, Effect.Success<ReturnType<typeof makeUp>>>()("Made") {}

const layerWith = (nodes: number, options: Server.Options = {}) =>
  Server.layer(options).pipe(
    Layer.provideMerge(
      Layer.effect(
        ClusterSource,
        Effect.map(Made, ({ source }) => source)
      )
    ),
    Layer.provideMerge(Layer.effect(Made, makeUp({ nodes })))
  )

/** Real sockets and a real clock; the first server may have to build the page. */
const real = { timeout: "120 seconds", excludeTestServices: true } as const

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** By Node's own client: a browser, and `fetch`, would not let a test lie about its host and origin. */
const ask = Effect.fnUntraced(function* (path: string, { body, headers = {}, method = "GET" }: Asked = {}) {
  const { port } = yield* Server.Dashboard
  return yield* Effect.callback<Answer, Error>((resume) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.on("end", () => {
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end(body)
  })
})

const bearer = Effect.map(Server.Dashboard, ({ token }) => ({ authorization: `Bearer ${token}` }))

const act = Effect.fnUntraced(function* (action: unknown, headers: Readonly<Record<string, string>> = {}) {
  const body = typeof action === "string" ? action : JSON.stringify(action)
  return yield* ask("/api/actions", { method: "POST", body, headers: { ...(yield* bearer), ...headers } })
})

const errorOf = ({ status, text }: Answer): readonly [number, string, string] => {
  const { error, message }: { readonly error: string; readonly message: string } = JSON.parse(text)
  return [status, error, message]
}

const dead = Effect.gen(function* () {
  const { source } = yield* Made
  const { nodes } = yield* source.observe
  return nodes.filter(({ status }) => status === "dead").map(({ id }) => id)
})

layer(layerWith(12), real)("the dashboard's server", (it) => {
  it.effect("gives the page with a policy that lets it load nothing from elsewhere", () =>
    Effect.gen(function* () {
      const page = yield* ask("/")
      assert.strictEqual(page.status, 200)
      assert.include(page.text, "<title>HyParView</title>")
      const policy = String(page.headers["content-security-policy"])
      assert.include(policy, "default-src 'none'")
      assert.notMatch(policy, /unsafe|https?:|\*/)
      assert.strictEqual(page.headers["cache-control"], "no-store")
      assert.isUndefined(page.headers["access-control-allow-origin"])

      const [, script = ""] = /src="\.(\/assets\/[^"]+\.js)"/.exec(page.text) ?? []
      const asset = yield* ask(script)
      assert.strictEqual(asset.status, 200)
      assert.include(String(asset.headers["cache-control"]), "immutable")
    })
  )

  it.effect("is not there with an option that there is none of", () =>
    Effect.gen(function* () {
      // @ts-expect-error: whoever has no types may give anything.
      const exit = yield* Effect.exit(Layer.build(Layer.fresh(layerWith(3, { prot: 7900 }))))
      const died = Exit.isFailure(exit) && Exit.hasDies(exit) ? String(Cause.squash(exit.cause)) : "started"
      assert.include(died, "prot: no such option. Options are port, intervalMillis, ")
    })
  )

  it.effect("has its page packed with the licence of each library that is bundled with it", () =>
    Effect.gen(function* () {
      // The page has been built when the server answers.
      yield* ask("/")
      const licences = readFileSync(join(import.meta.dirname, "../dist/page/licences.md"), "utf8")
      const bundled = ["preact", "@preact/signals", "echarts", "sigma", "graphology", "graphology-layout-forceatlas2"]
      for (const name of bundled) assert.include(licences, `\n## ${name} `)
      assert.include(licences, "The Apache Software Foundation")
    })
  )

  it.effect("has nothing anywhere else", () =>
    Effect.gen(function* () {
      const nowhere = ["/nothing", "/api", "/api/", "/api/nodes", "/../package.json", "/assets/../../package.json"]
      for (const path of [...nowhere, "/%2e%2e/package.json", "/.sources", "/index.html/"]) {
        const [status, error] = errorOf(yield* ask(path))
        assert.deepStrictEqual([path, status, error], [path, 404, "NotFound"])
      }
      assert.strictEqual((yield* ask("/api/snapshot", { method: "POST" })).status, 404)
      assert.strictEqual((yield* ask("/api/actions", { method: "PUT" })).status, 404)
      assert.strictEqual((yield* ask("/", { method: "DELETE" })).status, 404)
    })
  )

  it.effect("tells everything at once, and a node in full", () =>
    Effect.gen(function* () {
      const snapshot = JSON.parse((yield* ask("/api/snapshot")).text)
      assert.deepStrictEqual([snapshot._tag, snapshot.nodes.length, snapshot.counters.alive], ["Snapshot", 12, 12])
      const detail = JSON.parse((yield* ask("/api/nodes/n2")).text)
      assert.strictEqual(detail.id, "n2")
      for (const id of ["n99", "%00", "%", "..%2f..", "a".repeat(3_000)]) {
        assert.deepStrictEqual(errorOf(yield* ask(`/api/nodes/${id}`)).slice(0, 2), [404, "NoSuchNode"])
      }
    })
  )

  it.effect("answers under no name but this machine's own", () =>
    Effect.gen(function* () {
      const { port } = yield* Server.Dashboard
      for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", `localhost:${port + 1}`]) {
        for (const path of ["/", "/api/snapshot", "/api/updates"]) {
          const [status, error] = errorOf(yield* ask(path, { headers: { host } }))
          assert.deepStrictEqual([host, status, error], [host, 403, "ForeignHost"])
        }
      }
      for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
        assert.strictEqual((yield* ask("/api/snapshot", { headers: { host } })).status, 200)
      }
    })
  )

  it.effect("does nothing for a page of another origin, whatever it knows", () =>
    Effect.gen(function* () {
      const { port } = yield* Server.Dashboard
      const kill = { _tag: "Kill", nodes: ["n1"] }
      const foreign: ReadonlyArray<Readonly<Record<string, string>>> = [
        { origin: "https://evil.example" },
        { origin: "null" },
        { origin: `https://127.0.0.1:${port}` },
        { origin: `http://127.0.0.1:${port + 1}` },
        { origin: `http://127.0.0.1:${port}.evil.example` },
        { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
        { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }
      ]
      for (const headers of foreign) {
        assert.deepStrictEqual(errorOf(yield* act(kill, headers)).slice(0, 2), [403, "ForeignOrigin"])
        assert.strictEqual((yield* ask("/api/snapshot", { headers })).status, 403)
      }
      const preflight = yield* ask("/api/actions", {
        method: "OPTIONS",
        headers: { origin: "https://evil.example", "access-control-request-method": "POST" }
      })
      assert.strictEqual(preflight.status, 403)
      assert.isUndefined(preflight.headers["access-control-allow-origin"])
      assert.deepStrictEqual(yield* dead, [])
      // A link to the page from elsewhere is one to follow.
      const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }
      assert.strictEqual((yield* ask("/", { headers: link })).status, 200)
    })
  )

  it.effect("does nothing without this start's token", () =>
    Effect.gen(function* () {
      const { token } = yield* Server.Dashboard
      const kill = { _tag: "Kill", nodes: ["n1"] }
      const wrong = ["", "Bearer", "Bearer ", `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token]
      for (const authorization of wrong) {
        assert.deepStrictEqual(errorOf(yield* act(kill, { authorization })).slice(0, 2), [401, "BadToken"])
      }
      const none = yield* ask("/api/actions", { method: "POST", body: JSON.stringify(kill) })
      assert.strictEqual(none.status, 401)
      assert.deepStrictEqual(yield* dead, [])
      assert.isAtLeast(token.length, 20)
    })
  )

  it.effect("says of a body that is no action what is wrong where", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [body: unknown, message: RegExp]> = [
        ["", /JSON/],
        ["{", /JSON/],
        ["[]", /_tag|Expected/],
        [{ _tag: "Explode" }, /_tag|Expected/],
        [{ _tag: "Kill" }, /nodes/],
        [{ _tag: "Kill", nodes: [] }, /nodes[^]*|length/],
        [{ _tag: "Kill", nodes: [1] }, /nodes[^]*0/],
        [{ _tag: "KillShare", percent: 101 }, /percent/],
        [{ _tag: "AddNodes", count: 0 }, /count/],
        [{ _tag: "AddNodes", count: 1.5 }, /count/],
        [{ _tag: "Partition", groups: [["n1"]], mode: "reset" }, /groups/],
        [{ _tag: "Partition", groups: [["n1"], ["n2"]], mode: "loud" }, /mode/],
        [{ _tag: "Publish", node: "n1", text: "x".repeat(2_000) }, /text/]
      ]
      for (const [body, message] of wrong) {
        const [status, error, said] = errorOf(yield* act(body))
        assert.deepStrictEqual(
          [JSON.stringify(body).slice(0, 60), status, error],
          [JSON.stringify(body).slice(0, 60), 400, "BadAction"]
        )
        assert.match(said, message)
      }
      const large = `{"_tag":"Kill","nodes":["${"x".repeat(600_000)}"]}`
      assert.strictEqual((yield* act(large)).status, 413)
      const chunked = yield* act(large, { "transfer-encoding": "chunked" })
      assert.strictEqual(chunked.status, 413)
      assert.deepStrictEqual(yield* dead, [])
    })
  )

  it.effect("does what is asked, and says why not what it cannot", () =>
    Effect.gen(function* () {
      const { port } = yield* Server.Dashboard
      const own = { origin: `http://127.0.0.1:${port}`, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }
      const killed = yield* act({ _tag: "Kill", nodes: ["n1", "n2"] }, own)
      assert.deepStrictEqual([killed.status, JSON.parse(killed.text)], [200, { _tag: "Killed", nodes: ["n1", "n2"] }])
      // A page that has not heard of it yet may ask for one of them.
      const gone = yield* ask("/api/nodes/n1")
      assert.deepStrictEqual([gone.status, gone.text], [200, "null"])
      assert.deepStrictEqual(yield* dead, ["n1", "n2"])
      assert.deepStrictEqual(errorOf(yield* act({ _tag: "Publish", node: "n1", text: "" })).slice(0, 2), [
        404,
        "NoSuchNode"
      ])
      assert.strictEqual((yield* act({ _tag: "Restart", nodes: [] })).status, 200)
      assert.deepStrictEqual(errorOf(yield* act({ _tag: "Restart", nodes: [] })), [
        409,
        "ActionRefused",
        "no node is dead"
      ])
      const published = JSON.parse((yield* act({ _tag: "Publish", node: "n3", text: "hello" })).text)
      assert.strictEqual(published.reach.arrivals.length, 12)
    })
  )
})

layer(layerWith(5, { viewers: 1 }), real)("the stream of changes", (it) => {
  it.effect("begins with everything, goes on with what changes, and is for so many viewers", () =>
    Effect.gen(function* () {
      const { port } = yield* Server.Dashboard
      const messages: Array<{ readonly _tag: string; readonly nodes: ReadonlyArray<{ readonly status?: string }> }> = []
      let wake = (): void => undefined
      const viewer = request({ host: "127.0.0.1", port, path: "/api/updates" }, (response) => {
        assert.strictEqual(response.headers["content-type"], "text/event-stream")
        let rest = ""
        response.setEncoding("utf8").on("data", (chunk: string) => {
          const events = (rest + chunk).split("\n\n")
          rest = events.pop() ?? ""
          for (const event of events) if (event.startsWith("data: ")) messages.push(JSON.parse(event.slice(6)))
          wake()
        })
        response.on("error", () => undefined)
      })
      viewer.on("error", () => undefined)
      yield* Effect.addFinalizer(() => Effect.sync(() => viewer.destroy()))
      viewer.end()
      const until = (isSo: () => boolean) =>
        Effect.callback<void>((resume) => {
          wake = () => {
            if (isSo()) resume(Effect.void)
          }
          wake()
        })
      yield* until(() => messages.length > 0)
      assert.deepStrictEqual([messages[0]?._tag, messages[0]?.nodes.length], ["Snapshot", 5])
      const [status, error] = errorOf(yield* ask("/api/updates"))
      assert.deepStrictEqual([status, error], [503, "TooManyViewers"])
      yield* act({ _tag: "Kill", nodes: ["n4"] })
      yield* until(() => messages.some(({ nodes }) => nodes.some(({ status }) => status === "dead")))
      assert.isTrue(messages.slice(1).every(({ _tag }) => _tag === "Update"))
    })
  )
})

layer(layerWith(5_000, { stalledMillis: 1_000, viewers: 1 }), real)("a viewer who takes nothing", (it) => {
  /** Only the head of the answer: the rest of this one has no end. */
  const statusOfUpdates = Effect.gen(function* () {
    const { port } = yield* Server.Dashboard
    return yield* Effect.callback<number | undefined>((resume) => {
      const asked = request({ host: "127.0.0.1", port, path: "/api/updates" }, ({ statusCode }) => {
        resume(Effect.succeed(statusCode))
        asked.destroy()
      })
      asked.on("error", () => undefined).end()
    })
  })

  it.effect("is cut off, and his place is free", () =>
    Effect.gen(function* () {
      const { port } = yield* Server.Dashboard
      const { source } = yield* Made
      const { nodes } = yield* source.observe
      const halves = [nodes.slice(0, 2_500), nodes.slice(2_500)].map((half) => half.map(({ id }) => id))
      const socket = connect(port, "127.0.0.1")
      yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
      socket.on("error", () => undefined).pause()
      socket.write(`GET /api/updates HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
      const seen: Array<number | undefined> = []
      // What the kernel takes on his behalf, some megabytes, has to be filled first.
      while (seen.at(-1) !== 200) {
        yield* source.act({ _tag: "Partition", groups: halves, mode: "reset" })
        yield* Effect.sleep("200 millis")
        yield* source.act({ _tag: "Heal" })
        yield* Effect.sleep("200 millis")
        seen.push(yield* statusOfUpdates)
      }
      assert.include(seen, 503)
    })
  )
})
