import * as Experiment from "@hyparview/simulator/Experiment"
import { report } from "@hyparview/simulator/Report"
import { type Chart, draw } from "@hyparview/simulator/report/Chart"
import { type Table, tableOf, thinned } from "@hyparview/simulator/report/Figure"
import { figuresOf } from "@hyparview/simulator/report/figures"
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

/** The words of a drawing and how far each reaches, in a wide font: names in bold, names and all else, numbers above bars. */
const wordsIn = (chart: Chart, width: number) =>
  Array.from(draw(chart, width, 300).matchAll(/<text([^>]*)>([^<]+)</g), ([, attributes = "", words = ""]) => {
    const [from, by] = [/translate\((-?[\d.]+)/, / x="(-?[\d.]+)/].map((where) =>
      Number(where.exec(attributes)?.[1] ?? 0)
    )
    const x = (from ?? 0) + (by ?? 0)
    const isName = attributes.includes('text-anchor="start"')
    const length = words.length * (attributes.includes("bold") ? 8 : isName ? 7.2 : 6)
    const anchor = /text-anchor="(\w+)"/.exec(attributes)?.[1] ?? "start"
    const left = anchor === "middle" ? x - length / 2 : anchor === "end" ? x - length : x
    return { words, left, right: left + length, isAboveBar: attributes.includes("font-size:11px") }
  })

/** The words of a drawing for a phone lie inside of it. */
const assertFits = (chart: Chart, title: string) => {
  const width = 340
  for (const { left, right, words } of wordsIn(chart, width)) {
    assert.isAtLeast(left, -1, `${title}: ${words}`)
    assert.isAtMost(right, width, `${title}: ${words}`)
  }
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
      assert.strictEqual(html.match(/<details>/g)?.length, plots)
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

  it("has every value that it plots in the table behind the plot", { timeout: 60_000 }, () => {
    const cell = (text: string) => Number.parseFloat(text.replaceAll(",", ""))
    const has = ({ rows }: Table, x: number | undefined, y: number, tolerance: number) =>
      rows.some(
        (cells) =>
          (x === undefined || cell(cells[0] ?? "") === x) &&
          cells.slice(1).some((each) => Math.abs(cell(each) - y) <= tolerance)
      )
    const experiments = [
      ["paper", { ...small, nodes: 100, messages: 70, healCycles: 1 }],
      ["failures", { ...small, messages: 80, againMessages: 2 }],
      ["plumtree", { ...small, kill: 0.3 }],
      ["churn", small],
      ["partition", small],
      ["thicket", small],
      ["hashicorp", small]
    ] as const
    for (const [name, options] of experiments) {
      const runs = [1, 2].flatMap((seed) => runsOf(finished(name, { ...options, seed }).result(measured)))
      for (const { chart, id, more, table } of figuresOf(name, runs)) {
        if (chart !== undefined) {
          assertFits(chart, `${name}, ${id}`)
          const label = `${chart.x.label} (one in 100 is shown)`
          if (name !== "paper") assertFits({ ...chart, x: { ...chart.x, label } }, `${name}, ${id}, thinned`)
        }
        for (const { name: series, points } of chart?.series ?? []) {
          for (const [x, y] of points) {
            // Cells are rounded.
            const found = has(table, x, y, 0.006) || has(more ?? table, undefined, y, 0.0006)
            assert.isTrue(found, `${name}, ${id}: ${series} has ${y} at ${x}`)
          }
        }
      }
    }
  })

  it("averages what a heal costs look by look, though not all seeds look at the same instants", () => {
    const runs = [1, 5, 6].flatMap((seed) => runsOf(finished("partition", { ...small, seed }).result(measured)))
    const looks = runs.map(({ partition }) => partition?.control ?? [])
    assert.notStrictEqual(looks[0]?.at(-1)?.seconds, looks[1]?.at(-1)?.seconds)
    const chart = figuresOf("partition", runs).find(({ id }) => id === "control-after-heal")?.chart
    const [ours, ...seeds] = chart?.series ?? []
    assert.deepStrictEqual([ours?.name, seeds.length], ["ours, mean", 3])
    assert.strictEqual(ours?.points.length, looks[0]?.length)
    for (const [look, [x, y]] of (ours?.points ?? []).entries()) {
      const each = seeds.map(({ points }) => points[look] ?? [NaN, NaN])
      for (const [seconds] of each) assert.strictEqual(seconds, x)
      assert.approximately(y, each.reduce((sum, [, value]) => sum + value, 0) / 3, 1e-9)
    }
    // What stands beside the mean is a mean too, not the first seed's.
    const beside = figuresOf("partition", runs).find(({ id }) => id === "cross-links")?.chart?.series ?? []
    for (const [name, field] of [
      ["a few links, and nobody looks for more", "crossLinksUnhealed"],
      ["in a random graph", "crossLinksOfRandomGraph"]
    ] as const) {
      const [cycle = NaN, links] = beside.find((series) => series.name === name)?.points.at(-1) ?? []
      const each = runs.map(({ samples = [] }) => samples.find((sample) => sample.cycle === cycle)?.[field] ?? NaN)
      assert.approximately(links ?? NaN, each.reduce((sum, value) => sum + value, 0) / 3, 1e-9)
    }
  })

  it("says how many of the messages after a kill it shows, where that is not all", () => {
    const [run] = runsOf(finished("failures", { ...small, nodes: 20 }).result(measured))
    if (run === undefined) throw new Error("no run")
    const noteOf = (count: number) => {
      const broadcasts = Array.from({ length: count }, () => ({
        reliability: 1,
        rmr: 0,
        hops: 1,
        payload: 1,
        control: 0
      }))
      return figuresOf("failures", [{ ...run, broadcasts }])[0]?.note
    }
    assert.notInclude(noteOf(201), "are shown")
    assert.include(noteOf(202), "Mean over all messages: 100 %. The first 201 are shown.")
  })

  it("thins plot and table alike where there are too many points, and says so", () => {
    const points = Array.from({ length: 2_500 }, (_, x) => [x, x * x] as const)
    const chart = thinned({
      kind: "lines",
      x: { label: "cycle" },
      y: { label: "" },
      series: [{ name: "", role: "ours", points }]
    })
    assert.strictEqual(chart.x.label, "cycle (one in 3 is shown)")
    const shown = chart.series[0]?.points ?? []
    assert.strictEqual(shown.length, 834)
    assert.deepStrictEqual(shown.at(-1), [2_499, 2_499 ** 2])
    assert.strictEqual(tableOf(chart).rows.length, shown.length)
  })

  it("tells other protocols apart without colour, and their names do not overlap", () => {
    const run = finished("paper", { ...small, messages: 70, healCycles: 0, part: "hyparview" })
    const { files } = report(run.result(measured), { command })
    for (const name of ["figure-2.svg", "figure-3-80.svg"]) {
      const content = files.find((file) => file.name === name)?.content ?? ""
      const dashes = [...content.matchAll(/stroke="(var\(--other-\d\))"[^>]*stroke-dasharray="([^"]*)"/g)]
      // Each curve, and the piece of it in front of its name.
      assert.strictEqual(dashes.length, 6)
      assert.strictEqual(new Set(dashes.map(([, colour]) => colour)).size, 3)
      assert.strictEqual(new Set(dashes.map(([, , dash]) => dash)).size, 3)
      const places = ["ours", "paper", "CyclonAcked", "Cyclon", "Scamp"].map((label) => {
        const [, y = "NaN"] = new RegExp(`translate\\([\\d.]+ ([\\d.]+)\\)"[^>]*>${label}<`).exec(content) ?? []
        return Number(y)
      })
      places.sort((a, b) => a - b)
      for (const [index, y] of places.slice(1).entries()) assert.isAtLeast(y - (places[index] ?? NaN), 14)
    }
  })

  it("has the numbers above two bars of one degree apart from each other", () => {
    const series = [
      {
        name: "ours",
        role: "ours",
        points: [
          [4, 20],
          [5, 10_000]
        ]
      },
      {
        name: "paper",
        role: "paper",
        points: [
          [4, 11],
          [5, 9_980]
        ]
      }
    ] as const
    const chart = { kind: "bars", x: { label: "in-degree" }, y: { label: "nodes", min: 0 }, series } as const
    for (const width of [340, 720]) {
      const numbers = wordsIn(chart, width).filter(({ isAboveBar }) => isAboveBar)
      assert.sameMembers(
        numbers.map(({ words }) => words),
        ["20", "11", "10,000", "9,980"]
      )
      numbers.sort((a, b) => a.left - b.left)
      for (const [index, { left }] of numbers.slice(1).entries()) assert.isAtLeast(left, numbers[index]?.right ?? NaN)
    }
  })

  it("says wherever it shows the paper's values that they are of another number of nodes", { timeout: 60_000 }, () => {
    const runs = runsOf(finished("paper", { ...small, nodes: 200, healCycles: 1 }).result(measured))
    const figures = figuresOf("paper", runs)
    for (const { id, note, table } of figures) {
      if (table.columns.some((column) => /paper/.test(column))) {
        assert.match(note, /The paper’s values are of 10,000 nodes, ours of 200: /, id)
      }
    }
    const find = (id: string) => figures.find((figure) => figure.id === id)
    // In-degrees are shares of their own nodes, messages are counted for each other node.
    assert.strictEqual(find("figure-5")?.table.rows.at(-1)?.at(-1), "99.8 %")
    const [, one = []] = find("plumtree-table-1")?.table.rows ?? []
    assert.deepStrictEqual(one.slice(0, 3), ["one sender", "1", "1"])
    assert.isAbove(Number.parseFloat(find("plumtree-batched")?.table.rows[0]?.at(-1) ?? ""), 10)
    assert.strictEqual(find("plumtree-steady-failures")?.title, "Plumtree: 1 node dies in every cycle")
    assert.include(report({ experiment: "paper", runs }, { command }).html, "these runs of 200.")
    const large = runs.map((run) => ({ ...run, nodes: 10_000 }))
    assert.notInclude(report({ experiment: "paper", runs: large }, { command }).html, "values are of 10,000 nodes")
  })

  it("holds first messages against the theory of the degree that they were made with", () => {
    const theoryOf = (activeSize: number) => {
      const options = { ...small, nodes: 40, messages: 1, healCycles: 0, part: "hyparview" } as const
      const run = Result.getOrThrow(Experiment.start("paper", options, { activeSize }))
      while (run.advance());
      const { note, table } =
        figuresOf("paper", runsOf(run.result(measured))).find(({ id }) => id === "first-messages") ?? {}
      assert.include(note, `a random ${activeSize}-regular graph`)
      return table?.rows.map((row) => row[table.columns.indexOf("theory, S")])
    }
    assert.strictEqual(theoryOf(5)?.[4], "95.25 %")
    // u = (1 + u²) / 2 has the root 1 alone: at half of the nodes a random graph of degree 3 falls apart.
    assert.match(theoryOf(3)?.[4] ?? "", /^0\.\d+ %$/)
  })

  it("says what a latency of one's own is, and reckons with it", () => {
    const latency = { _tag: "Constant", micros: 4_000 } as const
    const result = finished("failures", { ...small, latency, messages: 1 }).result(measured)
    const { html } = report(result, { command })
    assert.include(html, "a Constant model's latency")
    const hops = runsOf(result)[0]?.broadcasts[0]?.hops ?? NaN
    assert.include(html, `had its last delivery before any repair began, after ${4 * hops} ms`)
  })

  it("says of which seed the graph is that it draws", () => {
    const [first, second] = [7, 8].map((seed) => finished("stable", { ...small, seed }))
    const runs = [first, second].flatMap((run) => (run === undefined ? [] : runsOf(run.result(measured))))
    const { html } = report({ experiment: "stable", runs }, { command, edges: first?.edges("active") ?? [] })
    assert.include(html, '<h2>The active graph</h2><p class="note">Seed 7: nodes on a circle')
  })

  it("counts no nodes of degree −1", () => {
    const [run] = runsOf(finished("stable", small).result(measured))
    if (run === undefined) throw new Error("no run")
    const { files } = report({ ...run, overlay: { ...run.overlay, passiveOutDegree: { 0: 2, 3: 58 } } }, { command })
    const { content = "" } = files.find(({ name }) => name === "passive-out-degree.svg") ?? {}
    assert.include(content, ">0<")
    assert.notInclude(content, ">-1<")
  })

  it("says how exact the share of pairs without a path is, where it was measured on a sample", () => {
    const [run] = runsOf(finished("stable", small).result(measured))
    if (run === undefined) throw new Error("no run")
    const cellOf = (paths: Partial<typeof run.overlay.paths>) => {
      const overlay = { ...run.overlay, paths: { ...run.overlay.paths, ...paths } }
      const table = figuresOf("stable", [{ ...run, overlay }]).find(({ id }) => id === "overlay")?.table
      return table?.rows.find(([name]) => name === "pairs without a path")?.[1]
    }
    assert.strictEqual(cellOf({}), "0 %")
    assert.strictEqual(cellOf({ unreachableShare: 0.25 }), "25 %")
    const sampled = { exact: false, unreachableShare: 0.25, unreachableStandardError: 0.003 }
    assert.strictEqual(cellOf(sampled), "25 %, standard error 0.3 %")
  })

  it("draws a redundancy below 0, where copies were fetched, inside of the plot, and says what it means", () => {
    const [run] = runsOf(finished("plumtree", { ...small, kill: 0.3 }).result(measured))
    if (run === undefined) throw new Error("no run")
    const figureOf = (rmr: number) => {
      const samples = (run.samples ?? []).map((sample) => ({ ...sample, rmr }))
      return figuresOf("plumtree", [{ ...run, samples }]).find(({ id }) => id === "redundancy-by-cycle")
    }
    assert.strictEqual(figureOf(-0.12)?.chart?.y.min, -0.2)
    assert.include(figureOf(-0.12)?.note, "Below 0: new neighbours fetched copies")
    assert.strictEqual(figureOf(0.12)?.chart?.y.min, 0)
    assert.notInclude(figureOf(0.12)?.note, "Below 0")
  })

  it("has a value for each of a few seeds, equal ones too, and of many the mean and the standard deviation", () => {
    const [run] = runsOf(finished("failures", { ...small, kill: 0.5 }).result(measured))
    if (run === undefined) throw new Error("no run")
    const pageOf = (paths: ReadonlyArray<number>) => {
      const runs = paths.map((averageShortestPath, index) => ({
        ...run,
        seed: index + 1,
        healingCycles: index === 0 ? 7 : 1,
        overlay: { ...run.overlay, averageShortestPath }
      }))
      return report({ experiment: "failures", runs }, { command }).html
    }
    assert.include(pageOf([3, 3]), "<dt>average path, hops</dt><dd>3</dd>")
    assert.include(pageOf([3, 2.5, 3]), "<dd>3, 2.5, 3</dd>")
    const many = pageOf([2, 2, 3, 3, 4, 4])
    assert.include(many, "<dd>3 ± 0.8944</dd>")
    assert.include(many, "±: the standard deviation of the seeds.")
    assert.match(many, /reached as many as before: 7 \(1 seed\), 1 \(5 seeds\)\./)
    assert.include(many, "A thin line is one seed, a thick one their mean.")
    assert.notInclude(pageOf([2]), "A thin line")
  })

  it("of an interrupted run says so", () => {
    const run = Result.getOrThrow(Experiment.start("stable", { nodes: 500 }))
    run.advance()
    assert.include(report(run.result(measured), { command }).html, "Interrupted")
  })
})
