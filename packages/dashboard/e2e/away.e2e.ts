/** The page while its server goes away and comes back: a made-up cluster, because it is the connection that is looked at. */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { ClusterSource } from "../src/ClusterSource.ts"
import * as Server from "../src/Server.ts"
import { makeUp } from "../test/MadeUpCluster.ts"
import { tile, until, visit } from "./Browser.ts"

const serverOf = (nodes: number, options: Server.Options) =>
  Server.layer(options).pipe(
    Layer.provide(
      Layer.effect(
        ClusterSource,
        Effect.map(makeUp({ nodes }), ({ source }) => source)
      )
    )
  )

/** A server in a scope that can be closed. */
const start = Effect.fnUntraced(function* (nodes: number, options: Server.Options = {}) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const context = yield* Layer.buildWithScope(serverOf(nodes, options), scope)
  return { ...Context.get(context, Server.Dashboard), stop: Scope.close(scope, Exit.void) }
})

it.live("says that nobody answers and how old what one sees is, and goes on with the server that comes", () =>
  Effect.gen(function* () {
    const first = yield* start(10)
    const { page } = yield* visit(first.urlWithToken)
    const pill = async () => page.locator(".pill").textContent()
    const trouble = async () => page.locator(".trouble").textContent()
    const told = async () => page.getByRole("alert").textContent({ timeout: 1_000 })
    const publish = page.getByRole("button", { name: "Publish", exact: true })
    yield* until("all alive", tile(page, "Alive"), (seen) => seen === 10)
    assert.deepStrictEqual([yield* Effect.promise(pill), yield* Effect.promise(trouble)], ["live", ""])

    yield* first.stop
    yield* until("the silence", trouble, (text) =>
      /^The server does not answer.*as it was at \d\d:\d\d:\d\d\.$/.test(text ?? "")
    )
    assert.strictEqual(yield* Effect.promise(pill), "no answer")
    assert.strictEqual(yield* Effect.promise(tile(page, "Alive")), 10)
    yield* Effect.promise(() => publish.click())
    yield* until("why not", told, (text) => (text ?? "").startsWith("Publish: The server does not answer."))

    const second = yield* start(12, { port: first.port })
    yield* until("the new cluster", tile(page, "Alive"), (seen) => seen === 12)
    assert.deepStrictEqual([yield* Effect.promise(pill), yield* Effect.promise(trouble)], ["live", ""])
    yield* Effect.promise(() => publish.click())
    yield* until("whose token it is", told, (text) => (text ?? "").includes("started anew"))
    assert.isTrue(yield* Effect.promise(() => publish.isDisabled()))
    // The whole address, over that of the page.
    yield* Effect.promise(() => page.goto(second.urlWithToken))
    yield* until(
      "the token taken",
      async () => page.url(),
      (url) => !url.includes("token")
    )
    yield* Effect.promise(() => publish.click())
    yield* until(
      "the broadcast",
      async () => page.locator('[data-fact="reach"]').textContent({ timeout: 1_000 }),
      (text) => (text ?? "").startsWith("12 of 12,")
    )
  }).pipe(Effect.scoped)
)
