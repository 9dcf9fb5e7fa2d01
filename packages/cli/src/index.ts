/**
 * The hyparview command: node, cluster, certs, simulate.
 *
 * @since 0.1.0
 */
export {}
