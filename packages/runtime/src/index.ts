/**
 * HyParView as Effect services: a node is a Layer over a `Transport` and a `Discovery`.
 *
 * @since 0.1.0
 */
export * as Broadcast from "./Broadcast.ts"
export * as Discovery from "./Discovery.ts"
export * as DiscoveryDns from "./DiscoveryDns.ts"
export * as Membership from "./Membership.ts"
export * as Node from "./Node.ts"
export * as Topic from "./Topic.ts"
export * as Transport from "./Transport.ts"
