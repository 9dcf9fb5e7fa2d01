/** A live cluster on a terminal: what is shown, as text. */
import type { Overview } from "@hyparview/cluster"
import { many } from "./table.ts"

export interface Header {
  /** Those that run. */
  readonly nodes: number
  readonly processes: number
  readonly contact: string
  readonly upSeconds: number
}

const barWidth = 40

const bar = (share: number): string => "█".repeat(Math.max(1, Math.round(share * barWidth)))

const clock = (upSeconds: number): string => {
  const whole = Math.floor(upSeconds)
  const two = (value: number): string => String(value).padStart(2, "0")
  return `${two(Math.floor(whole / 3_600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
}

const rate = (perSecond: number | undefined): string =>
  perSecond === undefined
    ? "–"
    : `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString("en")}/s`

const components = ({ alive, components }: Overview.Overview): string =>
  components.count === 0
    ? "none: nobody is alive"
    : components.count === 1
      ? `1, all ${many(alive, "node")} in it`
      : `${components.count}; the largest has ${components.largest} of ${alive}, ${components.isolated} ${components.isolated === 1 ? "is" : "are"} alone`

const links = ({ asymmetric, deadLinks, elsewhere, links, suspects }: Overview.Overview): string => {
  const waiting = suspects.length + deadLinks.length - asymmetric.length
  return [
    many(links, "link"),
    asymmetric.length === 0 ? "all symmetric" : `${asymmetric.length} NOT symmetric`,
    ...(waiting > 0 ? [`${waiting} just changing`] : []),
    ...(elsewhere.length > 0 ? [`${elsewhere.length} to nodes elsewhere`] : [])
  ].join(", ")
}

/** The terminal's size; 0 where it is not known. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** The screen: redrawn in place, so never wider than the terminal, nor higher than its rows but the cursor's. */
export const screen = (header: Header, overview: Overview.Overview, size: Size): ReadonlyArray<string> => {
  const { columns, rows } = size
  const { degrees, fullness, joined, messages, outboxBytes, sentPerSecond } = overview
  const wanted = fullness.degree
  const histogram = [...degrees]
    .sort(([a], [b]) => b - a)
    .map(([degree, count]) => {
      const label = `${String(degree).padStart(3)} ${degree < wanted ? "<" : " "}`
      return `  ${label.padEnd(13)}${bar(count / Math.max(1, overview.alive))} ${count}`
    })
  return [
    `hyparview cluster: ${many(header.nodes, "node")} in ${many(header.processes, "process")}, up ${clock(header.upSeconds)}; contact ${header.contact}; Ctrl-C leaves`,
    "",
    `  components   ${components(overview)}`,
    `  joined       ${joined} of ${header.nodes}`,
    `  links        ${links(overview)}`,
    `  messages     ${rate(sentPerSecond)} sent; ${messages.sent.toLocaleString("en")} in all; ${outboxBytes.toLocaleString("en")} bytes waiting`,
    `  neighbours   (${wanted} wanted)`,
    ...histogram
  ]
    .map((line) => (columns > 0 ? line.slice(0, columns) : line))
    .slice(0, rows > 0 ? rows - 1 : undefined)
}

/** The same in one line, without what changes all the time. */
export const line = (overview: Overview.Overview): string => {
  const histogram = [...overview.degrees].sort(([a], [b]) => b - a).map(([degree, count]) => `${degree}: ${count}`)
  return `components ${components(overview)}; ${links(overview)}; neighbours ${histogram.join(", ")}`
}

/** The end of such a line: what changes all the time. */
export const traffic = ({ messages, sentPerSecond }: Overview.Overview): string =>
  `messages ${rate(sentPerSecond)}, ${messages.sent.toLocaleString("en")} in all`
