/** What the worlds of these tests have in common. */
import type { WorldOptions } from "@hyparview/simulator/World"

export const surroundings = {
  latency: { _tag: "Constant", micros: 10_000 },
  detectionMillis: 500,
  dialFailure: "refused",
  dialTimeoutMillis: 2_000,
  sendAttempts: 1,
  discoverySize: 3
} as const satisfies Partial<WorldOptions>
