/** Opens a transport: an endpoint behind a listening socket, with or without TLS. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TransportError } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import * as Address from "../Address.ts"
import type { TcpConfig } from "../TcpConfig.ts"
import { makeCounters } from "./counters.ts"
import { Endpoint } from "./endpoint.ts"
import type { Security } from "./security.ts"
import { makeShortages } from "./shortage.ts"
import { lackOfDescriptors, listen } from "./socket.ts"

export const open = Effect.fnUntraced(function* (
  config: TcpConfig,
  security: Security
): Effect.fn.Return<Transport["Service"], TransportError, Scope.Scope> {
  const context = yield* Effect.context()
  const run = Effect.runForkWith(context)
  const after = (millis: number, then: () => void): (() => void) => {
    const fiber = run(Effect.delay(Effect.sync(then), millis))
    return () => fiber.interruptUnsafe()
  }
  const clock = yield* Clock.Clock
  const counters = makeCounters(context)
  const shortages = makeShortages(
    counters,
    config,
    lackOfDescriptors,
    () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000,
    (message, fields) => run(Effect.logWarning(message, fields))
  )
  const endpoint = new Endpoint(config, security, counters, shortages, after)
  const listener = yield* listen(config, {
    connection: endpoint.accept,
    error: (error) => run(Effect.logWarning("The listening socket reports an error", error)),
    close: endpoint.shutdown
  })
  return Transport.of({
    address: addressOf(config, listener.port),
    maxFrameBytes: config.maxFrameBytes,
    dial: endpoint.dial,
    accepted: endpoint.accepted
  })
})

const addressOf = (config: TcpConfig, boundPort: number): string =>
  Address.format({ host: config.advertiseHost ?? config.host, port: config.advertisePort ?? boundPort })
