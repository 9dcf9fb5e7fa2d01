/**
 * A transport under control: it stands over any other `Transport`, and lets whoever holds its `TransportControl` cut the
 * node off from peers of their choice, silently or with a reset, in one direction or both, and heal it again. So a live
 * cluster can be partitioned without privileges on the host, and a test can hurt any transport in the same way.
 *
 * A peer is blocked by a **name**: the address at which it is dialled, or its id. Of a link that this node has dialled
 * the address is known; of one that it has accepted neither is, since an accepted link comes from a port of no meaning.
 * There the first frame tells: the Hello of `@hyparview/core`, which names the sender's id and address, and is looked
 * at here before anybody above sees it. A transport that authenticates its peers (`Link.authenticatedId`) has told the
 * id already.
 *
 * **Gotchas**
 *
 * - It hides what the far end does, not what this end does: a link that the node closes while it is blocked is closed at
 *   the far end too. For a cut cable, of which neither end learns, block at both ends.
 * - Without certificates an id or address is what the peer claims. This is a tool for tests, not a firewall.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type Block, type How, makeControlled } from "./internal/controlled.ts"
import { strangeness } from "./internal/strangeness.ts"
import { Transport } from "./Transport.ts"

export type { Block, How } from "./internal/controlled.ts"

/**
 * More names than `blockedNames` would be blocked. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyBlocks extends Data.TaggedError("TooManyBlocks")<{
  readonly names: number
  readonly limit: number
}> {
  override get message(): string {
    return `${this.names} names would be blocked: at most ${this.limit} may be`
  }
}

/**
 * The limits of a controlled transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many names may be blocked at once, 1 or more. Default 10,000: a name for each node of a large cluster. */
  readonly blockedNames?: number | undefined
  /**
   * After which time a dial to a silent peer fails, 1 millisecond to 1 day. Default 5 seconds, as `TcpTransport`'s own. A
   * node gives a dial up earlier, after its own `handshakeTimeout`.
   */
  readonly dialTimeout?: Duration.Input | undefined
}

/**
 * An option is out of its bounds, or is none. No transport was put under control.
 *
 * @category errors
 * @since 0.1.0
 */
export class ControlOptionsError extends Data.TaggedError("ControlOptionsError")<{
  /** The option, or what was given as one; `options` where the whole is no object. */
  readonly option: string
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `controlled transport: ${this.option} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

const names = Object.keys({ blockedNames: true, dialTimeout: true } satisfies Record<keyof Options, true>)

const resolve = (
  options: Options
): Result.Result<{ readonly blockedNames: number; readonly dialMillis: number }, ControlOptionsError> => {
  const strange = strangeness(options, names)
  if (strange !== undefined) return Result.fail(new ControlOptionsError(strange))
  const wrong = (option: keyof Options, expected: string) =>
    Result.fail(new ControlOptionsError({ option, value: options[option], expected }))
  const { blockedNames = 10_000, dialTimeout = "5 seconds" } = options
  if (!(Number.isSafeInteger(blockedNames) && blockedNames >= 1)) {
    return wrong("blockedNames", "expected a whole number from 1 on")
  }
  const dialMillis = Option.getOrUndefined(Option.map(Duration.fromInput(dialTimeout), Duration.toMillis))
  if (dialMillis === undefined || !(dialMillis >= 1 && dialMillis <= 86_400_000)) {
    return wrong("dialTimeout", "expected a duration from 1 millisecond to 1 day")
  }
  return Result.succeed({ blockedNames, dialMillis })
}

/**
 * Whom this node is cut off from.
 *
 * @category services
 * @since 0.1.0
 */
export class TransportControl extends Context.Service<
  TransportControl,
  {
    /**
     * Blocks peers, each by an address or an id; open links and dials to come alike. One blocked before is blocked
     * anew.
     */
    readonly block: (names: Iterable<string>, how: How) => Effect.Effect<void, TooManyBlocks>

    /** Ends the block of these names. One that is not blocked stays so. */
    readonly unblock: (names: Iterable<string>) => Effect.Effect<void>

    /** Ends all blocks. */
    readonly heal: Effect.Effect<void>

    /** All blocks in force, in the order in which they began. */
    readonly blocked: Effect.Effect<ReadonlyArray<Block>>
  }
>()("@hyparview/runtime/TransportControl") {}

/**
 * A controlled transport over another one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  transport: Transport["Service"],
  options: Options = {}
): Effect.Effect<
  { readonly transport: Transport["Service"]; readonly control: TransportControl["Service"] },
  ControlOptionsError
> =>
  Effect.gen(function* () {
    const { blockedNames, dialMillis } = yield* Effect.fromResult(resolve(options))
    const controlled = makeControlled(transport, dialMillis, yield* Effect.context<never>())
    const block = (names: Iterable<string>, { direction = "both", mode }: How) =>
      Effect.suspend(() => {
        const before = controlled.blocks()
        const after = new Map(before)
        for (const name of names) {
          // Anew, and so at the end.
          after.delete(name)
          after.set(name, { name, mode, direction })
        }
        if (after.size > Math.max(blockedNames, before.size)) {
          return Effect.fail(new TooManyBlocks({ names: after.size, limit: blockedNames }))
        }
        return controlled.replace(after)
      })
    const unblock = (names: Iterable<string>) =>
      Effect.suspend(() => {
        const after = new Map(controlled.blocks())
        for (const name of names) after.delete(name)
        return controlled.replace(after)
      })
    return {
      transport: controlled.transport,
      control: TransportControl.of({
        block,
        unblock,
        heal: Effect.suspend(() => controlled.replace(new Map())),
        blocked: Effect.sync(() => [...controlled.blocks().values()])
      })
    }
  })

/**
 * Puts whatever `Transport` is provided under control: it provides the controlled one, and its `TransportControl`. Blocks
 * nobody at first.
 *
 * @example
 * ```ts
 * import { ControlledTransport, Discovery, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Effect, Layer } from "effect"
 *
 * const NodeLive = Node.layer({ id: "node-a", cluster: "example" }).pipe(
 *   Layer.provideMerge(ControlledTransport.layer().pipe(Layer.provide(TcpTransport.layer({ port: 7946 })))),
 *   Layer.provide(Discovery.Discovery.layerNone)
 * )
 *
 * const cutOff = Effect.gen(function* () {
 *   const control = yield* ControlledTransport.TransportControl
 *   yield* control.block(["10.0.0.2:7946", "10.0.0.3:7946"], { mode: "silent" })
 *   yield* Effect.sleep("30 seconds")
 *   yield* control.heal
 * }).pipe(Effect.provide(NodeLive))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Transport | TransportControl, ControlOptionsError, Transport> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { control, transport } = yield* make(yield* Transport, options)
      return Context.make(Transport, transport).pipe(Context.add(TransportControl, control))
    })
  )
