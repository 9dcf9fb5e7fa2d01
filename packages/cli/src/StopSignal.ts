/**
 * Ctrl-C, SIGTERM and SIGHUP as something that a command can wait for. While a command waits, a signal is an order to come to an
 * end in order; while none does, and on every further signal, it interrupts. What comes within a second of a signal counts as
 * the same one: a Ctrl-C may arrive twice, from the terminal and by way of npm.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * @category models
 * @since 0.1.0
 */
export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP"

/**
 * @category services
 * @since 0.1.0
 */
export class StopSignal extends Context.Service<
  StopSignal,
  {
    /** Waits for the next signal to stop. */
    readonly wait: Effect.Effect<Signal>
  }
>()("@hyparview/cli/StopSignal") {}
