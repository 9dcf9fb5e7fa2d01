/**
 * The places of a test cluster: where its nodes run, one process at a place at a time, and what stays when that process
 * dies.
 */
import { Random } from "@hyparview/core"
import { type CallingClock, isCallingClock } from "@hyparview/runtime/Alarm"
import { Broadcast, Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import type { MemoryNetwork } from "@hyparview/transport-memory"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { flow } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Scope from "effect/Scope"

/**
 * One incarnation of a node: the services that an application has.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunningNode {
  readonly membership: Membership.Membership["Service"]
  readonly broadcast: Broadcast.Broadcast["Service"]
  /** Both, to provide to an effect or a layer of the application. */
  readonly services: Context.Context<Membership.Membership | Broadcast.Broadcast>
}

/**
 * What an application runs on a node.
 *
 * @category models
 * @since 0.1.0
 */
export type Program = Effect.Effect<unknown, unknown, Membership.Membership | Broadcast.Broadcast | Scope.Scope>

export interface Place {
  readonly index: number
  readonly id: string
  readonly address: string
  incarnation: number
  epoch: number
  frozen: boolean
  /** Whether it runs only until it has said goodbye. */
  leaving: boolean
  /** What its clock says, against everybody's. */
  readonly clock: SkewedClock
  running: (RunningNode & { readonly scope: Scope.Closeable }) | undefined
}

/** What a cluster has been told, as far as its places are concerned. */
export interface Plan {
  readonly nodes: number
  readonly seed: number
  readonly node: Partial<Omit<Node.Options, "id" | "epoch" | "seed">>
  readonly idOf: (index: number) => string
  readonly discovery: ReadonlyArray<number>
  readonly storesEpochs: boolean
  readonly logLevel: LogLevel.LogLevel
  readonly program: ((index: number) => Program) | undefined
}

/** A clock whose readings are off by what the node's wall clock has jumped; it sleeps and measures like the one it stands on. */
class SkewedClock implements Clock.Clock {
  skewMillis = 0
  readonly callAfter: CallingClock["callAfter"] | undefined
  readonly #base: Clock.Clock

  constructor(base: Clock.Clock) {
    this.#base = base
    this.callAfter = isCallingClock(base) ? (millis, callback) => base.callAfter(millis, callback) : undefined
  }

  currentTimeMillisUnsafe(): number {
    return this.#base.currentTimeMillisUnsafe() + this.skewMillis
  }

  currentTimeNanosUnsafe(): bigint {
    return this.#base.currentTimeNanosUnsafe() + BigInt(this.skewMillis) * 1_000_000n
  }

  monotonicTimeNanosUnsafe(): bigint {
    return this.#base.monotonicTimeNanosUnsafe()
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())

  get monotonicTimeNanos(): Effect.Effect<bigint> {
    return this.#base.monotonicTimeNanos
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.#base.sleep(duration)
  }
}

export const addressOf = (index: number): string => `host-${index}`

/** Each incarnation of each node has a generator of its own; so many before the next node's begin. */
const incarnations = 1_024

export const optionsOf = (plan: Plan, place: Pick<Place, "index" | "id" | "incarnation" | "epoch">): Node.Options => ({
  cluster: "test",
  leaveOnClose: false,
  ...plan.node,
  id: place.id,
  epoch: place.epoch,
  seed: Random.nextBits(Random.seededFor(plan.seed, place.index * incarnations + place.incarnation)) >>> 0
})

/**
 * Ends what is done to one node: a turn for the others. So the program that drives the cluster is never made to yield
 * amid such a thing for having done too much, which would happen sooner under one clock than under another.
 */
const done = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.tap(effect, Effect.yieldNow)

export class Places {
  readonly all: ReadonlyArray<Place>
  /** Called after each start of a node. */
  readonly #onStart: (place: Place) => Effect.Effect<void>
  readonly #plan: Plan
  readonly #network: MemoryNetwork.MemoryNetwork["Service"]
  readonly #scope: Scope.Scope
  readonly #discovery: Layer.Layer<Discovery.Discovery>

  constructor(
    plan: Plan,
    network: MemoryNetwork.MemoryNetwork["Service"],
    scope: Scope.Scope,
    clock: Clock.Clock,
    onStart: (place: Place) => Effect.Effect<void>
  ) {
    this.#plan = plan
    this.#network = network
    this.#scope = scope
    this.#onStart = onStart
    this.#discovery = Discovery.Discovery.layerStatic(plan.discovery.map(addressOf))
    this.all = Array.from({ length: plan.nodes }, (_, index) => ({
      index,
      id: plan.idOf(index),
      address: addressOf(index),
      incarnation: 0,
      epoch: 0,
      frozen: false,
      leaving: false,
      clock: new SkewedClock(clock),
      running: undefined
    }))
  }

