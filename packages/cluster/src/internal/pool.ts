/**
 * The worker processes of a supervisor, by number: started, asked, and watched over until their end. It knows nothing of
 * what their nodes do.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import type * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { RpcClientError } from "effect/rpc/RpcClientError"
import type { Usage } from "../Control.ts"
import { type WorkerError, WorkerLost, WorkerSilent } from "../WorkerError.ts"
import type { ControlClient } from "./channel.ts"
import { type Ending, startWorker, type WorkerProcess } from "./workerProcess.ts"

/** No answer takes longer, unless it waits for something by its nature. */
const patience = Duration.seconds(20)

/** A worker needs this long to load its modules, on a machine where many start at once. */
export const startPatience = Duration.seconds(60)

/** A process in the pool. */
export interface Worker {
  readonly process: number
  /** What it used before its first node, after a collection. */
  readonly empty: Usage
}

interface Member extends WorkerProcess {
  readonly process: number
  /** How it was lost, once it has ended. */
  readonly lost: Deferred.Deferred<WorkerLost>
}

/** The errors of a request itself, without those of the channel. */
type Own<E> = Exclude<E, RpcClientError>
const isOwn = <E>(error: E): error is Own<E> => !(error instanceof RpcClientError)

/** What one of many processes answered. */
export interface Answer<A, E> {
  readonly process: number
  readonly result: Result.Result<A, E>
}

/** What those answered that did. */
export const successesOf = <A, E>(answers: ReadonlyArray<Answer<A, E>>): ReadonlyArray<A> =>
  answers.flatMap(({ result }) => (result._tag === "Success" ? [result.success] : []))

export const failuresOf = <A, E>(answers: ReadonlyArray<Answer<A, E>>) =>
  answers.flatMap(({ process, result }) => (result._tag === "Failure" ? [{ process, failure: result.failure }] : []))

/** Every process is asked, whatever another answers; then the first that failed is told of. */
export const unanimous = Effect.fnUntraced(function* <A, E>(answers: Effect.Effect<ReadonlyArray<Answer<A, E>>>) {
  const [trouble] = failuresOf(yield* answers)
  if (trouble !== undefined) return yield* Effect.fail(trouble.failure)
})

/** A request, to any worker. */
export type Request<A, E> = (control: ControlClient, process: number) => Effect.Effect<A, E>

/** An empty pool. What it will start ends with the scope. */
export const makePool = Effect.fnUntraced(function* (options: {
  readonly logLevel: LogLevel.LogLevel
  readonly onLine: (process: number, line: string) => void
  /** The process has ended, asked for or not: which nodes has it taken along? */
  readonly onEnd: (process: number) => ReadonlyArray<string>
  /** It has ended unasked. */
  readonly onLoss: (lost: WorkerLost) => Effect.Effect<void>
}) {
  const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
  const members = new Map<number, Member>()
  const workers = new Map<number, Worker>()
  /** Processes whose end has been asked for. */
  const condemned = new Set<Member>()

  const askMember = <A, E>(
    member: Member,
    request: string,
    send: Request<A, E>,
    within: Duration.Duration
  ): Effect.Effect<A, Own<E> | WorkerError> => {
    const { pid, process } = member
    const silent = Effect.suspend(() =>
      Effect.fail(new WorkerSilent({ process, pid, request, waitedMillis: Duration.toMillis(within) }))
    )
    // An answer that never comes because the process is gone is its loss.
    const loss = Deferred.await(member.lost).pipe(
      Effect.flatMap(Effect.fail),
      Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => silent })
    )
    return send(member.control, process).pipe(
      Effect.catch((error): Effect.Effect<never, Own<E> | WorkerError> => (isOwn(error) ? Effect.fail(error) : loss)),
      Effect.timeoutOrElse({ duration: within, orElse: () => silent })
    )
  }

  const mourn = Effect.fnUntraced(function* (member: Member) {
    const ending = yield* member.ended
    const { pid, process } = member
    const nodes = options.onEnd(process)
    members.delete(process)
    workers.delete(process)
    const lost = new WorkerLost({ process, pid, nodes, ...ending })
    yield* Deferred.succeed(member.lost, lost)
    if (!condemned.has(member)) yield* options.onLoss(lost)
  })

  const endAll = (
    which: ReadonlyArray<Member>,
    how: (member: Member) => Effect.Effect<Ending>
  ): Effect.Effect<ReadonlyArray<Ending>> => {
    for (const member of which) condemned.add(member)
    return Effect.forEach(which, (member) => Effect.tap(how(member), () => Deferred.await(member.lost)), {
      concurrency: "unbounded"
    })
  }

  return {
    /** Those that are up. */
    workers: (): ReadonlyArray<Worker> => [...workers.values()],

    /** Starts a process; a number stands for one process at a time. */
    spawn: Effect.fnUntraced(function* (process: number): Effect.fn.Return<Worker, WorkerError> {
      const own = yield* Scope.fork(scope, "sequential")
      const { logLevel, onLine } = options
      const started = yield* startWorker({ logLevel, onLine: (line) => onLine(process, line) }).pipe(Scope.provide(own))
      const member = { ...started, process, lost: yield* Deferred.make<WorkerLost>() }
      members.set(process, member)
      yield* Effect.forkIn(mourn(member), own)
      const measure: Request<Usage, RpcClientError> = (control) => control.Usage({ collect: true })
      // The first answer shows that it is up; by the second all that starts with it has started.
      yield* askMember(member, "its first request", measure, startPatience)
      const empty = yield* askMember(member, "what it uses", measure, startPatience)
      const worker = { process, empty }
      workers.set(process, worker)
      return worker
    }),

    /** Asks one; `undefined` if it does not run. */
    ask: <A, E>(
      process: number,
      request: string,
      send: Request<A, E>,
      within: Duration.Duration = patience
    ): Effect.Effect<A | undefined, Own<E> | WorkerError> =>
      Effect.suspend(() => {
        const member = members.get(process)
        return member === undefined ? Effect.undefined : askMember(member, request, send, within)
      }),

    /** Asks all that are up, at the same time. */
    askAll: <A, E>(request: string, send: Request<A, E>, within: Duration.Duration = patience) =>
      Effect.suspend(() =>
        Effect.forEach(
          [...members.values()].filter(({ process }) => workers.has(process)),
          (member) => askMember(member, request, send, within),
          { concurrency: "unbounded" }
        )
      ),

    /** The same, where one that fails must not hide what the others answer. */
    askEach: <A, E>(
      request: string,
      send: Request<A, E>,
      within: (process: number) => Duration.Duration = () => patience
    ): Effect.Effect<ReadonlyArray<Answer<A, Own<E> | WorkerError>>> =>
      Effect.suspend(() =>
        Effect.forEach(
          [...members.values()].filter(({ process }) => workers.has(process)),
          (member) =>
            Effect.map(Effect.result(askMember(member, request, send, within(member.process))), (result) => ({
              process: member.process,
              result
            })),
          { concurrency: "unbounded" }
        )
      ),

    /** SIGKILL. Returns when they are gone. */
    kill: (processes: ReadonlyArray<number>) =>
      Effect.suspend(() =>
        endAll(
          processes.flatMap((process) => members.get(process) ?? []),
          ({ kill }) => kill
        )
      ),

    /** Ends all in order. */
    stop: Effect.suspend(() => endAll([...members.values()], ({ stop }) => stop))
  }
})

export type Pool = Effect.Success<ReturnType<typeof makePool>>
