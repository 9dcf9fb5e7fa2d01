/**
 * The protocols (HyParView, Plumtree) as pure functions, their driver contract and their wire format.
 *
 * @since 0.1.0
 */
export {}
