/**
 * The benchmarks by name. A module is loaded when it is run, so that one does not disturb another.
 */
import type { Row } from "./row.ts"

interface Benchmark {
  readonly about: string
  /** `full`: more repetitions. */
  readonly run: (full: boolean) => Promise<ReadonlyArray<Row>>
}

const core: Benchmark = {
  about: "what a step of the pure core costs",
  run: async (full) => {
    const { coreBench } = await import("../core.ts")
    return coreBench(full ? 9 : 3)
  }
}

const codec: Benchmark = {
  about: "a message to bytes and back, beside JSON and a Schema's binary codec",
  run: async (full) => {
    const { codecBench } = await import("../codec.ts")
    return codecBench(full ? 101 : 31)
  }
}

const transport: Benchmark = {
  about: "frames over one link, TCP and mutual TLS, beside a raw node:net and node:tls socket",
  run: async (full) => {
    const { transportBench } = await import("../transport.ts")
    return transportBench(full ? 11 : 5)
  }
}

const clock: Benchmark = {
  about: "a wake of the virtual clock, beside Effect's TestClock",
  run: async (full) => {
    const { virtualClockBench } = await import("../virtual-clock.ts")
    return virtualClockBench(full ? 7 : 3)
  }
}

const cluster: Benchmark = {
  about: "clusters of real nodes on virtual time: joins and two minutes, or (--full) an hour",
  run: async (full) => {
    const { virtualClusterBench } = await import("../virtual-cluster.ts")
    return full ? virtualClusterBench(3, "1 hour") : virtualClusterBench(1, "2 minutes")
  }
}

const relay: Benchmark = {
  about: "messages from one neighbour on to four others, beside a raw node:net relay",
  run: async (full) => {
    const { relayBench } = await import("../relay.ts")
    return relayBench(full ? 5 : 3)
  }
}

const broadcast: Benchmark = {
  about: "messages to all of 10, 50 and 100 nodes over TCP, beside js-libp2p's gossipsub",
  run: async (full) => {
    const { broadcastBench } = await import("../broadcast.ts")
    return full ? broadcastBench(5, Infinity) : broadcastBench(3, 1_380)
  }
}

export const catalog: ReadonlyMap<string, Benchmark> = new Map(
  Object.entries({ core, codec, transport, relay, broadcast, clock, cluster })
)
