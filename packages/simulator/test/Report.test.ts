import * as Experiment from "@hyparview/simulator/Experiment"
import { report } from "@hyparview/simulator/Report"
import { type Results, runsOf } from "@hyparview/simulator/Result"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const measured = { cpuSeconds: 1, wallSeconds: 1, peakRssBytes: 1_000_000 }
const command = 'npm run simulate -- stable --json "a<b>.json"'

const finished = (name: Experiment.Name, options: Partial<Experiment.Options>): Experiment.Run => {
  const run = Result.getOrThrow(Experiment.start(name, options))
  while (run.advance());
  return run
}

/** Every element that is opened is closed, in order: enough to catch broken markup. */
const assertBalanced = (markup: string) => {
  const open: Array<string> = []
  for (const [, slash, name = "", rest = ""] of markup.matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:[^>"]|"[^"]*")*)>/g)) {
    if (/^(?:meta|br|hr|img|link|input)$/.test(name) || rest.endsWith("/")) continue
    if (slash === "") open.push(name)
    else assert.strictEqual(open.pop(), name)
  }
  assert.isEmpty(open)
}

const small = { nodes: 60, cycles: 2, messages: 3, healCycles: 3, gossips: 5 }

describe("a report", () => {
  it("is one page that needs nothing else, with the command, and a table behind each plot", () => {
    for (const name of ["stable", "failures", "churn", "partition", "hashicorp"] as const) {
      const run = finished(name, small)
      const { files, html } = report(run.result(measured), { command, edges: run.edges("active") })
      assertBalanced(html)
      assert.include(html, "a&lt;b&gt;.json")
      assert.notMatch(html, /(?:src|href)=|@import|url\(|<script/)
      assert.include(html, "prefers-color-scheme:dark")
      const plots = html.match(/<figure>/g)?.length ?? 0
      assert.isAbove(plots, 3)
      // The picture of the graph has no numbers behind it but its edges.
      assert.strictEqual(html.match(/<details>/g)?.length, plots - 1)
      assert.strictEqual(files.length, plots)
      for (const { content, name } of files) {
        assert.match(name, /^[a-z0-9-]+\.svg$/)
        assert.match(content, /^<svg width="\d+" height="\d+" xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox=/)
        assertBalanced(content)
      }
      assert.notInclude(html, "NaN")
      assert.notInclude(html, "undefined")
    }
  })

  it("draws the paper's curves beside ours, of several seeds", { timeout: 60_000 }, () => {
    const runs = [1, 2].flatMap((seed) => {
      const results = finished("paper", { ...small, seed }).result(measured)
      return "runs" in results ? results.runs : []
    })
    const results: Results = { experiment: "paper", runs }
    const { files, html } = report(results, { command })
    assertBalanced(html)
    assert.deepStrictEqual(
      files.map(({ name }) => name),
      [
        "figure-5.svg",
        "figure-2.svg",
        ...[20, 40, 60, 70, 80, 95].map((level) => `figure-3-${level}.svg`),
        "figure-4.svg",
        "first-messages.svg",
        "plumtree-redundancy.svg",
        "plumtree-figure-2b.svg",
        ...[40, 60, 80].map((level) => `plumtree-figure-5-${level}.svg`),
        "plumtree-figure-6a.svg"
      ]
    )
    assert.include(html, "seeds 1, 2")
    assert.include(html, "HyParView, paper")
    assert.include(html, "6.38542")
    assert.notInclude(html, "NaN")
  })

  it(
    "says of each first message after a kill whether it was over when broken links were told of",
    { timeout: 60_000 },
    () => {
      const of = (name: "failures" | "paper", options: Partial<Experiment.Options>) => {
        const run = finished(name, { ...small, nodes: 200, healCycles: 0, part: "hyparview", ...options })
        const { html } = report(run.result(measured), { command })
        return html.match(/<p class="note">[^<]*Both ends of a broken link[^<]*/g) ?? []
      }
      const slow = of("paper", { detectionMillis: 500 })
      // Fig. 2, six times Fig. 3, and the first messages.
      assert.strictEqual(slow.length, 8)
      for (const note of slow) {
        assert.match(
          note,
          /told 500 ms after it broke\. (?:All \d+|The) first messages? had (?:its|their) last delivery before/
        )
      }
      // A flood of 65 hops, as one has had at 10,000 nodes.
      const result = finished("failures", { ...small, kill: 0.3 }).result(measured)
      const long = runsOf(result).map((run) => ({
        ...run,
        broadcasts: run.broadcasts.map((broadcast) => ({ ...broadcast, hops: 65 }))
      }))
      const { html } = report({ experiment: "failures", runs: long }, { command })
      assert.include(html, "under way then, and could meet mended links: seed 1 (65 hops, 650 ms)")
      const quick = of("paper", { detectionMillis: 1 })
      assert.match(
        quick[0] ?? "",
        /told 1 ms after it broke\. (?:All|\d of) 10 first messages were still under way then/
      )
      assert.match(quick[0] ?? "", /10 %, seed 1 \(\d hops, \d0 ms\)/)
      assert.match(
        quick.at(-1) ?? "",
        /\d+ first messages were still under way then.*10 %, seed 1 \(30 of them, up to \d hops/
      )
      // Where hops take different times, the time itself is known.
      const [uniform] = of("failures", { detectionMillis: 1, latency: "uniform", kill: 0.2 })
      assert.match(uniform ?? "", /The first message was still under way then.*seed 1 \(\d+ hops, \d+ ms\)/)
      for (const note of [...slow, ...quick]) assert.notMatch(note, /died down|NaN|undefined/)
    }
  )

  it("of an interrupted run says so", () => {
    const run = Result.getOrThrow(Experiment.start("stable", { nodes: 500 }))
    run.advance()
    assert.include(report(run.result(measured), { command }).html, "Interrupted")
  })
})
