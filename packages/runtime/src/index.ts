/**
 * Effect services for membership and broadcast: Transport, Membership, Broadcast, Discovery, PeerStore.
 *
 * @since 0.1.0
 */
export {}
