/**
 * A network inside one process, on Effect's Clock: transports that dial each other, frames that take time, readers that
 * slow their writers down, and every fault of `@hyparview/faults` on demand. Cluster tests run on it, under TestClock or
 * a virtual clock, with the very code that runs over TCP in production.
 *
 * **Deterministic.** Delays come from the seed, each direction of each link has a generator of its own, and what happens
 * at the same instant happens in the order in which it was caused. The same program with the same seed sees the same
 * deliveries.
 *
 * **Time.** Delays are drawn in microseconds and rounded up to the `resolution`. One fiber sleeps until the earliest
 * event; when it wakes, everything due is delivered and each waiting reader is woken once. Under TestClock nothing
 * moves until the clock does; what is sent in reaction to a delivery and is due within the same `adjust` is delivered
 * too. Time is taken from the clock under which the network was made.
 *
 * **Links.** An orderly close waits for nothing: what `send` has taken already has its place at the far end. A reset
 * loses what is under way and what the far end has not read; an abort tells the far end after the delay, a fault of the
 * network tells both ends at once. A frame that is empty or above `maxFrameBytes` is taken by `send`; the far end then
 * closes the link as `frameTooLarge` and the sender sees a reset.
 *
 * **Memory.** Frames are passed, not copied: a frame of one chunk arrives as the very `Uint8Array` that was sent (so all
 * receivers of a broadcast share it, and nobody may write to it), several chunks are joined once, when sent. A direction
 * of a link holds at most `receiveLimitBytes`, whatever the faults, or one larger frame. Addresses are remembered for the
 * life of the network.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"
import type { Fault, FaultPlan, InvalidPlan } from "@hyparview/faults/FaultPlan"
import * as Latency from "@hyparview/faults/Latency"
import { callAfter } from "@hyparview/runtime/Alarm"
import type { Transport, TransportError } from "@hyparview/runtime/Transport"
import { Agenda } from "./internal/agenda.ts"
import { makeControls } from "./internal/controls.ts"
import { makeCounters } from "./internal/counters.ts"
import { listen } from "./internal/endpoint.ts"
import type { Settings } from "./internal/world.ts"
import { World } from "./internal/world.ts"
import type { PlanOptions } from "./internal/player.ts"
import { performOne, play } from "./internal/player.ts"
import type { Statistics } from "./Statistics.ts"

export type { PlanOptions } from "./internal/player.ts"

/**
 * How a network behaves. Defaults that are guesses say so.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where delays and drawn faults come from. Any finite number. Default: 0. */
  readonly seed?: number | undefined
  /** How long frames travel. Default: 1 ms, constant (a guess: a data centre). */
  readonly latency?: Latency.LatencyModel | undefined
  /**
   * Arrivals are rounded up to a multiple of this, from 1 µs to 1 s; only a delay of 0 stays 0. Default: 1 ms, the grain
   * of Effect's Clock. The finer, the fewer frames share an instant, and each instant costs the clock a wake: a thousand
   * nodes with random delays under TestClock took 3.5 µs a frame at 1 ms, 12 µs at 1 µs.
   */
  readonly resolution?: Duration.Input | undefined
  /** What a link delivers at most, in bytes a second: more than 0, whole or not. Default: no limit. */
  readonly bytesPerSecond?: number | undefined
  /** The largest frame, in bytes, for all transports of the network, 1 or more. Default: 1 MiB. */
  readonly maxFrameBytes?: number | undefined
  /**
   * How many bytes (4 more for each frame's length) one direction of a link holds between `send` and `receive` before
   * `send` waits, 1 or more. One frame above it passes alone. Default: 256 KiB (a guess: a socket's buffers).
   */
  readonly receiveLimitBytes?: number | undefined
  /**
   * Links and dials under way of one transport, 1 or more, above which it dials no more and refuses dials. Default:
   * 1,024.
   */
  readonly maxLinks?: number | undefined
  /** Accepted links that nobody has taken, 1 or more, above which a transport refuses dials. Default: 128. */
  readonly acceptBacklog?: number | undefined
  /**
   * How long a dial waits for an answer: more than 0, infinity for no limit. Default: 5 seconds (a guess). A node gives
   * a dial up earlier, after its own `handshakeTimeout`, which is 2 seconds by default and covers the dial.
   */
  readonly dialTimeout?: Duration.Input | undefined
  /**
   * How long an accepted link may stay without a first frame: more than 0, infinity for no limit. Default: 10 seconds (a
   * guess).
   */
  readonly handshakeTimeout?: Duration.Input | undefined
}

/**
 * An option is out of its bounds, or is none. No network was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  /** The option, or what was given as one. */
  readonly option: string
  readonly detail: string
}> {
  override get message(): string {
    return `memory network, ${this.option}: ${this.detail}`
  }
}

