/** The page with a thousand nodes: a made-up cluster, because it is the page that is looked at. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { ClusterSource } from "../src/ClusterSource.ts"
import * as Server from "../src/Server.ts"
import { makeUp } from "../test/MadeUpCluster.ts"
import { drawn, tile, until, visit, type Visit } from "./Browser.ts"

const nodes = 1_000

class Watched extends Context.Service<Watched, Visit>()("Watched") {}

const layerWatched = Layer.effect(
  Watched,
  Effect.gen(function* () {
    const { urlWithToken } = yield* Server.Dashboard
    return yield* visit(urlWithToken)
  })
).pipe(
  Layer.provide(Server.layer()),
  Layer.provide(
    Layer.effect(
      ClusterSource,
      Effect.map(makeUp({ nodes }), ({ source }) => source)
    )
  )
)

/** Seconds of processor time that the page's main thread took in some seconds, by the browser's own count. */
const work = Effect.fnUntraced(function* ({ page }: Visit, seconds: number) {
  const session = yield* Effect.promise(() => page.context().newCDPSession(page))
  yield* Effect.promise(() => session.send("Performance.enable", { timeDomain: "threadTicks" }))
  const busy = Effect.map(
    Effect.promise(() => session.send("Performance.getMetrics")),
    ({ metrics }) => metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0
  )
  const before = yield* busy
  yield* Effect.sleep(seconds * 1_000)
  return (yield* busy) - before
})

layer(layerWatched, { timeout: "180 seconds", excludeTestServices: true })("the dashboard with 1,000 nodes", (it) => {
  it.effect("draws them all, and is at rest when nothing changes", () =>
    Effect.gen(function* () {
      const seen = yield* Watched
      yield* until("the graph", drawn(seen.page), ({ nodes: count }) => count === nodes)
      yield* until("their number", tile(seen.page, "Alive"), (alive) => alive === nodes)
      yield* until(
        "the layout's end",
        () => Effect.runPromise(work(seen, 1)),
        (busy) => busy < 0.5
      )
      const busy = yield* work(seen, 5)
      console.log(`1,000 nodes at rest: the main thread takes ${Math.round((busy / 5) * 100)} % of a processor`)
      assert.isBelow(busy, 1)
      yield* seen.shoot("20-thousand")
    })
  )

  it.effect("has processor time left for every frame while one zooms", () =>
    Effect.gen(function* () {
      const seen = yield* Watched
      const seconds = 4
      // Zooms in and out, and counts the frames that the page had the time to make.
      const frames = yield* Effect.promise(() =>
        seen.page.evaluateHandle((millis) => {
          const counted = { frames: 0 }
          const began = performance.now()
          const step = (): void => {
            counted.frames++
            if (counted.frames % 20 === 1) {
              const key = counted.frames % 40 === 1 ? "+" : "-"
              document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))
            }
            if (performance.now() - began < millis) requestAnimationFrame(step)
          }
          requestAnimationFrame(step)
          return counted
        }, seconds * 1_000)
      )
      const busy = yield* work(seen, seconds)
      const count = yield* Effect.promise(() => frames.evaluate((counted) => counted.frames))
      const perFrame = (busy * 1_000) / Math.max(1, count)
      console.log(`1,000 nodes while zooming: ${perFrame.toFixed(1)} ms of the main thread a frame, ${count} frames`)
      assert.isAtLeast(count, 5)
      assert.isBelow(perFrame, 33)
    })
  )

  it.effect("answers to a search, a broadcast, a kill and a zoom", () =>
    Effect.gen(function* () {
      const { complaints, page, shoot } = yield* Watched
      const press = (key: string) => Effect.promise(() => page.keyboard.press(key))
      yield* press("/")
      yield* Effect.promise(() => page.keyboard.type("n777"))
      yield* press("Enter")
      yield* Effect.promise(() => page.getByRole("region", { name: "Node n777" }).waitFor())
      yield* Effect.promise(() => page.locator(".canvas").focus())
      yield* press("b")
      yield* until("the colours", drawn(page), ({ coloured }) => coloured === nodes)
      yield* press("f")
      yield* shoot("21-thousand-broadcast")
      yield* Effect.promise(() => page.getByRole("button", { name: "Kill a share …" }).click())
      yield* Effect.promise(() => page.getByRole("dialog").getByRole("button", { name: "Kill", exact: true }).click())
      yield* until("the dead", tile(page, "Dead"), (dead) => dead === 400)
      yield* press("Escape")
      yield* shoot("22-thousand-killed")
      assert.deepStrictEqual(complaints, [])
    })
  )
})
