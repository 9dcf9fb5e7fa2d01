/**
 * The benchmarks by name, and how the figures of each become lines of the table. A module is loaded when it is run, so
 * that one does not disturb another.
 */
import type { Row } from "./row.ts"

export interface Benchmark {
  readonly about: string
  /** `full`: more repetitions. */
  readonly run: (full: boolean) => Promise<ReadonlyArray<Row>>
}

const core: Benchmark = {
  about: "what a step of the pure core costs",
  run: async (full) => {
    const { coreBench } = await import("../core.ts")
    return coreBench({ rounds: full ? 9 : 3 })
  }
}

const codec: Benchmark = {
  about: "a message to bytes and back, beside JSON and a Schema's binary codec",
  run: async (full) => {
    const { codecBench } = await import("../codec.ts")
    const rows = codecBench({ rounds: full ? 101 : 31 })
    const nanos = ({ decodeNanos, encodeNanos }: (typeof rows)[number]): number => encodeNanos + decodeNanos
    return rows.map((row) => {
      const line = {
        what: `${row.message}, ${row.codec}, ${row.frameBytes.toFixed(0)} B`,
        median: nanos(row),
        unit: "ns"
      }
      const json = rows.find(({ codec, message }) => codec === "json" && message === row.message)
      if (json === undefined || json === row) return line
      return { ...line, ratio: { to: "JSON", value: nanos(row) / nanos(json) } }
    })
  }
}

const transport: Benchmark = {
  about: "frames over one link, TCP and mutual TLS, beside a raw node:net and node:tls socket",
  run: async (full) => {
    const { transportBench } = await import("../transport.ts")
    const rows = await transportBench({ pairs: full ? 11 : 5 })
    return rows.flatMap(
      ({ batchFrames, carrier, cpuRatio, frameBytes, linkPerSecond, processes, ratio }): Array<Row> => {
        const where = processes === 1 ? "one process" : "two processes"
        const what = `${carrier.toUpperCase()}, ${frameBytes} B, ${batchFrames} a batch, ${where}`
        const to = carrier === "tcp" ? "node:net" : "node:tls"
        const aim = { of: "ratio", bound: "≥", value: 0.85 } as const
        return [
          { what, median: linkPerSecond, unit: "frames/s", ratio: { to, value: ratio }, aim },
          // The other end's work is not in it, so that two processes compare senders only.
          { what: `${what}, by CPU time`, median: cpuRatio, unit: `times ${to}` }
        ]
      }
    )
  }
}

const clock: Benchmark = {
  about: "a wake of the virtual clock, beside Effect's TestClock",
  run: async (full) => {
    const { virtualClockBench } = await import("../virtual-clock.ts")
    return virtualClockBench(full ? { rounds: 7 } : {})
  }
}

const cluster: Benchmark = {
  about: "clusters of real nodes on virtual time: joins and two minutes, or (--full) an hour",
  run: async (full) => {
    const { virtualClusterBench } = await import("../virtual-cluster.ts")
    return virtualClusterBench(full ? { rounds: 3 } : { duration: "2 minutes" })
  }
}

const relay: Benchmark = {
  about: "messages from one neighbour on to four others, beside a raw node:net relay",
  run: async (full) => {
    const { relayBench } = await import("../relay.ts")
    return relayBench({ pairs: full ? 5 : 3 })
  }
}

const broadcast: Benchmark = {
  about: "messages to all of 10, 50 and 100 nodes over TCP, beside js-libp2p's gossipsub",
  run: async (full) => {
    const { broadcastBench } = await import("../broadcast.ts")
    return broadcastBench(full ? { pairs: 5 } : { pairs: 3, seconds: 1_380 })
  }
}

export const catalog: ReadonlyMap<string, Benchmark> = new Map(
  Object.entries({ core, codec, transport, relay, broadcast, clock, cluster })
)
