/**
 * A page on which one sees a live cluster and acts on it, and the HTTP server that gives it.
 *
 * @since 0.1.0
 */
export * as ClusterSource from "./ClusterSource.ts"
export * as Feed from "./Feed.ts"
export * as Overlay from "./Overlay.ts"
export * as Server from "./Server.ts"
export * as ServerGuard from "./ServerGuard.ts"
export * as Story from "./Story.ts"