  at(index: number): Place {
    const place = this.all[index]
    if (place === undefined) throw new RangeError(`there is no node ${index}: the cluster has ${this.all.length}`)
    return place
  }

  runningAt(index: number): NonNullable<Place["running"]> {
    const { running } = this.at(index)
    if (running === undefined) throw new Error(`node ${index} does not run`)
    return running
  }

  running(): ReadonlyArray<number> {
    return this.all.filter((place) => place.running !== undefined).map(({ index }) => index)
  }

  start(index: number): Effect.Effect<void> {
    return Effect.suspend(() => this.#start(this.at(index))).pipe(done)
  }

  join(index: number, through: ReadonlyArray<number> | undefined): Effect.Effect<void, Membership.DuplicateIdentity> {
    return Effect.suspend(() => {
      const others = (through ?? this.running()).filter((other) => other !== index)
      const contacts = through === undefined ? others.slice(0, 1) : others
      return this.runningAt(index).membership.join(contacts.map((other) => this.at(other).address))
    }).pipe(done)
  }

  restart(index: number, through?: ReadonlyArray<number>): Effect.Effect<void, Membership.DuplicateIdentity> {
    return Effect.andThen(this.start(index), this.join(index, through))
  }

  kill(index: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const place = this.at(index)
      return Effect.andThen(this.#network.crash(place.address), this.end(place))
    }).pipe(done)
  }

  /** Ends a process; its links are the network's affair. */
  end(place: Place): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { running } = place
      if (running === undefined) return Effect.void
      place.running = undefined
      place.leaving = false
      return Effect.gen(function* () {
        // Its epoch may have risen since it started.
        place.epoch = Math.max(place.epoch, (yield* running.membership.self).epoch)
        yield* Scope.close(running.scope, Exit.void)
      })
    })
  }

  /** Leaves in order, then ends the process. Takes the time that it takes. */
  leave(place: Place): Effect.Effect<void> {
    return Effect.suspend(() => {
      const running = this.runningAt(place.index)
      place.leaving = true
      // Meanwhile it may have been killed, and started again: that one stays.
      return Effect.andThen(
        running.membership.leave,
        Effect.suspend(() => (place.running === running ? this.end(place) : Effect.void))
      )
    })
  }

  setFrozen(index: number, frozen: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const place = this.at(index)
      place.frozen = frozen
      return frozen ? this.#network.freeze(place.address) : this.#network.unfreeze(place.address)
    }).pipe(done)
  }

  #start(place: Place): Effect.Effect<void> {
    const transport = Layer.effect(Transport.Transport, this.#network.transport(place.address))
    return Effect.gen({ self: this }, function* () {
      if (place.running !== undefined) return yield* Effect.die(new Error(`node ${place.index} runs already`))
      place.incarnation++
      // As in production: its clock at its start, and above all its epochs before, if it remembers them.
      const next = this.#plan.storesEpochs ? place.epoch + 1 : 0
      place.epoch = Math.max(next, Math.floor(place.clock.currentTimeMillisUnsafe()))
      const scope = yield* Scope.fork(this.#scope)
      const built = yield* Node.layer(optionsOf(this.#plan, place)).pipe(
        Layer.provide([transport, this.#discovery]),
        Layer.buildWithScope(scope),
        this.#within(place),
        Effect.orDie
      )
      place.running = {
        membership: Context.get(built, Membership.Membership),
        broadcast: Context.get(built, Broadcast.Broadcast),
        services: built,
        scope
      }
      yield* this.#onStart(place)
      yield* this.#run(place, built, scope)
    })
  }

  /** Runs the application on a node that has just started, for as long as its process lives. */
  #run(place: Place, services: RunningNode["services"], scope: Scope.Scope): Effect.Effect<void> {
    const { program } = this.#plan
    if (program === undefined) return Effect.void
    return Effect.suspend(() => program(place.index)).pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.logError(`the program of node ${place.index} has failed`, cause).pipe(
              // `it.effect` keeps what is logged, and shows it to nobody: the test would fail elsewhere, and nothing tell why.
              Effect.provideService(Console.Console, globalThis.console)
            )
      ),
      Effect.provide(services),
      Scope.provide(scope),
      this.#within(place),
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.asVoid
    )
  }

  /** What belongs to a process runs on its clock, and logs what the cluster was told. */
  #within(place: Place): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> {
    return flow(
      Effect.provideService(Clock.Clock, place.clock),
      Effect.provideService(References.MinimumLogLevel, this.#plan.logLevel)
    )
  }
}
