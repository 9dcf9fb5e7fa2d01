/**
 * An in-process network with faults, as a Layer for the runtime's Transport.
 *
 * @since 0.1.0
 */
export {}
