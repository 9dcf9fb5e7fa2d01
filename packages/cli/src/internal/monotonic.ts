/** How time passes here, whatever the wall clock is set to meanwhile. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Only differences mean anything. */
export const monotonicSeconds = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e9)
