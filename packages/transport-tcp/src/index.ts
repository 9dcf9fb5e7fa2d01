/**
 * TCP and mutual TLS, as Layers for the runtime's `Transport`.
 *
 * @since 0.1.0
 */
export * as Address from "./Address.ts"
export * as TcpConfig from "./TcpConfig.ts"
export * as TcpMetrics from "./TcpMetrics.ts"
export * as TcpTransport from "./TcpTransport.ts"
export * as CertificateName from "./CertificateName.ts"
export * as TlsConfig from "./TlsConfig.ts"
export * as TlsMetrics from "./TlsMetrics.ts"
export * as TlsTransport from "./TlsTransport.ts"
