/**
 * An in-process network with faults, as a Layer for the runtime's Transport.
 *
 * @since 0.1.0
 */
export * as MemoryNetwork from "./MemoryNetwork.ts"
export * as MemoryTransport from "./MemoryTransport.ts"
export type { Statistics } from "./Statistics.ts"
