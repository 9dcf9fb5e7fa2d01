/**
 * TCP, as a Layer for the runtime's `Transport`.
 *
 * @since 0.1.0
 */
export * as Address from "./Address.ts"
export * as TcpConfig from "./TcpConfig.ts"
export * as TcpMetrics from "./TcpMetrics.ts"
export * as TcpTransport from "./TcpTransport.ts"
export * as TlsConfig from "./TlsConfig.ts"
export * as TlsTransport from "./TlsTransport.ts"
