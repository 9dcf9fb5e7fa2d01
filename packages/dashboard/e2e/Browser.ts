/**
 * A real browser on the page: Debian's Chromium, headless, through `playwright-core`. `CHROMIUM` overrides its path. What it
 * says on its console is kept, because a page that complains is broken; screenshots go to `e2e/shots`, outside of git.
 */
import { Data, Effect, Schedule } from "effect"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { type BrowserContextOptions, chromium, type Page } from "playwright-core"

/** What a run needs is not there, or did not come up. */
export class CannotRun extends Data.TaggedError("CannotRun")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

const shots = join(import.meta.dirname, "shots")

/** Its own drawing by software, the same on every machine. */
const args = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

export const browser = Effect.acquireRelease(
  Effect.gen(function* () {
    if (!existsSync(executablePath)) {
      const detail = `no browser at ${executablePath}: install Debian's package chromium, or name another one in CHROMIUM`
      return yield* new CannotRun({ detail })
    }
    mkdirSync(shots, { recursive: true })
    return yield* Effect.tryPromise({
      try: () => chromium.launch({ executablePath, args }),
      catch: (error) => new CannotRun({ detail: String(error) })
    })
  }),
  (launched) => Effect.promise(() => launched.close())
)

export interface Visit {
  readonly page: Page
  /** Errors and warnings on the page's console, and exceptions that nobody caught. */
  readonly complaints: ReadonlyArray<string>
  readonly shoot: (name: string) => Effect.Effect<void>
}

/** Opens an address in a window of its own. */
export const visit = Effect.fnUntraced(function* (url: string, options: BrowserContextOptions = {}) {
  const launched = yield* browser
  const page = yield* Effect.promise(() => launched.newPage({ viewport: { width: 1_360, height: 860 }, ...options }))
  const complaints: Array<string> = []
  page.on("console", (message) => {
    // The driver's own readback for a screenshot stalls a software GPU, and it says so.
    if (["error", "warning"].includes(message.type()) && !/GPU stall due to ReadPixels/.test(message.text())) {
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`)
    }
  })
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`))
  yield* Effect.promise(() => page.goto(url))
  const shoot = (name: string) =>
    Effect.asVoid(Effect.promise(() => page.screenshot({ path: join(shots, `${name}.png`), timeout: 120_000 })))
  const seen: Visit = { page, complaints, shoot }
  return seen
})

/** Tries until what is seen is what is wanted; then says what was seen instead. */
export const until = <A>(
  what: string,
  look: () => Promise<A>,
  isSo: (seen: A) => boolean,
  within = "60 seconds" as const
) => {
  let last: A | undefined
  return Effect.promise(async () => (last = await look())).pipe(
    Effect.repeat({ until: isSo, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOrElse({
      duration: within,
      orElse: () => Effect.die(new Error(`${what}: not within ${within}; seen last: ${JSON.stringify(last)}`))
    })
  )
}

/** A counter's value on the page. */
export const tile = (page: Page, name: string) => async (): Promise<number> =>
  Number((await page.locator(`[data-tile="${name}"] dd`).textContent())?.replaceAll(",", ""))

/** What the graph says that it draws. */
export const drawn =
  (page: Page) => async (): Promise<{ readonly nodes: number; readonly links: number; readonly coloured: number }> => {
    const canvas = page.locator(".canvas")
    const [nodes, links, coloured] = await Promise.all(
      ["data-nodes", "data-links", "data-coloured"].map((name) => canvas.getAttribute(name))
    )
    return { nodes: Number(nodes), links: Number(links), coloured: Number(coloured) }
  }

/** The pixels of the graph that are in one of these colours, to within what smoothing does to them: colour is really on the screen. */
export const pixelsNear = (page: Page, colours: ReadonlyArray<string>) => async (): Promise<number> => {
  const png = (await page.locator(".graph").screenshot({ timeout: 120_000 })).toString("base64")
  return page.evaluate(
    async ([data, wanted]) => {
      const image = new Image()
      image.src = `data:image/png;base64,${data}`
      await image.decode()
      const canvas = new OffscreenCanvas(image.width, image.height)
      const context = canvas.getContext("2d")
      if (context === null) return 0
      context.drawImage(image, 0, 0)
      const { data: pixels } = context.getImageData(0, 0, image.width, image.height)
      const targets = wanted.map((hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)))
      let count = 0
      for (let at = 0; at < pixels.length; at += 4) {
        const isNear = targets.some(([r = 0, g = 0, b = 0]) => {
          const distance =
            Math.abs((pixels[at] ?? 0) - r) + Math.abs((pixels[at + 1] ?? 0) - g) + Math.abs((pixels[at + 2] ?? 0) - b)
          return distance < 36
        })
        if (isNear) count++
      }
      return count
    },
    [png, colours] as const
  )
}
