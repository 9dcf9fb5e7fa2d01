/**
 * A supervisor of live nodes in processes: start, kill, restart, partition, status.
 *
 * @since 0.1.0
 */
export {}
