/** What a person does to a live cluster, in real processes: kill, add, restart, part, heal, publish, and look. */
import { assert, describe, it } from "@effect/vitest"
import { type Control, Overview, Supervisor } from "@hyparview/cluster"
import { Effect } from "effect"
import { createServer } from "node:net"
import { joinedCluster, pidsOf, until } from "./live.ts"
import { survivors } from "./processes.ts"

/** Real processes on a machine that does other things too. */
const patience = 90_000

/** Looks at the whole cluster again until it is as it should be. */
const untilStatus = (supervisor: Supervisor.Supervisor["Service"], isReached: (status: Supervisor.Status) => boolean) =>
  until(supervisor.status({ passive: false }), isReached)

/** All nodes in one overlay. */
const isOne =
  (nodes: number) =>
  ({ overview }: Supervisor.Status): boolean =>
    overview.joined === nodes && Overview.isWhole(overview)

/** Two parts that hold only each other, all of them with somebody. */
const isParted = (groups: ReadonlyArray<ReadonlyArray<string>>) => (status: Supervisor.Status) =>
  status.views.every(({ active, id }) => {
    const own = groups.find((group) => group.includes(id)) ?? []
    return active.length > 0 && active.every((peer) => own.includes(peer))
  })

const reached = (status: Supervisor.Status) => (status.latest?.deliveries ?? []).map(({ node }) => node).sort()

/** Listens on a port for as long as the scope is open. */
const occupy = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: Effect.Effect<void> }>((resume) => {
      const server = createServer((socket) => socket.destroy())
      const close = Effect.callback<void>((done) => {
        server.close(() => done(Effect.void))
      })
      server.listen(port, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed({ port: typeof address === "object" && address !== null ? address.port : 0, close }))
      })
    }),
    ({ close }) => close
  )

