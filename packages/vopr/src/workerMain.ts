/** A thread of the fault simulation: it runs what it is asked to, one after another. */
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { ScenarioDraw } from "@hyparview/faults"
import type { Scenario } from "@hyparview/faults/Scenario"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as RpcServer from "effect/rpc/RpcServer"
import { fuzz } from "./Bytes.ts"
import { runCore } from "./CoreRun.ts"
import type { ClusterTarget, Outcome, Target } from "./Outcome.ts"
import { drawRecovery } from "./RecoveryDraw.ts"
import { runRecovery } from "./RecoveryRun.ts"
import { parseRecovery } from "./RecoveryScenario.ts"
import { Runs } from "./Runs.ts"
import { runRuntime } from "./RuntimeRun.ts"
import { type InvalidScenario, parse } from "./ScenarioFile.ts"

const play = (target: ClusterTarget, scenario: Scenario): Effect.Effect<Outcome> =>
  target === "core" ? Effect.sync(() => runCore(scenario)) : runRuntime(scenario)

const draw = (target: Target, seed: number, maximumNodes: number): Effect.Effect<Outcome> =>
  target === "recovery"
    ? Effect.sync(() => runRecovery(drawRecovery(seed, { maximumNodes })))
    : play(target, ScenarioDraw.draw(seed, { maximumNodes, maximumNodeMinutes: nodeMinutes[target] }))

const read = <A>(parsed: Result.Result<A, InvalidScenario>): Effect.Effect<A> => Effect.orDie(Effect.fromResult(parsed))

/** A node of the runtime costs thirty times as much as one of the core alone. */
const nodeMinutes = { core: 120, runtime: 30 } as const

const handlers = Runs.toLayer({
  Draw: ({ maximumNodes, seed, target }) =>
    Effect.map(draw(target, seed, maximumNodes), (outcome) => JSON.stringify(outcome)),
  Play: ({ scenario, target }) =>
    (target === "recovery"
      ? Effect.map(read(parseRecovery(scenario)), runRecovery)
      : Effect.flatMap(read(parse(scenario)), (parsed) => play(target, parsed))
    ).pipe(Effect.map((outcome) => JSON.stringify(outcome))),
  Fuzz: ({ inputs, seed }) => Effect.sync(() => fuzz(seed, inputs))
})

const main = RpcServer.layer(Runs, { disableTracing: true }).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide(NodeWorkerRunner.layer),
  Layer.launch
)

Effect.runFork(main)
