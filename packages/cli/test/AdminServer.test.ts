/** The admin server of real nodes, over real HTTP: what it tells, and whom it refuses. */
import { assert, describe, it } from "@effect/vitest"
import { AdminServer } from "@hyparview/cli"
import { Broadcast, Discovery, Membership, Node } from "@hyparview/runtime"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Clock, Context, Effect, Fiber, Layer, Redacted, Schema, type Scope, Stream } from "effect"
import { request } from "node:http"
import { connect } from "node:net"

const token = "a-token-of-32-characters-or-more"

const node = (id: string) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, leaveOnClose: false }).pipe(
      Layer.provide([MemoryTransport.layer({ address: `host-${id}` }), Discovery.Discovery.layerNone]),
      Layer.fresh
    )
  )

const serve = Effect.fnUntraced(function* (
  context: Context.Context<Membership.Membership | Broadcast.Broadcast>,
  options: AdminServer.Options = {}
) {
  const built = yield* Layer.build(
    Layer.fresh(AdminServer.layer(options)).pipe(Layer.provide(Layer.succeedContext(context)))
  )
  return Context.get(built, AdminServer.AdminServer).url
})

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** A request with any header, `Host` included; the connection is the request's own. */
const ask = (url: string, { body, headers = {}, method = "GET" }: Asked = {}) =>
  Effect.callback<Answer, Error>((resume) => {
    const sent = request(url, { method, headers: { ...headers }, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
      )
      response.on("error", (error) => resume(Effect.fail(error)))
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

const Problem = Schema.fromJsonString(Schema.Struct({ error: Schema.NonEmptyString }))
const View = Schema.fromJsonString(
  Schema.Struct({
    self: Schema.Struct({ id: Schema.String }),
    status: Schema.String,
    active: Schema.Array(Schema.Struct({ peer: Schema.Struct({ id: Schema.String }) })),
    messages: Schema.Struct({ sent: Schema.Int, received: Schema.Int })
  })
)

const errorOf = ({ headers, text }: Answer) => {
  assert.include(String(headers["content-type"]), "application/json")
  return Effect.map(Schema.decodeEffect(Problem)(text), ({ error }) => error)
}

/** Two nodes that have joined, `a` with an admin server. */
const setUp = Effect.fnUntraced(function* (options: AdminServer.Options = {}) {
  const a = yield* node("a")
  const b = yield* node("b")
  yield* Context.get(a, Membership.Membership).join([])
  yield* Context.get(b, Membership.Membership).join(["host-a"])
  yield* Context.get(a, Membership.Membership).awaitNeighbors(1)
  return { a, b, url: yield* serve(a, options) }
})

const test = <E>(name: string, body: Effect.Effect<void, E, Scope.Scope | MemoryNetwork.MemoryNetwork>) =>
  it.live(name, () => body.pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 }))), 30_000)

