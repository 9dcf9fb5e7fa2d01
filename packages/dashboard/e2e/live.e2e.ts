/** The page in a real browser, on a real cluster of processes: each test goes on where the one before has ended. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Locator, Page } from "playwright-core"
import { inksOf } from "../page/graph/colours.ts"
import { drawn, pixelsNear, tile, until, visit, type Visit } from "./Browser.ts"
import { liveCluster, simulate } from "./LiveCluster.ts"

const nodes = 40

class Watched extends Context.Service<Watched, Visit & { readonly url: string }>()("Watched") {}

const layerWatched = Layer.effect(
  Watched,
  Effect.gen(function* () {
    const { url } = yield* liveCluster(["--nodes", String(nodes), "--processes", "5", "--seed", "1"])
    return { ...(yield* visit(url, { colorScheme: "light" })), url }
  })
)

const click = (locator: Locator) => Effect.promise(() => locator.click())

const button = (page: Page, name: string): Locator => page.getByRole("button", { name, exact: true })

/** Says yes to what the page asks back. */
const confirm = Effect.fnUntraced(function* (page: Page, verb: string) {
  const dialog = page.getByRole("dialog")
  yield* Effect.promise(() => dialog.waitFor())
  yield* click(dialog.getByRole("button", { name: verb, exact: true }))
})

const reach = (page: Page) => async (): Promise<string> =>
  (await page
    .locator('[data-fact="reach"]')
    .textContent({ timeout: 1_000 })
    .catch(() => "")) ?? ""

const isWhole = Effect.fnUntraced(function* (page: Page, alive: number) {
  yield* until("all alive", tile(page, "Alive"), (seen) => seen === alive)
  yield* until("one component", tile(page, "Components"), (seen) => seen === 1)
  yield* until("nobody isolated", tile(page, "Isolated"), (seen) => seen === 0)
})

/** A broadcast, and whether so many have it. */
const publishes = Effect.fnUntraced(function* (page: Page, expected: string) {
  yield* click(button(page, "Publish"))
  yield* until("the broadcast's way", reach(page), (seen) => seen.startsWith(`${expected},`))
})

const logged = (page: Page, text: string) =>
  until(
    "the log",
    async () => page.locator(".log li").allTextContents(),
    (lines) => lines.some((line) => line.includes(text))
  )

const real = { timeout: "180 seconds", excludeTestServices: true } as const

