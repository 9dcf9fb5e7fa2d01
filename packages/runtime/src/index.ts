/**
 * HyParView as Effect services: a node is a Layer over a `Transport` and a `Discovery`. Two adapters that stand on
 * modules of Effect which are tagged unstable are entry points of their own: `@hyparview/runtime/DiscoveryDns` and
 * `…/PeerStoreFile`.
 *
 * @since 0.1.0
 */
export * as Alarm from "./Alarm.ts"
export * as Broadcast from "./Broadcast.ts"
export * as ControlledTransport from "./ControlledTransport.ts"
export * as Discovery from "./Discovery.ts"
export * as Membership from "./Membership.ts"
export * as Node from "./Node.ts"
export * as PeerStore from "./PeerStore.ts"
export * as Topic from "./Topic.ts"
export * as Transport from "./Transport.ts"