/**
 * A network in this process, and what one can do to it.
 *
 * The controls take addresses; an address that nobody listens at yet is fine, and what holds for it holds for whoever
 * comes to listen there. None of them fails; what makes no sense (a share above 1, a rate of 0) is a mistake in the test, and
 * dies. Those that break links return how many.
 *
 * @category services
 * @since 0.1.0
 */
export class MemoryNetwork extends Context.Service<
  MemoryNetwork,
  {
    /**
     * A transport at an address: any text but the empty one. It listens until the scope closes; then the links it still
     * has break at their far ends, and the address is free. Fails, with nothing changed, if somebody listens there.
     *
     * `authenticatedId` is what the far ends of its links are told as proved (`Link.authenticatedId`): a stand-in for a
     * certificate.
     */
    readonly transport: (
      address: string,
      options?: { readonly authenticatedId?: string | undefined }
    ) => Effect.Effect<Transport["Service"], TransportError, Scope.Scope>

    /** The live counters. */
    readonly statistics: Statistics

    /**
     * The process at the address dies: its transport ends, its links are reset at the far ends as soon as the news can
     * travel, nothing it had sent and that is still under way arrives, and dials to it are refused until somebody listens
     * there again. Interrupting its fibers is the caller's affair.
     */
    readonly crash: (address: string) => Effect.Effect<number>

    /** All links between two addresses break; both ends know at once. */
    readonly breakLink: (a: string, b: string) => Effect.Effect<number>
    /** A share (0 to 1, rounded) of all links, drawn from the seed, breaks like that. */
    readonly breakShare: (share: number) => Effect.Effect<number>
    /**
     * All links between two addresses die silently, for ever: frames under way and all sent later vanish, `send` goes on
     * taking them, closes do not get through, and nobody is told. New links between the two work.
     */
    readonly halfOpen: (a: string, b: string) => Effect.Effect<number>

    /** Dials to the address are refused. */
    readonly refuse: (address: string) => Effect.Effect<void>
    /** Dials to the address get no answer and time out, also those that arrived while it hung and is not any more. */
    readonly hang: (address: string) => Effect.Effect<void>
    /** Dials to the address are answered again. */
    readonly accept: (address: string) => Effect.Effect<void>

    /** What travels to and from the address waits: frames, closes, dials. `send` stalls once the link is full. */
    readonly freeze: (address: string) => Effect.Effect<void>
    /** What waited and is due arrives at once, in order. */
    readonly unfreeze: (address: string) => Effect.Effect<void>

    /**
     * Addresses in different groups cannot reach each other; addresses in no group reach everybody. Replaces the
     * partition before it.
     *
     * - `reset`: links across break, and dials fail as `unreachable`.
     * - `silent`: what travels across waits until `heal`, as TCP retransmits; dials time out.
     */
    readonly partition: (
      groups: ReadonlyArray<ReadonlyArray<string>>,
      options: { readonly mode: "reset" | "silent" }
    ) => Effect.Effect<void>
    /** What the first addresses send to the second waits, silently; the other direction works. Adds to those before. */
    readonly oneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) => Effect.Effect<void>
    /** Ends the partition and every one-way cut. What waited arrives. */
    readonly heal: Effect.Effect<void>

    /** Frames sent from now on take this long. Dies on a model that `Latency.validate` rejects. */
    readonly setLatency: (model: Latency.LatencyModel) => Effect.Effect<void>
    /**
     * Each link to the address delivers no more than this: a slow reader, or a slow line. What is under way goes on at
     * the new rate. `undefined` returns to the network's own.
     */
    readonly setBandwidth: (address: string, bytesPerSecond: number | undefined) => Effect.Effect<void>

    /** Each `send` breaks its link with this probability (0 to 1), and fails. */
    readonly setSendFailure: (probability: number) => Effect.Effect<void>
    /** Each frame arrives twice with this probability: beyond what a link allows. */
    readonly setDuplicate: (probability: number) => Effect.Effect<void>
    /** Each frame never arrives with this probability, and nobody is told: beyond what a link allows. */
    readonly setSilentLoss: (probability: number) => Effect.Effect<void>

    /**
     * Performs the network's part of one fault of a plan at once: what `PlanOptions.onFault` says of each kind.
     * `addresses` are those of the plan's nodes, by index. A fault that contradicts itself, or is of a node that has no
     * address, dies, and nothing is done.
     */
    readonly applyFault: (fault: Fault, addresses: ReadonlyArray<string>) => Effect.Effect<void>
    /**
     * Plays a fault plan on the network's clock and ends with its last action. Fails before the first if the plan is
     * invalid, and dies if it is about more nodes than have an address. Interrupting it stops it where it is; what it began stays.
     */
    readonly applyPlan: <E = never, R = never>(
      plan: FaultPlan,
      options: PlanOptions<E, R>
    ) => Effect.Effect<void, InvalidPlan | E, R>
  }
