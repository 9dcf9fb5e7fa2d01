import { assert, describe, it } from "@effect/vitest"
import { Discovery, Node } from "@hyparview/runtime"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { program } from "../src/program.ts"

const names = Array.from({ length: 8 }).map((_, index) => `node-${index}`)
const times = 5
const total = names.length * times

const node = (name: string, seed: number) =>
  Node.layer({ id: name, cluster: "counter", seed }).pipe(
    Layer.provide(MemoryTransport.layer({ address: name })),
    Layer.provide(Discovery.Discovery.layerNone),
    Layer.build
  )

const everybody = Effect.gen(function* () {
  const nodes = yield* Effect.forEach(names, node)
  return yield* Effect.forEach(nodes, (services) =>
    program({ contacts: ["node-0"], times, total }).pipe(Effect.provide(services), Effect.forkScoped)
  )
})

const totals = (fibers: ReadonlyArray<Fiber.Fiber<number, unknown>>) =>
  fibers.map((fiber) => {
    const exit = fiber.pollUnsafe()
    return exit?._tag === "Success" ? exit.value : exit
  })

const agreed = names.map(() => total)

describe("the counter, on a network in memory", () => {
  it.effect("counts with eight nodes in ten seconds of virtual time", () =>
    Effect.gen(function* () {
      const fibers = yield* everybody
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(totals(fibers), agreed)
    }).pipe(Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("agrees after the network was cut in two while it counted", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const fibers = yield* everybody
      yield* TestClock.adjust("8 millis")
      yield* network.partition([names.slice(0, 4), names.slice(4)], { mode: "reset" })
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(totals(fibers).includes(undefined))
      yield* network.heal
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(totals(fibers), agreed)
    }).pipe(Effect.provide(MemoryNetwork.layer({ seed: 2 })))
  )
})