layer(layerWatched, real)("the dashboard on a live cluster", (it) => {
  it.effect("shows every node, in one piece", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      yield* isWhole(page, nodes)
      const seen = yield* until("the graph", drawn(page), (seen) => seen.nodes === nodes && seen.links >= nodes)
      assert.strictEqual(seen.coloured, 0)
      yield* until("nodes on the screen", pixelsNear(page, [inksOf(false).neutral]), (pixels) => pixels > 500)
      // The token is not left in the address.
      assert.notInclude(page.url(), "token")
      yield* shoot("1-all")
    })
  )

  it.effect("colours all of them by a broadcast", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      const before = yield* Effect.promise(pixelsNear(page, inksOf(false).ramp))
      yield* publishes(page, `${nodes} of ${nodes}`)
      yield* until("the colours", drawn(page), (seen) => seen.coloured === nodes)
      yield* until("colour on the screen", pixelsNear(page, inksOf(false).ramp), (pixels) => pixels > before + 300)
      yield* logged(page, `all ${nodes} have it`)
      yield* shoot("2-broadcast")
    })
  )

  it.effect("kills 40 %, shows who is dead and why links were lost, and that it heals", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      const ask = button(page, "Kill a share …")
      yield* click(ask)
      yield* confirm(page, "Cancel")
      assert.strictEqual(yield* Effect.promise(tile(page, "Dead")), 0)

      yield* click(ask)
      yield* confirm(page, "Kill")
      yield* until("the dead", tile(page, "Dead"), (seen) => seen === nodes * 0.4)
      yield* shoot("3-killed")
      yield* isWhole(page, nodes * 0.6)
      yield* logged(page, "16 nodes killed without a goodbye (40 %)")
      yield* until(
        "reasons",
        async () => page.locator('.log li[data-kind="link"]').allTextContents(),
        (lines) => lines.some((line) => /lost a neighbour.*(?:connection|neighbour) /.test(line))
      )
      yield* publishes(page, "24 of 24")
      yield* shoot("4-healed")

      yield* click(button(page, "Restart the dead"))
      yield* isWhole(page, nodes)
      yield* until("no dead", tile(page, "Dead"), (seen) => seen === 0)
      yield* publishes(page, `${nodes} of ${nodes}`)
    })
  )

  it.effect("cuts the network in two, and heals it", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      yield* click(button(page, "Cut the network …"))
      yield* confirm(page, "Cut")
      yield* until("two components", tile(page, "Components"), (seen) => seen === 2)
      yield* publishes(page, `20 of ${nodes}`)
      yield* Effect.promise(() => page.locator("#colour-by").selectOption("component"))
      yield* shoot("5-cut")
      yield* Effect.promise(() => page.locator("#colour-by").selectOption("hops"))
      yield* click(button(page, "Heal the cut"))
      yield* isWhole(page, nodes)
      yield* publishes(page, `${nodes} of ${nodes}`)
      yield* logged(page, "the overlay is one piece again")
      yield* shoot("6-one-again")
    })
  )

  it.effect("adds nodes", () =>
    Effect.gen(function* () {
      const { page } = yield* Watched
      yield* click(button(page, "Add nodes …"))
      yield* Effect.promise(() => page.getByLabel("How many").fill("3"))
      yield* Effect.promise(() => page.getByLabel("How many").press("Enter"))
      yield* isWhole(page, nodes + 3)
      yield* until("the graph", drawn(page), (seen) => seen.nodes === nodes + 3)
    })
  )

  it.effect("shows one node in full, publishes from it, kills it and starts it again, by keyboard alone", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      const press = (...keys: ReadonlyArray<string>) =>
        Effect.forEach(keys, (key) => Effect.promise(() => page.keyboard.press(key)), { discard: true })
      yield* press("/")
      yield* Effect.promise(() => page.keyboard.type("n7"))
      yield* press("Enter")
      const panel = page.getByRole("region", { name: "Node n7" })
      yield* Effect.promise(() => panel.waitFor())
      yield* until(
        "its address",
        async () => panel.textContent(),
        (text) => /127\.0\.0\.1:\d+/.test(text ?? "")
      )
      // Out of the field, so that keys are commands again.
      yield* Effect.promise(() => page.locator(".canvas").focus())
      const links = (yield* Effect.promise(drawn(page))).links
      assert.isAbove(links, 0)
      yield* press("v")
      yield* Effect.promise(() => panel.getByText("Passive view", { exact: false }).last().waitFor())
      yield* shoot("7-node")
      yield* press("b")
      yield* logged(page, "n7 published")
      yield* press("x")
      const dialog = page.getByRole("dialog", { name: "Kill n7?" })
      yield* Effect.promise(() => dialog.waitFor())
      yield* press("Escape")
      yield* Effect.promise(() => dialog.waitFor({ state: "detached" }))
      assert.strictEqual(yield* Effect.promise(tile(page, "Dead")), 0)
      yield* press("x")
      yield* Effect.promise(() => dialog.waitFor())
      yield* press("Tab", "Enter")
      yield* until("its death", tile(page, "Dead"), (seen) => seen === 1)
      yield* click(button(page, "Restart n7"))
      yield* isWhole(page, nodes + 3)

      yield* press("?")
      const help = page.getByRole("dialog", { name: "Help" })
      yield* Effect.promise(() => help.waitFor())
      yield* shoot("8-help")
      yield* press("Escape")
      yield* Effect.promise(() => help.waitFor({ state: "detached" }))
      const theme = () => page.evaluate(() => document.documentElement.dataset["theme"])
      yield* press("t", "t")
      yield* until("the dark", theme, (seen) => seen === "dark")
      yield* shoot("9-dark")
      yield* press("t", "Escape")
      yield* until("the light", theme, (seen) => seen === "light")
      yield* Effect.promise(() => panel.waitFor({ state: "detached" }))
      yield* press("v", "+", "-", "f", "ArrowLeft", "j", "j", "k")
      yield* Effect.promise(() => page.getByRole("region", { name: "Node n1", exact: true }).waitFor())
      yield* press("Escape")
    })
  )

  it.effect("gives the focus to everything that can be pressed, from the head to the log", () =>
    Effect.gen(function* () {
      const { page } = yield* Watched
      // Where one clicks, the next Tab begins.
      yield* click(page.getByRole("heading", { name: "HyParView" }))
      const order: Array<string> = []
      for (let step = 0; step < 16; step++) {
        yield* Effect.promise(() => page.keyboard.press("Tab"))
        order.push(
          yield* Effect.promise(() =>
            page.evaluate(() => {
              const focused = document.activeElement
              return focused?.getAttribute("aria-label") ?? focused?.textContent ?? focused?.id ?? ""
            })
          )
        )
      }
      const wanted = ["Open a result …", "Help", "Publish", "Kill a share …", "Cut the network …", "Zoom in"]
      const at = wanted.map((name) => order.indexOf(name))
      assert.isTrue(
        at.every((index) => index >= 0),
        JSON.stringify(order)
      )
      assert.deepStrictEqual(
        at,
        at.toSorted((a, b) => a - b)
      )
      // Nothing that can be pressed is without a name.
      const nameless = yield* Effect.promise(() =>
        page.locator("button, input, select, [role]").evaluateAll((all) =>
          all.flatMap((element) => {
            const label = element.getAttribute("aria-label") ?? element.textContent ?? ""
            const labels =
              element instanceof HTMLInputElement || element instanceof HTMLSelectElement
                ? (element.labels?.length ?? 0)
                : 0
            return label.trim() === "" && labels === 0 ? [element.outerHTML.slice(0, 120)] : []
          })
        )
      )
      assert.deepStrictEqual(nameless, [])
    })
  )

  it.effect("opens a result of the simulator, plays it, and goes back to the cluster", () =>
    Effect.gen(function* () {
      const { page, shoot } = yield* Watched
      const folder = mkdtempSync(join(tmpdir(), "hyparview-e2e-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
      const [json, edges, wrong] = ["result.json", "edges.csv", "holiday.json"].map((name) => join(folder, name))
      if (json === undefined || edges === undefined || wrong === undefined) return
      const what = [
        "failures",
        "--nodes",
        "200",
        "--kill",
        "60",
        "--messages",
        "30",
        "--heal-cycles",
        "5",
        "--seed",
        "3"
      ]
      yield* simulate([...what, "--json", json, "--edges", edges])
      writeFileSync(wrong, `{ "beach": true }`)

      yield* Effect.promise(() => page.setInputFiles("#open-result", wrong))
      const alert = page.getByRole("alert")
      yield* until(
        "the refusal",
        async () => alert.textContent(),
        (text) => /holiday\.json cannot be shown: it is JSON, but not a result/.test(text ?? "")
      )
      assert.strictEqual((yield* Effect.promise(drawn(page))).nodes, nodes + 3)

      yield* Effect.promise(() => page.setInputFiles("#open-result", [json, edges]))
      yield* until("the graph", drawn(page), (seen) => seen.nodes === 80 && seen.links > 100)
      yield* Effect.promise(() => page.getByRole("combobox", { name: "Time line" }).selectOption({ index: 1 }))
      yield* Effect.promise(() => page.locator(".canvas").focus())
      const moment = async () => page.locator(".timeline output strong").textContent()
      yield* until("the first message", moment, (text) => text === "message 1 of 30")
      yield* Effect.promise(() => page.keyboard.press("ArrowRight"))
      yield* until("the second message", moment, (text) => text === "message 2 of 30")
      yield* Effect.promise(() => page.keyboard.press("Space"))
      yield* until("the end", moment, (text) => text === "message 30 of 30")
      yield* until("the colours", drawn(page), (seen) => seen.coloured === 80)
      yield* shoot("10-replay")
      yield* click(button(page, "Back to the live cluster"))
      yield* until("the cluster", drawn(page), (seen) => seen.nodes === nodes + 3)
    })
  )

  it.effect("fits a phone, in the dark", () =>
    Effect.gen(function* () {
      const { url } = yield* Watched
      const options = {
        viewport: { width: 390, height: 844 },
        hasTouch: true,
        isMobile: true,
        colorScheme: "dark"
      } as const
      const { complaints, page, shoot } = yield* visit(url, options)
      yield* until("the graph", drawn(page), (seen) => seen.nodes === nodes + 3)
      yield* until("all alive", tile(page, "Alive"), (seen) => seen === nodes + 3)
      const wide = yield* Effect.promise(() =>
        page.evaluate(() =>
          [...document.querySelectorAll("body *")]
            .filter((element) => element.getBoundingClientRect().right > 390)
            .map((element) => `${element.tagName}.${element.getAttribute("class") ?? ""}`)
        )
      )
      assert.deepStrictEqual(wide, [])
      const width = yield* Effect.promise(() => page.evaluate(() => document.documentElement.scrollWidth))
      assert.strictEqual(width, 390)
      for (const name of ["Publish", "Kill a share …", "Open a result …"]) {
        const box = yield* Effect.promise(() => button(page, name).boundingBox())
        assert.isTrue(box !== null && box.x >= 0 && box.x + box.width <= 390, `${name}: ${JSON.stringify(box)}`)
        assert.isAtLeast(box?.height ?? 0, 36)
      }
      yield* shoot("11-phone")
      yield* Effect.promise(() => page.locator(".tiles").scrollIntoViewIfNeeded())
      yield* shoot("12-phone-overview")
      assert.deepStrictEqual(complaints, [])
    })
  )

  it.effect("lets one who has not the whole address look, and not act", () =>
    Effect.gen(function* () {
      const { url } = yield* Watched
      const { complaints, page } = yield* visit(url.replace(/#.*$/, ""))
      yield* until("the graph", drawn(page), (seen) => seen.nodes === nodes + 3)
      assert.isTrue(yield* Effect.promise(() => button(page, "Publish").isDisabled()))
      yield* Effect.promise(() => page.keyboard.press("b"))
      yield* until(
        "why not",
        async () => page.getByRole("alert").textContent(),
        (text) => (text ?? "").includes("token")
      )
      assert.deepStrictEqual(complaints, [])
    })
  )

  it.effect("has complained of nothing on its console", () =>
    Effect.gen(function* () {
      const { complaints } = yield* Watched
      assert.deepStrictEqual(complaints, [])
    })
  )
})
