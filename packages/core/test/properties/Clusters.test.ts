/**
 * Clusters of 2 to 60 nodes under random schedules (`Cluster.ts`): through any mixture of joins, lost links, kills, restarts
 * and departures every step keeps the invariants, and in calm the overlay becomes whole and quiet.
 *
 * `CLUSTER_SEEDS=1000` runs more of them, `CLUSTER_FIRST=5000` others, `CLUSTER_SEED=17` one alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cluster, type Report } from "./Cluster.ts"

const only = process.env["CLUSTER_SEED"]
const first = Number(process.env["CLUSTER_FIRST"] ?? 0)
const count = Number(process.env["CLUSTER_SEEDS"] ?? 250)
const seeds = only === undefined ? Array.from({ length: count }, (_, index) => first + index) : [Number(only)]

const replay = (seed: number): string =>
  `CLUSTER_SEED=${seed} npm test -- --project core packages/core/test/properties/Clusters.test.ts`

const atShare = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN

describe("clusters under random schedules", () => {
  it(`are whole in calm, with ${seeds.length} seeds`, { timeout: 3_600_000 }, () => {
    const reports: Array<Report> = []
    const faults = new Map<string, number>()
    for (const seed of seeds) {
      const report = new Cluster(seed).run()
      reports.push(report)
      for (const [name, times] of Object.entries(report.faults)) faults.set(name, (faults.get(name) ?? 0) + times)
      if (report.wrong.length > 0) {
        assert.fail(`seed ${seed}: ${report.wrong.join("; ")}\n${JSON.stringify(report)}\nreplay: ${replay(seed)}`)
      }
    }
    const wholeAfter = reports.map(({ wholeAfterMillis }) => wholeAfterMillis / 1_000)
    const shares = reports.map(({ messagesPerNodeMinute, mostMessages }) => messagesPerNodeMinute / mostMessages)
    console.log(
      `${seeds.length} clusters; faults: ${[...faults].map(([name, times]) => `${name} ${times}`).join(", ")}; ` +
        `whole after ${atShare(wholeAfter, 0.5).toFixed(0)} s (median), ${atShare(wholeAfter, 0.95).toFixed(0)} s (95 %), ` +
        `${atShare(wholeAfter, 1).toFixed(0)} s (all); messages in calm: ${atShare(shares, 0.5).toFixed(2)} of the ` +
        `bound (median), ${atShare(shares, 1).toFixed(2)} (most)`
    )
    if (only !== undefined) return
    assert.isAtMost(atShare(wholeAfter, 0.95), 300)
    // Each fault happened, again and again.
    for (const name of ["Start", "Break", "Crash", "Leave", "ClockBack", "Lose", "Repeat"]) {
      assert.isAbove(faults.get(name) ?? 0, seeds.length, name)
    }
  })

  it("are found broken where no answer to a request arrives", () => {
    const cluster = new Cluster(1)
    const give = cluster.world.give.bind(cluster.world)
    cluster.world.give = (node, input) => {
      if (input._tag !== "Received" || input.message._tag !== "NeighborReply") give(node, input)
    }
    assert.match(cluster.run().wrong.join("; "), /links held by one end only|fewer than \d neighbours|components/)
  })
})
