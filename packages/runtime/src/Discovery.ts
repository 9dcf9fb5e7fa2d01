/**
 * Discovery: where a node may find others. It is asked when a node knows nobody else to ask; the answer is a list of
 * addresses in the transport's form, some of which may be stale or the node's own.
 *
 * DNS is an adapter of its own: `@hyparview/runtime/DiscoveryDns`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Contacts could not be found. The node keeps what it knows, and asks again after a growing wait.
 *
 * @category errors
 * @since 0.1.0
 */
export class DiscoveryError extends Data.TaggedError("DiscoveryError")<{ readonly detail: string }> {
  override get message(): string {
    return `discovery failed: ${this.detail}`
  }
}

/**
 * Where a node may find others.
 *
 * @category services
 * @since 0.1.0
 */
export class Discovery extends Context.Service<
  Discovery,
  {
    /**
     * Addresses of nodes that may be up. Asked rarely; may take as long as the node's request time-out. One that dies, is interrupted
     * or gives what is no list of texts counts as one that fails.
     */
    readonly contacts: Effect.Effect<ReadonlyArray<string>, DiscoveryError>
  }
>()("@hyparview/runtime/Discovery") {
  /** Nobody: only the contacts given to `join` are known. */
  static readonly layerNone: Layer.Layer<Discovery> = Layer.succeed(this, { contacts: Effect.succeed([]) })

  /**
   * A fixed list.
   *
   * @example
   * ```ts
   * import { Discovery } from "@hyparview/runtime"
   *
   * const SeedNodes = Discovery.Discovery.layerStatic(["10.0.0.1:7946", "10.0.0.2:7946"])
   * ```
   */
  static readonly layerStatic = (addresses: ReadonlyArray<string>): Layer.Layer<Discovery> =>
    Layer.succeed(this, { contacts: Effect.succeed(addresses) })
}
