/**
 * Turns results into something to look at: one self-contained HTML page, light and dark, readable on a phone, with the
 * table behind each plot and the command that made it; and the plots as SVG files. Values only: whoever asks writes them.
 *
 * Plots are drawn by Apache ECharts, which renders SVG without a DOM and has no install script.
 *
 * @since 0.1.0
 */
import { latencyName } from "./experiments/Options.ts"
import { draw, drawChord } from "./report/Chart.ts"
import { latencyIn } from "./report/detection.ts"
import { type Figure, mostListed, number, ofSeeds, percent, type Table } from "./report/Figure.ts"
import { costTable, figuresOf } from "./report/figures.ts"
import { isPaperSize, nodesOfPaper } from "./report/paperSize.ts"
import { pageStyle, standalone } from "./report/style.ts"
import { type Result, type Results, runsOf } from "./Result.ts"

/**
 * What a report is told besides its results.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReportOptions {
  /** The command that made the results, to be printed as it is. */
  readonly command: string
  /** A graph to be drawn on a circle, the first run's, as lines `from,to`. A large one is drawn in part. */
  readonly edges?: Iterable<string> | undefined
}

/**
 * A page, and files to stand beside it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly html: string
  readonly files: ReadonlyArray<{ readonly name: string; readonly content: string }>
}

/** The two drawings of a plot: for a wide column, and for a phone. */
const wide = { width: 720, height: 380 } as const
const narrow = { width: 340, height: 300 } as const

/**
 * Makes a report.
 *
 * @category constructors
 * @since 0.1.0
 */
export const report = (results: Result | Results, options: ReportOptions): Report => {
  const runs = runsOf(results)
  const costs = "runs" in results ? (results.costs ?? []) : []
  const figures = [...figuresOf(results.experiment, runs), ...(costs.length === 0 ? [] : [costTable(costs)])]
  const chord = options.edges === undefined ? undefined : chordOf(options.edges)
  const files = figures.flatMap(({ chart, id }) =>
    chart === undefined ? [] : [{ name: `${id}.svg`, content: standalone(draw(chart, wide.width, wide.height)) }]
  )
  if (chord !== undefined) files.push({ name: "graph.svg", content: standalone(chord.svg) })
  const html = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escape(titleOf(results.experiment))}</title><style>${pageStyle}</style></head><body><main>`,
    heading(results.experiment, runs, figures),
    `<pre><code>${escape(options.command)}</code></pre>`,
    facts(runs),
    ...figures.map(sectionOf),
    ...(chord === undefined ? [] : [chordSection(chord, runs[0])]),
    "</main></body></html>\n"
  ].join("\n")
  return { html, files }
}

const titles: Readonly<Record<string, string>> = {
  stable: "A stable overlay",
  failures: "Massive failures",
  churn: "Churn",
  partition: "A partition and its heal",
  plumtree: "Broadcasts along a tree",
  thicket: "Broadcasts along several trees",
  hashicorp: "HashiCorp’s scenario",
  paper: "The two papers, figure by figure"
}

const titleOf = (experiment: string): string => titles[experiment] ?? experiment

const heading = (experiment: string, runs: ReadonlyArray<Result>, figures: ReadonlyArray<Figure>): string => {
  const [first] = runs
  const seeds = [...new Set(runs.map(({ seed }) => seed))]
  const latency = first === undefined ? undefined : latencyIn(first.config)
  const hasThinLines = figures.some(
    ({ chart }) => chart?.kind === "lines" && chart.series.some(({ dots, role }) => role === "seed" && dots !== true)
  )
  const interrupted = first === undefined || runs.some(({ complete }) => !complete)
  return [
    `<h1>${escape(titleOf(experiment))}</h1>`,
    `<p class="lead">HyParView for Effect, simulated: ${number(first?.nodes)} nodes, `,
    `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}, ${latency === undefined ? "" : escape(latencyName(latency))} latency.`,
    hasThinLines ? " A thin line is one seed, a thick one their mean." : "",
    seeds.length > mostListed ? " ±: the standard deviation of the seeds.</p>" : "</p>",
    experiment === "paper" && first !== undefined && !isPaperSize(first)
      ? `<p class="warning">The papers’ values are of ${number(nodesOfPaper)} nodes, these runs of ${number(first.nodes)}. Shares and ratios can be held against each other; hops, paths, clustering and cycles cannot.</p>`
      : "",
    interrupted ? '<p class="warning">Interrupted: these are the results up to that moment.</p>' : ""
  ].join("")
}

/** The few numbers to read first. */
const facts = (runs: ReadonlyArray<Result>): string => {
  const stable = runs.filter(({ experiment }) => experiment === "stable")
  const shown = stable.length > 0 ? stable : runs
  const [first] = shown
  if (first === undefined) return ""
  const each = (of: (overlay: Result["overlay"]) => number, format: (value: number) => string = number) =>
    ofSeeds(
      shown.map(({ overlay }) => of(overlay)),
      format
    )
  const full = Math.max(...shown.flatMap(({ overlay }) => Object.keys(overlay.inDegree).map(Number)), 0)
  const items: ReadonlyArray<readonly [string, string, string]> = [
    ["alive", each(({ alive }) => alive), `of ${number(first.nodes)}`],
    ["components", each(({ components }) => components), `largest ${each(({ largestComponent }) => largestComponent)}`],
    ["one-sided links", each(({ asymmetricLinks }) => asymmetricLinks), ""],
    [
      `nodes at degree ${full}`,
      each(
        ({ alive, inDegree }) => (inDegree[full] ?? 0) / Math.max(1, alive),
        (share) => percent(share, 2)
      ),
      ""
    ],
    [
      "average path, hops",
      each(({ averageShortestPath }) => averageShortestPath),
      isPaperSize(first) ? "paper 6.385" : ""
    ],
    [
      "clustering",
      each(
        ({ clustering }) => clustering,
        (value) => number(value, 2)
      ),
      isPaperSize(first) ? "paper 0.00092" : ""
    ]
  ]
  const cells = items.map(
    ([name, value, note]) =>
      `<div><dt>${escape(name)}</dt><dd>${escape(value)}${note === "" ? "" : `<small>${escape(note)}</small>`}</dd></div>`
  )
  return `<dl class="facts">${cells.join("")}</dl>`
}

const sectionOf = ({ chart, more, note, table, title }: Figure): string => {
  const head = `<h2>${escape(title)}</h2><p class="note">${escape(note)}</p>`
  if (chart === undefined) return `<section class="figure">${head}${tableHtml(table)}</section>`
  return [
    `<figure>${head}`,
    `<div class="wide" role="img" aria-label="${escape(title)}">${draw(chart, wide.width, wide.height)}</div>`,
    `<div class="narrow" role="img" aria-label="${escape(title)}">${draw(chart, narrow.width, narrow.height)}</div>`,
    `<details><summary>The numbers</summary>${tableHtml(table)}${more === undefined ? "" : tableHtml(more, more.caption)}</details></figure>`
  ].join("")
}

const tableHtml = ({ columns, rows }: Table, caption?: string): string => {
  const row = (cells: ReadonlyArray<string>, tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`
  return `<div class="scroll"><table>${caption === undefined ? "" : `<caption>${escape(caption)}</caption>`}<thead>${row(columns, "th")}</thead><tbody>${rows.map((cells) => row(cells, "td")).join("")}</tbody></table></div>`
}

