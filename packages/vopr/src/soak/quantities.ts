/**
 * What a soak measures, and how much of it may grow. Everything is of the whole cluster: memory, handles and fibers are
 * summed over the processes, sizes are a node's mean over those that run.
 */
import type { Supervisor } from "@hyparview/cluster"
import type * as Control from "@hyparview/cluster/Control"
import { type Finding, findingOf, type Slope, slopeOf } from "../Slope.ts"

/** By name. */
export type Values = Readonly<Record<string, number>>

export interface SoakSample {
  readonly atMillis: number
  readonly values: Values
}

/**
 * The share of its mean by which a quantity may grow in an hour and be called flat. A leak of a kilobyte for each of the
 * 1,800 nodes that an hour's churn kills would be 2 MB, a hundredth of the heap of a hundred nodes; noise that is left after
 * the collection is about as much.
 */
export const flatShare = 0.05

/**
 * What a quantity may grow by in an hour whatever its mean, since five hundredths of next to nothing is less than chance
 * alone brings: a handle or fiber for every twenty nodes, half an entry in a node's table, a kilobyte in a node's buffers.
 */
const floorOf = (name: string, nodes: number): number => {
  if (name.startsWith("memory.")) return 0
  if (name.startsWith("handles.") || name === "fibers") return nodes / 20
  return name.endsWith("Bytes") ? 1_024 : 0.5
}

/** Kinds of handles that are requests under way, and gone in a moment. */
const requests: ReadonlySet<string> = new Set([
  "ConnectWrap",
  "GetAddrInfoReqWrap",
  "Immediate",
  "SimpleShutdownWrap",
  "ShutdownWrap",
  "SimpleWriteWrap",
  "WriteWrap"
])

/** What nothing bounds but that nobody forgets to let go of it. */
export const mustBeFlat = (name: string): boolean =>
  name.startsWith("memory.") || name === "fibers" || (name.startsWith("handles.") && name !== "handles.requests")

export const valuesOf = (
  usages: ReadonlyArray<Supervisor.ProcessUsage>,
  sizes: ReadonlyArray<Control.NodeSizes>,
  views: ReadonlyArray<Control.NodeView>
): Values => {
  const values: Record<string, number> = {}
  const add = (name: string, by: number): void => {
    values[name] = (values[name] ?? 0) + by
  }
  for (const { usage } of usages) {
    add("memory.resident", usage.residentBytes)
    add("memory.heap", usage.heapBytes)
    add("memory.external", usage.externalBytes)
    add("fibers", usage.fibers)
    for (const [kind, count] of Object.entries(usage.handles)) {
      add(requests.has(kind) ? "handles.requests" : `handles.${kind}`, count)
    }
  }
  for (const each of sizes) for (const { name, size } of each.sizes) add(name, size / sizes.length)
  for (const { links, outboxBytes } of views) {
    add("links", links / views.length)
    add("outboxBytes", outboxBytes / views.length)
  }
  return values
}

/** Whatever is beyond its bound, in sentences. */
export const beyondBounds = (sizes: ReadonlyArray<Control.NodeSizes>): ReadonlyArray<string> =>
  sizes.flatMap(({ node, sizes }) =>
    sizes.flatMap(({ bound, name, size }) =>
      size > bound ? [`${name} of ${node} holds ${size}, its bound is ${bound}`] : []
    )
  )

export interface Judged {
  readonly name: string
  readonly slope: Slope
  /** What it may grow by in an hour. */
  readonly bound: number
  readonly finding: Finding
}

/** Every quantity that was ever measured. One that a sample lacks was 0 then: no such handle was open. */
export const judge = (samples: ReadonlyArray<SoakSample>, nodes: number): ReadonlyArray<Judged> => {
  const names = new Set(samples.flatMap(({ values }) => Object.keys(values)))
  return [...names].sort().flatMap((name) => {
    const slope = slopeOf(samples.map(({ atMillis, values }) => ({ atMillis, value: values[name] ?? 0 })))
    if (slope === undefined) return []
    const bound = Math.max(flatShare * slope.mean, floorOf(name, nodes))
    return [{ name, slope, bound, finding: findingOf(slope, bound) }]
  })
}