describe("a supervisor's commands", () => {
  it.live(
    "publish from a node, kill some and a share, start them again and more, and show it all",
    () =>
      Effect.gen(function* () {
        let pids: ReadonlyArray<number> = []
        yield* Effect.gen(function* () {
          const supervisor = yield* joinedCluster
          const first = yield* supervisor.status({ passive: false })
          assert.isUndefined(first.latest)
          assert.isUndefined(first.partition)
          pids = yield* pidsOf(supervisor)

          const published = yield* supervisor.publish({ from: "n3", text: "hello" })
          assert.deepStrictEqual([published.from, published.expected], ["n3", ["n1", "n2", "n3", "n4"]])
          const spread = yield* untilStatus(supervisor, (status) => reached(status).length === 4)
          const own = spread.latest?.deliveries.find(({ node }) => node === "n3")
          assert.strictEqual(own?.hops, 0)
          assert.isAtLeast(own?.atMillis ?? 0, published.atMillis)

          const inspected = yield* supervisor.inspect("n4")
          assert.deepStrictEqual(
            inspected.neighbors.map(({ id }) => id),
            inspected.view.active
          )
          assert.strictEqual(inspected.view.passive.length, inspected.view.passiveSize)

          // One node, and then a third of the rest.
          yield* supervisor.takeLinkLosses
          const mourners = (yield* supervisor.inspect("n2")).view.active
          yield* supervisor.kill({ processes: [], nodes: ["n2"] })
          const losses: Array<Control.LinkLoss> = []
          const told = () => new Set(losses.filter(({ neighbor }) => neighbor === "n2").map(({ node }) => node))
          while (!mourners.every((id) => told().has(id))) {
            yield* Effect.sleep("20 millis")
            losses.push(...(yield* supervisor.takeLinkLosses))
          }
          assert.isTrue(losses.every(({ reason }) => reason !== ""))
          assert.strictEqual((yield* Effect.flip(supervisor.inspect("n2"))).message, "n2 does not run")
          const plan = yield* supervisor.killShare({ percent: 34, seed: 1 })
          assert.deepStrictEqual([plan.processes, plan.nodes.length], [[0], 0])
          const few = yield* untilStatus(supervisor, isOne(2))
          assert.deepStrictEqual(
            few.nodes.map(({ isRunning }) => isRunning),
            [false, false, true, true]
          )

          const added = yield* supervisor.add(2)
          assert.deepStrictEqual(
            added.map(({ id, process }) => [id, process]),
            [
              ["n5", 1],
              ["n6", 1]
            ]
          )
          yield* supervisor.restart(["n1", "n2", "n3"])
          const all = yield* untilStatus(supervisor, isOne(6))
          assert.isTrue(all.nodes.every(({ isRunning }) => isRunning))
          pids = [...pids, ...(yield* pidsOf(supervisor))]
          const { views } = yield* supervisor.status({ passive: true })
          assert.strictEqual(views.length, 6)
          assert.isTrue(views.every(({ passive, passiveSize }) => passive.length === passiveSize))

          const tooMany = yield* Effect.flip(supervisor.add(3))
          assert.strictEqual(tooMany.message, "cannot add 3 nodes to 6: from 1, up to 8 in all")
          const none = yield* Effect.flip(supervisor.add(0))
          assert.strictEqual(none._tag, "TooManyNodes")
          const stranger = yield* Effect.flip(supervisor.publish({ from: "n9", text: "?" }))
          assert.strictEqual(stranger.message, "n9 does not run")
        }).pipe(
          Effect.provide(
            Supervisor.layer({ nodes: 4, processes: 2, clusterSize: 6, mostNodes: 8, seed: 1, cycleMillis: 500 })
          )
        )
        assert.deepStrictEqual(yield* survivors(pids), [])
      }),
    patience
  )

  it.live(
    "part a cluster in two, whoever is started again included, and heal it",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster

        const groups = [
          ["n1", "n2", "n4"],
          ["n3", "n5", "n6"]
        ]
        yield* supervisor.partition({ groups, mode: "reset" })
        const parted = yield* untilStatus(supervisor, isParted(groups))
        assert.deepStrictEqual(parted.partition, { groups, mode: "reset" })
        assert.strictEqual(parted.overview.components.count, 2)

        yield* supervisor.kill({ processes: [], nodes: ["n3"] })
        yield* supervisor.restart(["n3"])
        yield* untilStatus(supervisor, (status) => status.views.length === 6 && isParted(groups)(status))
        yield* supervisor.publish({ from: "n3", text: "only here" })
        const told = yield* untilStatus(supervisor, (status) => reached(status).length === 3)
        assert.deepStrictEqual(reached(told), ["n3", "n5", "n6"])

        yield* supervisor.heal
        const healed = yield* untilStatus(supervisor, isOne(6))
        assert.isUndefined(healed.partition)
        const reach = yield* supervisor.broadcast({ from: "n1", text: "all of you", within: "10 seconds" })
        assert.deepStrictEqual(reach.missing, [])

        const wrong = yield* Effect.flip(supervisor.partition({ groups: [["n1"], ["n7"]], mode: "reset" }))
        assert.strictEqual(wrong.message, "no partition: there is no node n7")
      }).pipe(Effect.provide(Supervisor.layer({ nodes: 6, processes: 2, seed: 1, cycleMillis: 500 }))),
    patience
  )

  it.live(
    "cut a node off silently: its links stand, nothing crosses them, and all of it is one again after the heal",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const neighborsOfCut = Effect.map(
          supervisor.status({ passive: false }),
          ({ views }) => views.find(({ id }) => id === "n4")?.active ?? []
        )

        yield* supervisor.partition({ groups: [["n4"], ["n1", "n2", "n3"]], mode: "silent" })
        const before = yield* neighborsOfCut
        assert.isNotEmpty(before)
        // What would have crossed is there within milliseconds; that nobody answers is noticed after seconds.
        const reach = yield* supervisor.broadcast({ from: "n4", text: "anybody?", within: "500 millis" })
        assert.deepStrictEqual(reach.missing, ["n1", "n2", "n3"])
        assert.deepStrictEqual(yield* neighborsOfCut, before)

        yield* supervisor.heal
        yield* untilStatus(supervisor, isOne(4))
        const again = yield* supervisor.broadcast({ from: "n4", text: "all of you", within: "10 seconds" })
        assert.deepStrictEqual(again.missing, [])
      }).pipe(Effect.provide(Supervisor.layer({ nodes: 4, processes: 2, seed: 1, cycleMillis: 500 }))),
    patience
  )

  it.live(
    "kill a share of those that are left when its turn comes, and never the last one",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* Supervisor.Supervisor
        yield* supervisor.start
        const share = Effect.result(supervisor.killShare({ percent: 75, seed: 1 }))
        const [first, second] = yield* Effect.all([share, share], { concurrency: 2 })
        const killed = first._tag === "Success" ? first.success.killed : []
        const dead = (yield* supervisor.nodes).filter(({ isRunning }) => !isRunning).map(({ id }) => id)
        assert.deepStrictEqual([killed.toSorted(), killed.length], [dead, 3])
        assert.strictEqual(
          second._tag === "Failure" ? second.failure.message : "done",
          "75 % of 1 node leaves nobody to heal"
        )
        const few = yield* Effect.flip(supervisor.killShare({ percent: 10, seed: 1 }))
        assert.strictEqual(few.message, "10 % of 1 node is nobody")
      }).pipe(Effect.provide(Supervisor.layer({ nodes: 4, processes: 2, seed: 1 }))),
    patience
  )

  it.live(
    "make one cluster of new nodes and old ones where nobody was alive",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        yield* supervisor.kill({ processes: [], nodes: ["n1", "n2", "n3", "n3"] })
        yield* supervisor.add(3)
        yield* untilStatus(supervisor, isOne(3))
        const again = yield* supervisor.restart(["n1", "n2", "n2", "n3"])
        assert.deepStrictEqual(
          again.map(({ id }) => id),
          ["n1", "n2", "n3"]
        )
        yield* untilStatus(supervisor, isOne(6))
      }).pipe(Effect.provide(Supervisor.layer({ nodes: 3, processes: 2, clusterSize: 6, seed: 1, cycleMillis: 500 }))),
    patience
  )

  it.live(
    "make a part of those that are started in a cut of whose side nobody was left, and one of all after the heal",
    () =>
      Effect.gen(function* () {
        const supervisor = yield* joinedCluster
        const groups = [
          ["n1", "n2"],
          ["n3", "n4"]
        ]
        yield* supervisor.partition({ groups, mode: "reset" })
        yield* supervisor.kill({ processes: [], nodes: ["n3", "n4"] })
        yield* supervisor.restart(["n3", "n4"])
        yield* untilStatus(supervisor, (status) => status.views.length === 4 && isParted(groups)(status))
        yield* supervisor.heal
        yield* untilStatus(supervisor, isOne(4))
      }).pipe(Effect.provide(Supervisor.layer({ nodes: 4, processes: 2, seed: 1, cycleMillis: 500 }))),
    patience
  )

  it.live(
    "start and join all that can be, say who cannot and why, and take in whoever was alone",
    () =>
      Effect.gen(function* () {
        const { close, port } = yield* occupy(0)
        yield* close
        yield* Effect.gen(function* () {
          const supervisor = yield* joinedCluster
          yield* supervisor.kill({ processes: [], nodes: ["n1", "n2", "n4"] })
          const stranger = yield* occupy(port)
          const partly = yield* Effect.flip(supervisor.restart(["n1", "n2", "n4"]))
          assert.deepStrictEqual(partly._tag === "PartlyStarted" ? [partly.started, partly.failed] : partly, [
            ["n2", "n4"],
            ["n1"]
          ])
          assert.match(partly.message, new RegExp(`^1 of 3 nodes did not start: n1 could not start: .*${port}.*use`))
          yield* untilStatus(supervisor, isOne(3))
          const alone = yield* Effect.flip(supervisor.restart(["n1"]))
          assert.strictEqual(alone._tag, "NodeNotStarted")
          yield* stranger.close
          yield* supervisor.restart(["n1"])
          yield* untilStatus(supervisor, isOne(4))
        }).pipe(Effect.provide(Supervisor.layer({ nodes: 4, processes: 2, port, seed: 1, cycleMillis: 500 })))
      }),
    patience
  )
})
