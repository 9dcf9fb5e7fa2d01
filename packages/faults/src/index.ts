/**
 * Latency models, fault plans as data, and checkers of invariants and histories. Pure.
 *
 * @since 0.1.0
 */
export {}