interface Chord {
  readonly svg: string
  readonly nodes: number
  readonly drawn: number
  /** Whom each node that is drawn has a link with, of those drawn. */
  readonly table: Table
}

/** More nodes than this become a grey disc: only the links among the lowest are drawn. */
const drawnNodes = 1_000

const chordOf = (edges: Iterable<string>): Chord => {
  const neighbours = new Map<number, Set<number>>()
  const join = (node: number, other: number) =>
    neighbours.set(node, (neighbours.get(node) ?? new Set<number>()).add(other))
  let greatest = -1
  for (const piece of edges) {
    for (const line of piece.split("\n")) {
      const [from = Number.NaN, to = Number.NaN] = line.split(",").map(Number)
      if (!Number.isInteger(from) || !Number.isInteger(to)) continue
      greatest = Math.max(greatest, from, to)
      if (from >= drawnNodes || to >= drawnNodes || from === to) continue
      // A link that one end alone holds is drawn as well.
      join(from, to)
      join(to, from)
    }
  }
  const drawn = Math.min(drawnNodes, greatest + 1)
  const nodes = [...neighbours].sort(([a], [b]) => a - b)
  const links = nodes.flatMap(([node, others]) =>
    [...others].filter((other) => node < other).map((other) => [node, other] as const)
  )
  const table = {
    columns: ["node", "linked with"],
    rows: nodes.map(([node, others]) => [String(node), [...others].sort((a, b) => a - b).join(", ")])
  }
  return { svg: drawChord(drawn, links, 520), nodes: greatest + 1, drawn, table }
}

const chordSection = ({ drawn, nodes, svg, table }: Chord, run: Result | undefined): string =>
  [
    `<figure><h2>The active graph</h2><p class="note">Seed ${run?.seed ?? "–"}: nodes on a circle in the order of their joins, a line for each link`,
    drawn < nodes ? `; of ${number(nodes)} nodes the links among the first ${number(drawn)}.` : ".",
    `</p><div class="chord" role="img" aria-label="The active graph">${svg}</div>`,
    `<details><summary>The numbers</summary>${tableHtml(table)}</details></figure>`
  ].join("")

const escape = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;")
