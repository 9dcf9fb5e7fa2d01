/**
 * TCP and mutual TLS, as Layers for the runtime's Transport.
 *
 * @since 0.1.0
 */
export {}