describe("an admin server", () => {
  test(
    "tells whether the node is well and has joined",
    Effect.gen(function* () {
      const alone = yield* node("alone")
      const url = yield* serve(alone)
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.strictEqual((yield* ask(`${url}/healthz`)).status, 200)
      const early = yield* ask(`${url}/readyz`)
      assert.deepStrictEqual([early.status, JSON.parse(early.text)], [503, { status: "idle", neighbors: 0 }])
      const joined = yield* setUp()
      const ready = yield* ask(`${joined.url}/readyz`)
      assert.deepStrictEqual([ready.status, JSON.parse(ready.text)], [200, { status: "joined", neighbors: 1 }])
      assert.deepStrictEqual((yield* ask(`${joined.url}/readyz`, { method: "HEAD" })).text, "")
      yield* Context.get(joined.a, Membership.Membership).leave
      assert.strictEqual((yield* ask(`${joined.url}/readyz`)).status, 503)
      assert.strictEqual((yield* ask(`${joined.url}/healthz`)).status, 200)
    })
  )

  test(
    "shows the view and the metrics",
    Effect.gen(function* () {
      const { url } = yield* setUp()
      const { headers, text } = yield* ask(`${url}/view`)
      const view = yield* Schema.decodeEffect(View)(text)
      assert.strictEqual(view.self.id, "a")
      assert.deepStrictEqual(
        view.active.map(({ peer }) => peer.id),
        ["b"]
      )
      assert.strictEqual(headers["cache-control"], "no-store")
      const metrics = yield* ask(`${url}/metrics`)
      assert.match(String(metrics.headers["content-type"]), /^text\/plain; version=0\.0\.4/)
      assert.match(metrics.text, /^# TYPE hyparview_\w+ counter$/m)
    })
  )

  test(
    "publishes a body as it is, and says under which id",
    Effect.gen(function* () {
      const { b, url } = yield* setUp()
      const heard = yield* Context.get(b, Broadcast.Broadcast)
        .subscribe("news & more")
        .pipe(Stream.take(1), Stream.runHead, Effect.forkChild({ startImmediately: true }))
      const body = Uint8Array.of(0, 1, 2, 255)
      const topic = encodeURIComponent("news & more")
      const answer = yield* ask(`${url}/publish?topic=${topic}`, { method: "POST", body })
      assert.strictEqual(answer.status, 200)
      assert.include(answer.text, `"source":"a"`)
      const delivery = yield* Effect.fromOption(yield* Fiber.join(heard))
      assert.deepStrictEqual(delivery._tag === "Message" && [...delivery.payload], [0, 1, 2, 255])
    })
  )

  test(
    "refuses to publish what has no topic, is too large, or comes from a node that has not joined",
    Effect.gen(function* () {
      const { url } = yield* setUp({ maxBodyBytes: 100 })
      const publish = (query: string, body: string, headers = {}) =>
        ask(`${url}/publish${query}`, { method: "POST", body, headers })
      assert.match(yield* errorOf(yield* publish("", "x")), /which topic\?/)
      const empty = yield* publish("?topic=", "x")
      assert.deepStrictEqual([empty.status, /1 to 255 bytes/.test(yield* errorOf(empty))], [400, true])
      const announced = yield* publish("?topic=t", "x".repeat(101))
      assert.strictEqual(announced.status, 413)
      assert.strictEqual(JSON.parse(announced.text).usableBytes, 100)
      const chunked = yield* publish("?topic=t", "x".repeat(101), { "transfer-encoding": "chunked" })
      assert.strictEqual(chunked.status, 413)
      assert.strictEqual((yield* publish("?topic=t", "x".repeat(100))).status, 200)
      const alone = yield* serve(yield* node("alone"))
      const early = yield* ask(`${alone}/publish?topic=t`, { method: "POST", body: "x" })
      assert.strictEqual(early.status, 503)
      assert.match(yield* errorOf(early), /join first/)
    })
  )

  test(
    "says of a body that is too large how large one on this topic may be, and takes one of that size",
    Effect.gen(function* () {
      const { url } = yield* setUp()
      for (const topic of ["t", "news"]) {
        const publish = (bytes: number) =>
          ask(`${url}/publish?topic=${topic}`, { method: "POST", body: new Uint8Array(bytes) })
        const usableBytes = 1_048_576 - 46 - "a".length - topic.length
        for (const bytes of [2_000_000, 1_048_576, usableBytes + 1]) {
          const { status, text } = yield* publish(bytes)
          assert.deepStrictEqual([status, JSON.parse(text).usableBytes], [413, usableBytes])
        }
        assert.strictEqual((yield* publish(usableBytes)).status, 200)
      }
    })
  )

  test(
    "says what it does not have, and which method it takes",
    Effect.gen(function* () {
      const { url } = yield* setUp()
      for (const path of ["/", "/views", "/healthz/", "/%00", "//x", "//x/healthz", "/view/.."]) {
        const answer = yield* ask(`${url}${path}`)
        assert.strictEqual(answer.status, 404, path)
        yield* errorOf(answer)
      }
      for (const [method, path, allowed] of [
        ["POST", "/view", "GET"],
        ["GET", "/publish", "POST"],
        ["OPTIONS", "/publish", "POST"],
        ["DELETE", "/healthz", "GET"],
        ["HEAD", "/events", "GET"],
        ["HEAD", "/messages", "GET"]
      ] as const) {
        const answer = yield* ask(`${url}${path}`, { method })
        assert.deepStrictEqual([answer.status, answer.headers["allow"]], [405, allowed], `${method} ${path}`)
      }
    })
  )
})

describe("access to an admin server", () => {
  test(
    "is refused under a name that is none of the loopback, whatever page made it point there",
    Effect.gen(function* () {
      const { url } = yield* setUp()
      for (const host of [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[::2]"
      ]) {
        const answer = yield* ask(`${url}/view`, { headers: { host } })
        assert.strictEqual(answer.status, 421, host)
      }
      for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:99"]) {
        assert.strictEqual((yield* ask(`${url}/view`, { headers: { host } })).status, 200, host)
      }
    })
  )

  test(
    "is refused to pages of other origins, with no word that would open it to them",
    Effect.gen(function* () {
      const { url } = yield* setUp()
      const foreign: ReadonlyArray<Record<string, string>> = [
        { origin: "https://evil.example" },
        { origin: "null" },
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" }
      ]
      for (const headers of foreign) {
        const answer = yield* ask(`${url}/publish?topic=t`, { method: "POST", body: "x", headers })
        assert.strictEqual(answer.status, 403)
        assert.isUndefined(answer.headers["access-control-allow-origin"])
      }
      const typed = yield* ask(`${url}/view`, { headers: { "sec-fetch-site": "none" } })
      assert.strictEqual(typed.status, 200)
    })
  )

  test(
    "needs the token where there is one, for every request",
    Effect.gen(function* () {
      const { url } = yield* setUp({ token: Redacted.make(token) })
      const wrong = [
        undefined,
        "",
        token,
        `Basic ${token}`,
        "Bearer",
        "Bearer x",
        `Bearer ${token}x`,
        `Bearer ${token} x`
      ]
      for (const authorization of wrong) {
        for (const path of ["/healthz", "/view", "/nowhere"]) {
          const answer = yield* ask(`${url}${path}`, { headers: authorization === undefined ? {} : { authorization } })
          assert.strictEqual(answer.status, 401, String(authorization))
          assert.match(String(answer.headers["www-authenticate"]), /^Bearer/)
          assert.notInclude(answer.text, token)
        }
      }
      const right = yield* ask(`${url}/view`, { headers: { authorization: `Bearer ${token}` } })
      assert.strictEqual(right.status, 200)
    })
  )

  test(
    "from other machines is not given at all without a token",
    Effect.gen(function* () {
      const context = yield* node("a")
      for (const host of ["0.0.0.0", "::", "example.com", "192.168.1.1"]) {
        const error = yield* Effect.flip(serve(context, { host, port: 9_464 }))
        assert.strictEqual(error.reason, "noToken")
        assert.match(error.message, /needs a token; or let it listen on 127\.0\.0\.1/)
      }
      const open = yield* serve(context, { host: "0.0.0.0", token: Redacted.make(token) })
      const local = open.replace("0.0.0.0", "127.0.0.1")
      assert.strictEqual((yield* ask(`${local}/view`)).status, 401)
      // The token is enough: whoever knows it may call the machine as they like.
      const headers = { authorization: `Bearer ${token}`, host: "node-a.example" }
      assert.strictEqual((yield* ask(`${local}/view`, { headers })).status, 200)
    })
  )

  test(
    "is not given by options out of their bounds: the error says which, and what it may be",
    Effect.gen(function* () {
      const context = yield* node("a")
      const wrong: ReadonlyArray<readonly [options: AdminServer.Options, message: string]> = [
        [{ maxBodyBytes: 0 }, "maxBodyBytes is 0: expected a whole number, 1 or more"],
        [{ eventReaders: -1 }, "eventReaders is -1: expected a whole number, 1 or more"],
        [{ maxConnections: 1.5 }, "maxConnections is 1.5: expected a whole number, 1 or more"],
        [{ maxBodyBytes: JSON.parse('"9"') }, 'maxBodyBytes is "9": expected a whole number, 1 or more'],
        [{ maxConnections: NaN }, "maxConnections is NaN: expected a whole number, 1 or more"],
        [{ port: 65_536 }, "port is 65536: expected a whole number from 0 to 65535"],
        [{ token: Redacted.make("") }, "token is empty: expected 1 byte or more"],
        [{ keepAlive: 0 }, "keepAlive is 0: expected a duration of 1 millisecond or more"],
        [
          { stallTimeout: JSON.parse('"soon"') },
          'stallTimeout is "soon": expected a duration of 1 millisecond or more'
        ],
        [
          // @ts-expect-error: whoever has no types may give anything.
          { tokn: Redacted.make("secret") },
          "tokn: no such option. Options are host, port, token, maxBodyBytes, eventReaders, stallTimeout, keepAlive, maxConnections"
        ]
      ]
      for (const [options, message] of wrong) {
        const error = yield* Effect.flip(serve(context, options))
        assert.deepStrictEqual([error.reason, error.detail], ["badOption", message])
        assert.match(error.message, /^no admin server on 127\.0\.0\.1:/)
      }
    })
  )

  test(
    "has a typed error for a port in use",
    Effect.gen(function* () {
      const { a, url } = yield* setUp()
      const port = Number(new URL(url).port)
      const error = yield* Effect.flip(serve(a, { port }))
      assert.strictEqual(error.reason, "notListening")
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*EADDRINUSE`))
    })
  )
})

/** A raw connection that has asked for events: what it has been sent so far, and its end. */
const listen = (url: string, path = "/events") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      let text = ""
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      socket.on("error", () => undefined)
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      const closed = Effect.callback<void>((resume) => {
        if (socket.closed) return resume(Effect.void)
        socket.once("close", () => resume(Effect.void))
      })
      return { socket, closed, text: () => text }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

const shows = (text: () => string, wanted: RegExp): Effect.Effect<void> =>
  Effect.suspend(() => (wanted.test(text()) ? Effect.void : Effect.andThen(Effect.sleep(10), shows(text, wanted))))

describe("the events of a node", () => {
  test(
    "begin with the present neighbours, and go on with every change and its reason",
    Effect.gen(function* () {
      const { b, url } = yield* setUp()
      const { text } = yield* listen(url)
      yield* shows(text, /event: NeighborUp\ndata: \{"peer":\{"id":"b"/)
      assert.match(text(), /content-type: text\/event-stream/i)
      yield* Context.get(b, Membership.Membership).leave
      yield* shows(text, /event: NeighborDown\ndata: \{"peer":\{"id":"b".*"reason":"left"\}/)
    })
  )

  test(
    "tell of a leave too",
    Effect.gen(function* () {
      const { a, url } = yield* setUp()
      const { text } = yield* listen(url)
      yield* shows(text, /NeighborUp/)
      yield* Context.get(a, Membership.Membership).leave
      yield* shows(text, /event: NeighborDown\ndata: \{"peer":\{"id":"b".*"reason":"leaving"\}/)
    })
  )

  test(
    "are kept alive by comments, and end with the server",
    Effect.gen(function* () {
      const a = yield* node("a")
      const { closed, text } = yield* Effect.scoped(
        Effect.gen(function* () {
          const url = yield* serve(a, { keepAlive: "20 millis" })
          const listening = yield* listen(url)
          yield* shows(listening.text, /: here\n\n[^]*: here\n\n/)
          return listening
        })
      )
      yield* closed
      assert.notInclude(text(), "event:")
    })
  )

  test(
    "answer at once, though nothing has happened",
    Effect.gen(function* () {
      const url = yield* serve(yield* node("a"), { keepAlive: "1 hour" })
      for (const path of ["/events", "/messages?topic=t"]) {
        const { text } = yield* listen(url, path)
        yield* shows(text, /200 OK[^]*: here\n\n/)
      }
    })
  )

  /** By its first line: an epoch may have these figures too. */
  const isTaken = (answer: string) => answer.startsWith("HTTP/1.1 503")

  test(
    "are given to so many readers and no more",
    Effect.gen(function* () {
      const { url } = yield* setUp({ eventReaders: 1 })
      const first = yield* listen(url)
      yield* shows(first.text, /NeighborUp/)
      const second = yield* ask(`${url}/events`)
      assert.strictEqual(second.status, 503)
      first.socket.destroy()
      const next = Effect.scoped(
        Effect.flatMap(listen(url), ({ text }) => Effect.map(shows(text, /NeighborUp|^HTTP\/1\.1 503/), text))
      )
      const answer = yield* Effect.repeat(next, { while: isTaken })
      assert.include(answer, "NeighborUp")
    })
  )

  /** A node to which so much happens that no reader's buffers can hold it. */
  const busy = (membership: Membership.Membership["Service"], events: Membership.Membership["Service"]["events"]) =>
    Membership.Membership.of({ ...membership, events })

  test(
    "are cut off for a reader that takes nothing",
    Effect.gen(function* () {
      const { a } = yield* setUp()
      const peer = { id: "x".repeat(100_000), epoch: 1, address: "x" }
      const endless = Stream.forever(Stream.make({ _tag: "NeighborUp", peer } as const))
      const membership = busy(Context.get(a, Membership.Membership), endless)
      const options = { stallTimeout: "300 millis", eventReaders: 1 } as const
      // Wall clocks may be set back while somebody reads.
      let wallMillis = Date.now()
      const clock: Clock.Clock = Object.create(yield* Clock.Clock, {
        currentTimeMillis: { value: Effect.sync(() => --wallMillis) }
      })
      const url = yield* serve(Context.add(a, Membership.Membership, membership), options).pipe(
        Effect.provideService(Clock.Clock, clock)
      )
      const { socket, text } = yield* listen(url)
      yield* shows(text, /NeighborUp/)
      socket.pause()
      // Its place is free again once it has been cut off.
      const next = Effect.scoped(
        Effect.flatMap(listen(url), (other) => Effect.map(shows(other.text, /NeighborUp|^HTTP\/1\.1 503/), other.text))
      )
      yield* Effect.repeat(next, { while: isTaken })
    })
  )

  test(
    "say so when too many were waiting, and end",
    Effect.gen(function* () {
      const { a } = yield* setUp()
      const lost = Stream.fail(new Membership.EventsLost({ waiting: 7 }))
      const membership = busy(Context.get(a, Membership.Membership), lost)
      const url = yield* serve(Context.add(a, Membership.Membership, membership))
      const answer = yield* ask(`${url}/events`)
      assert.strictEqual(
        answer.text.replaceAll(": here\n\n", ""),
        `event: EventsLost\ndata: {"error":"the subscriber is too slow: 7 membership events were waiting; subscribe again"}\n\n`
      )
    })
  )
})

describe("the messages of a topic", () => {
  test(
    "are handed out one by one with their bytes, those from before if asked",
    Effect.gen(function* () {
      const { a, b, url } = yield* setUp()
      const publish = (payload: Uint8Array) => Context.get(b, Broadcast.Broadcast).publish("t", payload)
      const old = yield* Context.get(a, Broadcast.Broadcast)
        .subscribe("t")
        .pipe(Stream.take(1), Stream.runDrain, Effect.forkChild({ startImmediately: true }))
      yield* publish(Uint8Array.of(1))
      yield* Fiber.join(old)
      const { text } = yield* listen(url, "/messages?topic=t&history=5")
      yield* shows(text, /event: Message\ndata: \{.*"sequence":0.*"payload":"AQ=="/)
      assert.match(text(), /content-type: text\/event-stream/i)
      yield* publish(Uint8Array.of(255, 0))
      yield* shows(text, /event: Message\ndata: \{.*"source":"b".*"sequence":1.*"payload":"\/wA=".*"history":false/)
      assert.strictEqual(text().match(/event:/g)?.length, 2)
    })
  )

  test(
    "need a topic that can be one, and a history that is a number",
    Effect.gen(function* () {
      const { url } = yield* setUp({ eventReaders: 1 })
      const refused = (query: string) =>
        Effect.flatMap(ask(`${url}/messages${query}`), (answer) =>
          Effect.map(errorOf(answer), (error) => [answer.status, error] as const)
        )
      assert.match(String(yield* refused("")), /^400,which topic\?/)
      assert.match(String(yield* refused("?topic=")), /^400,.*1 to 255 bytes/)
      assert.match(String(yield* refused("?topic=t&history=-1")), /^400,history is a whole number/)
      yield* Effect.flatMap(listen(url), ({ text }) => shows(text, /NeighborUp/))
      assert.match(String(yield* refused("?topic=t")), /^503,1 reader listening already/)
    })
  )
})
