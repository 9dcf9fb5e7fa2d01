/**
 * The control channel over Node's IPC: Effect's RPC, one process at each end, its encoded messages sent as they are.
 *
 * Effect's own worker protocol is not used because it starts a worker again that has died, and a supervisor that kills
 * with intent must be told instead.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import { Control } from "../Control.ts"

/** One end of an IPC channel: what a child process is to its parent, and `process` to the child. */
export interface Port {
  readonly send?: (message: object, callback: (error: Error | null) => void) => boolean
  readonly on: (event: "message" | "disconnect", listener: (message: unknown) => void) => unknown
  readonly off: (event: "message" | "disconnect", listener: (message: unknown) => void) => unknown
}

const isTagged = (message: unknown): message is { readonly _tag: unknown } =>
  typeof message === "object" && message !== null && "_tag" in message

/** Payloads, results and errors are checked by their schemas later; this looks at the envelope alone. */
const isResponse = (message: unknown): message is FromServerEncoded =>
  isTagged(message) && (message._tag === "Exit" || message._tag === "Defect") && !("error" in message)

const isRequest = (message: unknown): message is FromClientEncoded =>
  isTagged(message) && (message._tag === "Request" || message._tag === "Interrupt")

const closed = (detail: string, cause: unknown): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: detail, cause }) })

const send = (port: Port, message: object): Effect.Effect<void, RpcClientError> =>
  Effect.callback((resume) => {
    if (port.send === undefined) return resume(Effect.fail(closed("not a child process", undefined)))
    port.send(message, (error) =>
      resume(error === null ? Effect.void : Effect.fail(closed("the control channel is closed", error)))
    )
  })

const listen = (
  port: Port,
  event: "message" | "disconnect",
  listener: (message: unknown) => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => port.on(event, listener)),
      () => Effect.sync(() => port.off(event, listener))
    )
  )

/** The parent's end. When the channel closes, every request under way fails, and so does every later one. */
const layerClient = (port: Port): Layer.Layer<RpcClient.Protocol> =>
  Layer.effect(
    RpcClient.Protocol,
    RpcClient.Protocol.make(
      Effect.fnUntraced(function* (respond) {
        const fork = Effect.runForkWith(yield* Effect.context())
        // Whoever has asked: an answer may be here before the client's own fiber has run for the first time.
        const clientIds = new Set<number>()
        const toAll = (response: FromServerEncoded): void => {
          for (const id of clientIds) fork(respond(id, response))
        }
        yield* listen(port, "message", (message) => {
          if (isResponse(message)) toAll(message)
        })
        yield* listen(port, "disconnect", () =>
          toAll({ _tag: "ClientProtocolError", error: closed("the control channel closed", undefined) })
        )
        return {
          send: (clientId, request) => {
            clientIds.add(clientId)
            return send(port, request)
          },
          supportsAck: false,
          supportsTransferables: false,
          codecFor: RpcSerialization.json.codecFor
        }
      })
    )
  )

/** A client of the control channel. */
export type ControlClient = RpcClient.FromGroup<typeof Control, RpcClientError>

/** @see layerClient */
export const makeClient = (port: Port): Effect.Effect<ControlClient, never, Scope.Scope> =>
  Effect.flatMap(Layer.build(Layer.fresh(layerClient(port))), (context) =>
    RpcClient.make(Control, { disableTracing: true }).pipe(Effect.provide(context))
  )

/** The worker's end. */
export const layerServer = (port: Port): Layer.Layer<RpcServer.Protocol> =>
  Layer.effect(
    RpcServer.Protocol,
    RpcServer.Protocol.make(
      Effect.fnUntraced(function* (receive) {
        const fork = Effect.runForkWith(yield* Effect.context())
        yield* listen(port, "message", (message) => {
          if (isRequest(message)) fork(receive(0, message))
        })
        return {
          disconnects: yield* Queue.make<number>(),
          // A response that cannot be sent has nobody left to read it: the worker ends with its channel.
          send: (_clientId, response) => Effect.ignore(send(port, response)),
          end: () => Effect.void,
          clientIds: Effect.succeed(new Set([0])),
          initialMessage: Effect.succeedNone,
          supportsAck: false,
          supportsTransferables: false,
          supportsSpanPropagation: false,
          supportsNotifications: false,
          codecFor: RpcSerialization.json.codecFor
        }
      })
    )
  )
