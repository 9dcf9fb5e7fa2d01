/** A thread of the fault simulation: it runs what it is asked to, one after another. */
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { ScenarioDraw } from "@hyparview/faults"
import type { Scenario } from "@hyparview/faults/Scenario"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcServer from "effect/rpc/RpcServer"
import { fuzz } from "./Bytes.ts"
import { runCore } from "./CoreRun.ts"
import type { Target } from "./Outcome.ts"
import { Runs } from "./Runs.ts"
import { runRuntime } from "./RuntimeRun.ts"
import { parse } from "./ScenarioFile.ts"

const play = (target: Target, scenario: Scenario): Effect.Effect<string> =>
  Effect.map(target === "core" ? Effect.sync(() => runCore(scenario)) : runRuntime(scenario), (outcome) =>
    JSON.stringify(outcome)
  )

/** A node of the runtime costs thirty times as much as one of the core alone. */
const nodeMinutes = { core: 120, runtime: 30 } as const

const handlers = Runs.toLayer({
  Draw: ({ maximumNodes, seed, target }) =>
    play(target, ScenarioDraw.draw(seed, { maximumNodes, maximumNodeMinutes: nodeMinutes[target] })),
  Play: ({ scenario, target }) =>
    Effect.flatMap(Effect.orDie(Effect.fromResult(parse(scenario))), (parsed) => play(target, parsed)),
  Fuzz: ({ inputs, seed }) => Effect.sync(() => fuzz(seed, inputs))
})

const main = RpcServer.layer(Runs, { disableTracing: true }).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch
)

Effect.runFork(main)
