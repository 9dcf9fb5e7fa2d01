/**
 * The hard limits of the wire format. They are part of it: a frame that exceeds one is no frame, in any configuration.
 *
 * @since 0.1.0
 */

/**
 * Bytes of any text: an id, an address, a cluster's name, a topic, a detail. So that its length is one byte.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxTextBytes = 255

/**
 * Entries of a sample. So that their count is one byte.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxSampleEntries = 255

/**
 * The largest whole number that a double holds exactly: the limit of epochs, sequence numbers and nonces.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxInteger = 9_007_199_254_740_991

/**
 * Request ids. Half of `maxInteger`, because a link's name shares a varint with the bit that says who asked.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxRequestId = 4_503_599_627_370_495

/**
 * The time to live of a walk, and the hops of a broadcast, of which more are sent as this many. One byte.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxHops = 255

/**
 * The age of a sample's entry, in cycles: three weeks of cycles of 30 s. An older one is sent as this one.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxAge = 65_535

/**
 * A `retryAfterMillis`: 49 days. A longer one is sent as this one.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxRetryAfterMillis = 4_294_967_295

/**
 * The cost of a pair of links, in whatever unit a cluster has agreed on. A larger one cannot be sent.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxCosts = 2_000_000_000_000_000

/**
 * Ids of one message: announced, grafted or missed.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxIds = 1_000

/**
 * Origins of one message, each with its ranges.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxRanges = 1_000

/**
 * Runs of sequences of one origin.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxRuns = 10_000

/**
 * Trees of a thicket.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxTrees = 255

/**
 * Extensions of one message.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxExtensions = 64
