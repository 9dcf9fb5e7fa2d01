/** Runs spread over threads, as many as there are cores. */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import { Worker } from "node:worker_threads"
import { Runs } from "./Runs.ts"

/** Run from its sources, the project resolves its packages by the `source` condition, and so must its threads. */
const isSource = import.meta.url.endsWith(".ts")
const main = new URL(isSource ? "./workerMain.ts" : "./workerMain.js", import.meta.url)

/** A client of `threads` threads, for the life of the scope; each call goes to one that is free. */
export const makeClient = (threads: number) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      RpcClient.layerProtocolWorker({ size: threads }).pipe(
        Layer.provide(NodeWorker.layer(() => new Worker(main, { execArgv: isSource ? ["--conditions=source"] : [] })))
      )
    )
    return yield* RpcClient.make(Runs, { disableTracing: true }).pipe(Effect.provideContext(context))
  })
