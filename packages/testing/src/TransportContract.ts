/**
 * The transport contract as a test suite: what `Transport` of `@hyparview/runtime` promises, a case for each sentence. A
 * transport that passes it can stand under a node, whoever wrote it.
 *
 * The module needs `vitest` and `@effect/vitest`, and is an entry point of its own for that reason. The suite runs on real
 * time, for transports that reach the host's network, and on virtual time, for those on Effect's Clock; there a case takes
 * milliseconds, however long its time-outs.
 *
 * What a transport cannot show (a far end that is silent, bytes from below) its harness leaves out, and those cases are
 * reported as skipped, by name.
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import type { Link, Transport } from "@hyparview/runtime/Transport"
import { closingCases, silentCases } from "./internal/contract/closing.ts"
import { dialCases, hangingCases } from "./internal/contract/dials.ts"
import { frameCases } from "./internal/contract/frames.ts"
import type { Case, Kit, RawAccess, Settings } from "./internal/contract/kit.ts"
import { usualSettings } from "./internal/contract/kit.ts"
import { pressureCases } from "./internal/contract/pressure.ts"
import { rawCases } from "./internal/contract/raw.ts"

export type {
  /**
   * The limits under which a case wants its transports to run: bytes and milliseconds. A transport that has no such limit
   * ignores it.
   *
   * @category models
   * @since 0.1.0
   */
  Settings,
  /**
   * A connection below the transport under test: it writes any bytes, ends in order or resets.
   *
   * @category models
   * @since 0.1.0
   */
  RawEnd,
  /**
   * How the suite reaches below the transport under test.
   *
   * @category models
   * @since 0.1.0
   */
  RawAccess
} from "./internal/contract/kit.ts"

/**
 * An effect of a harness. It may fail with anything: the case fails with it.
 *
 * @category models
 * @since 0.1.0
 */
export type Run<A> = Effect.Effect<A, unknown, Scope.Scope>

/**
 * What the suite must know of a transport. `World` is whatever one case's transports share: a network in memory, or no
 * more than the settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Harness<World> {
  /** Names the suite. */
  readonly name: string

  /** True: the transport reaches the host's network, and time is the host's. False: its time is Effect's Clock. */
  readonly realTime: boolean

  /** A fresh network for a case, for the life of the scope. */
  readonly world: (settings: Settings) => Run<World>

  /** One more transport on the network, at an address of its own, for the life of the scope. */
  readonly transport: (world: World) => Run<Transport["Service"]>

  /** A well-formed address where nobody listens. */
  readonly refusingAddress: (world: World) => Run<string>

  /** Texts that are no addresses. At least one. */
  readonly invalidAddresses: ReadonlyArray<string>

  /**
   * More bytes than a link can hold for a far end that does not read, all buffers on the way included. The suite sends up
   * to so many.
   */
  readonly stallBytes: number

  /** An address where a dial gets no answer at all, for the life of the scope. */
  readonly hangingAddress?: ((world: World) => Run<string>) | undefined

  /** A link of the dialer whose far end neither reads nor writes nor closes, for the life of the scope. */
  readonly silentLink?: ((world: World, dialer: Transport["Service"]) => Run<Link>) | undefined

  /** Access from below. */
  readonly raw?: RawAccess | undefined
}

type Extend<K, World> = (kit: Kit, world: World) => K

/** Per case, on the host's clock, for machines under load; on their own all cases together take seconds. */
const caseTimeoutMillis = 60_000

/** Virtual time passes by itself, a millisecond at a time, as fast as the program gets to rest. */
const passTime = Effect.forkScoped(Effect.forever(Effect.andThen(TestClock.adjust(1), Effect.yieldNow)))

/**
 * Declares the contract's tests in a vitest file, for one transport.
 *
 * **Example** (A transport of one's own)
 *
 * ```ts
 * import * as TransportContract from "@hyparview/testing/TransportContract"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Effect } from "effect"
 *
 * TransportContract.suite<TransportContract.Settings>({
 *   name: "TCP over IPv4",
 *   realTime: true,
 *   world: Effect.succeed,
 *   transport: (settings) => TcpTransport.make({ maxFrameBytes: settings.maxFrameBytes }),
 *   refusingAddress: () => Effect.succeed("127.0.0.1:1"),
 *   invalidAddresses: ["", "127.0.0.1", "127.0.0.1:65536"],
 *   stallBytes: 64 * 1024 * 1024
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const suite = <World>(harness: Harness<World>): void => {
  const { hangingAddress, raw, silentLink } = harness
  const tester = harness.realTime ? it.live : it.effect

  const basic = (world: World, settings: Settings): Kit => ({
    settings,
    transport: harness.transport(world),
    refusingAddress: harness.refusingAddress(world),
    invalidAddresses: harness.invalidAddresses,
    stallBytes: harness.stallBytes
  })

  const runCase = <K extends Kit>(one: Case<K>, extend: Extend<K, World>) =>
    Effect.gen(function* () {
      const settings = { ...usualSettings, ...one.settings }
      if (!harness.realTime) yield* passTime
      const world = yield* harness.world(settings)
      yield* one.run(extend(basic(world, settings), world))
    })

  /** The cases of a theme; `extend` adds what they need, and is undefined where the harness does not have it. */
  const declare = <K extends Kit>(
    theme: string,
    cases: ReadonlyArray<Case<K>>,
    extend: Extend<K, World> | undefined
  ): void => {
    const declareCase = (one: Case<K>): void =>
      extend === undefined
        ? tester.skip(one.name, () => Effect.void)
        : tester(one.name, () => runCase(one, extend), caseTimeoutMillis)
    describe(`${theme}`, () => {
      cases.forEach(declareCase)
    })
  }

  describe(`the transport contract: ${harness.name}`, () => {
    declare("frames", frameCases, (kit) => kit)
    declare("dials", dialCases, (kit) => kit)
    declare(
      "dials without an answer",
      hangingCases,
      hangingAddress && ((kit, world) => ({ ...kit, hangingAddress: hangingAddress(world) }))
    )
    declare("ends", closingCases, (kit) => kit)
    declare(
      "silent far ends",
      silentCases,
      silentLink && ((kit, world) => ({ ...kit, silentLink: (dialer) => silentLink(world, dialer) }))
    )
    declare("slow readers", pressureCases, (kit) => kit)
    declare("bytes from below", rawCases, raw && ((kit) => ({ ...kit, raw })))
  })
}