>()("@hyparview/transport-memory/MemoryNetwork") {}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Not a number if it is no duration: then it is out of bounds too. */
const micros = (duration: Duration.Input): number =>
  Option.match(Duration.fromInput(duration), {
    onNone: () => Number.NaN,
    onSome: (valid) => Math.round(Duration.toMillis(valid) * 1000)
  })

const names = Object.keys({
  seed: true,
  latency: true,
  resolution: true,
  bytesPerSecond: true,
  maxFrameBytes: true,
  receiveLimitBytes: true,
  maxLinks: true,
  acceptBacklog: true,
  dialTimeout: true,
  handshakeTimeout: true
} satisfies Record<keyof Options, true>)

const completed = (options: Options): Effect.Effect<Settings, InvalidOptions> => {
  const stranger = Object.keys(options).find((name) => !names.includes(name))
  if (stranger !== undefined) {
    return Effect.fail(
      new InvalidOptions({ option: stranger, detail: `no such option. Options are ${names.join(", ")}` })
    )
  }
  const settings = {
    seed: options.seed ?? 0,
    maxFrameBytes: options.maxFrameBytes ?? 1_048_576,
    receiveLimitBytes: options.receiveLimitBytes ?? 262_144,
    maxLinks: options.maxLinks ?? 1_024,
    acceptBacklog: options.acceptBacklog ?? 128,
    dialTimeoutMicros: micros(options.dialTimeout ?? "5 seconds"),
    handshakeTimeoutMicros: micros(options.handshakeTimeout ?? "10 seconds"),
    resolutionMicros: micros(options.resolution ?? "1 millis")
  }
  const invalid = (option: keyof Options, what: string) =>
    Effect.fail(new InvalidOptions({ option, detail: `${Formatter.format(options[option])} is ${what}` }))
  for (const option of ["maxFrameBytes", "receiveLimitBytes", "maxLinks", "acceptBacklog"] as const) {
    if (!isCount(settings[option])) return invalid(option, "not a whole number above 0")
  }
  if (!Number.isFinite(settings.seed)) return invalid("seed", "not a finite number")
  if (!(settings.dialTimeoutMicros > 0)) return invalid("dialTimeout", "not a duration above 0")
  if (!(settings.handshakeTimeoutMicros > 0)) return invalid("handshakeTimeout", "not a duration above 0")
  if (!(settings.resolutionMicros >= 1 && settings.resolutionMicros <= 1_000_000)) {
    return invalid("resolution", "not a duration from 1 µs to 1 s")
  }
  const { bytesPerSecond = 1 } = options
  if (!(typeof bytesPerSecond === "number" && bytesPerSecond > 0))
    return invalid("bytesPerSecond", "not a number above 0")
  return Effect.succeed(settings)
}

/**
 * A network. It lives as long as the scope; then every transport on it is dead, whatever their own scopes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<MemoryNetwork["Service"], InvalidOptions, Scope.Scope> {
  const settings = yield* completed(options)
  const latency = Latency.validate(options.latency ?? { _tag: "Constant", micros: 1_000 })
  if (Result.isFailure(latency)) {
    return yield* new InvalidOptions({ option: "latency", detail: latency.failure.message })
  }
  const context = yield* Effect.context()
  const scheduler = yield* Scheduler.Scheduler
  const clock = yield* Clock.Clock
  const counters = makeCounters()
  const agenda = new Agenda({
    clock,
    counters,
    dispatcher: scheduler.makeDispatcher(),
    callAfter: callAfter(clock, Effect.runForkWith(context))
  })
  const world = new World(agenda, settings, counters, latency.success, options.bytesPerSecond ?? Infinity)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const place of world.places()) place.endpoint?.shut("the network has been shut down")
      agenda.close()
    })
  )
  const controls = makeControls(world)
  return MemoryNetwork.of({
    ...controls,
    statistics: counters,
    transport: (address, { authenticatedId } = {}) => listen(world, address, authenticatedId),
    applyFault: (fault, addresses) => performOne(world, controls, fault, addresses),
    applyPlan: (plan, planOptions) => play(world, clock, controls, plan, planOptions)
  })
})

/**
 * A network as a layer. Each use of the returned layer in one program is the same network; call `layer` again for
 * another one.
 *
 * @category layers
 * @since 0.1.0
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
 *
 * const program = Effect.gen(function* () {
 *   const network = yield* MemoryNetwork.MemoryNetwork
 *   const a = yield* network.transport("a")
 *   yield* network.transport("b")
 *   const link = yield* a.dial("b")
 *   yield* link.send([[new Uint8Array([1, 2, 3])]])
 *   yield* network.crash("b")
 *   return yield* link.closed
 * }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 7 })))
 * ```
 */
export const layer = (options?: Options): Layer.Layer<MemoryNetwork, InvalidOptions> =>
  Layer.effect(MemoryNetwork, make(options))
