/**
 * A discrete-event world over @hyparview/core: experiments, metrics and reports, for up to a million nodes.
 *
 * @since 0.1.0
 */
export {}
