/**
 * Checkers of a broadcast's history: what was published, and what each subscriber was handed, in order. They know nothing of
 * how messages travel; what they hold a broadcast to is its promise to the application:
 *
 * - a subscriber is handed a message once at most, and nothing that nobody has published;
 * - since its baseline (the first thing it is told of a source) each sequence of (source, epoch, topic) is either delivered
 *   once or named in exactly one `Lagged`: so `Lagged` comes exactly where something was lost;
 * - where order was asked for, the messages of a source come in the order of their sequences, and a `Lagged` in the place of what
 *   it names, unless that is older than the baseline.
 *
 * A history is of one incarnation of one node: its next one begins anew.
 *
 * @since 0.1.0
 */

/**
 * Names a message, as `Plumtree.MessageId` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Id {
  readonly source: string | number
  readonly epoch: number
  readonly topic: string
  readonly sequence: number
}

/**
 * What one subscriber was told. `Lagged`: the sequences from `first` to `last`, both included, will never come.
 *
 * @category models
 * @since 0.1.0
 */
export type Told =
  | { readonly _tag: "Delivered"; readonly id: Id }
  | {
      readonly _tag: "Lagged"
      readonly source: string | number
      readonly epoch: number
      readonly topic: string
      readonly first: number
      readonly last: number
    }

/**
 * What one subscriber was told, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface History {
  /** Who, for the sentences. */
  readonly subscriber: string
  readonly told: ReadonlyArray<Told>
  /** Whether the messages of a source were to come in their order. */
  readonly isOrdered: boolean
}

type Origin = Omit<Id, "sequence">

/** In quotes where the name would not say where the source ends. */
const sourceOf = (source: string | number): string =>
  typeof source === "string" && /[@"]/.test(source) ? JSON.stringify(source) : String(source)

const nameOf = ({ epoch, source, topic }: Origin): string => `${sourceOf(source)}@${epoch}/${topic}`

/**
 * A message by its name, `source@epoch/topic#sequence`: the same for the same message, and for no other, whatever its source and
 * topic are called. A source with an `@` or a `"` stands in quotes, as JSON has it: `"eve@host"@1/news#7`.
 *
 * @category names
 * @since 0.1.0
 */
export const keyOf = (id: Id): string => `${nameOf(id)}#${id.sequence}`

/** What is known of one source's messages at one subscriber. */
interface Account {
  readonly delivered: Set<number>
  readonly lost: Set<number>
  /** The first sequence that was spoken of: the baseline lies no higher. */
  readonly baseline: number
  highest: number
  /** The last one delivered, or the highest lost since, for the order. */
  last: number
}

const accountOf = (accounts: Map<string, Account>, origin: Origin, first: number): Account => {
  const name = nameOf(origin)
  const known = accounts.get(name)
  if (known !== undefined) return known
  const account: Account = { delivered: new Set(), lost: new Set(), baseline: first, highest: -1, last: -1 }
  accounts.set(name, account)
  return account
}

const spokenOf = (account: Account, last: number): void => {
  account.highest = Math.max(account.highest, last)
}

/** The longest `Lagged` that is walked through one by one; a longer one is a fault of its own. */
const longestGap = 1_000_000

/**
 * What is wrong with a history in itself, or against what was published: sentences, none if all is well.
 *
 * `published` has the key of every message that somebody published; without it nothing is said about inventions.
 *
 * @category checking
 * @since 0.1.0
 */
export const faultsOf = (history: History, published?: ReadonlySet<string>): ReadonlyArray<string> => {
  const { isOrdered, subscriber, told } = history
  const faults: Array<string> = []
  const accounts = new Map<string, Account>()
  for (const item of told) {
    if (item._tag === "Delivered") {
      const { id } = item
      const account = accountOf(accounts, id, id.sequence)
      if (account.delivered.has(id.sequence)) faults.push(`${subscriber} was handed ${keyOf(id)} twice`)
      if (account.lost.has(id.sequence)) faults.push(`${subscriber} was handed ${keyOf(id)} after it was given up`)
      if (isOrdered && id.sequence < account.last) {
        faults.push(`${subscriber} was handed ${keyOf(id)} after #${account.last}`)
      }
      if (published !== undefined && !published.has(keyOf(id))) {
        faults.push(`${subscriber} was handed ${keyOf(id)}, which nobody has published`)
      }
      account.delivered.add(id.sequence)
      account.last = id.sequence
      spokenOf(account, id.sequence)
      continue
    }
    const { first, last } = item
    const where = `${nameOf(item)}#${first}–${last}`
    if (!(first >= 0 && last >= first && last - first < longestGap)) {
      faults.push(`${subscriber} lagged by ${where}, which is no range`)
      continue
    }
    const account = accountOf(accounts, item, first)
    if (isOrdered && first >= account.baseline && first < account.last) {
      faults.push(`${subscriber} lagged by ${where} after #${account.last}`)
    }
    for (let sequence = first; sequence <= last; sequence++) {
      if (account.delivered.has(sequence)) faults.push(`${subscriber} lagged by ${where}, but was handed #${sequence}`)
      if (account.lost.has(sequence))
        faults.push(`${subscriber} lagged by ${where}, of which #${sequence} was given up before`)
      account.lost.add(sequence)
    }
    account.last = Math.max(account.last, last)
    spokenOf(account, last)
  }
  return faults
}

/**
 * Sequences from the first that a subscriber was told of a source to the highest, which it was neither handed nor told to
 * have lost: at rest there may be none. What is older than the first is not owed, even if some of it comes (rule R5).
 *
 * @category checking
 * @since 0.1.0
 */
export const gapsOf = ({ subscriber, told }: History): ReadonlyArray<string> => {
  const accounts = new Map<string, Account>()
  for (const item of told) {
    const isOne = item._tag === "Delivered"
    const first = isOne ? item.id.sequence : item.first
    const account = accountOf(accounts, isOne ? item.id : item, first)
    const last = isOne ? item.id.sequence : item.last
    const set = isOne ? account.delivered : account.lost
    for (let sequence = first; sequence <= last && sequence - first < longestGap; sequence++) set.add(sequence)
    spokenOf(account, last)
  }
  const gaps: Array<string> = []
  for (const [name, { baseline, delivered, highest, lost }] of accounts) {
    for (let sequence = baseline; sequence <= highest; sequence++) {
      if (!delivered.has(sequence) && !lost.has(sequence))
        gaps.push(`${subscriber} was told nothing of ${name}#${sequence}`)
    }
  }
  return gaps
}

/**
 * Messages that a subscriber should have been handed and was not. `due`: those that were published while it could have them
 * all, by itself or from what its neighbours retain. One in order waits for what is older than its baseline no longer than rule R5
 * says, and may be told that it is lost when it comes after all. `came`: the keys (`keyOf`) of what came to its node, in time or not;
 * where it is not known nothing did.
 *
 * @category checking
 * @since 0.1.0
 */
export const missingOf = (
  { isOrdered, subscriber, told }: History,
  due: ReadonlyArray<Id>,
  came: ReadonlySet<string> = new Set()
): ReadonlyArray<string> => {
  const handed = new Set<string>()
  const baselines = new Map<string, number>()
  const late: Array<Extract<Told, { _tag: "Lagged" }>> = []
  for (const item of told) {
    const isOne = item._tag === "Delivered"
    const name = nameOf(isOne ? item.id : item)
    const baseline = baselines.get(name)
    if (baseline === undefined) baselines.set(name, isOne ? item.id.sequence : item.first)
    if (isOne) handed.add(keyOf(item.id))
    else if (isOrdered && baseline !== undefined && item.last < baseline) late.push(item)
  }
  const isLate = (id: Id): boolean =>
    came.has(keyOf(id)) &&
    late.some((item) => nameOf(item) === nameOf(id) && id.sequence >= item.first && id.sequence <= item.last)
  return due.flatMap((id) => (handed.has(keyOf(id)) || isLate(id) ? [] : [`${subscriber} was not handed ${keyOf(id)}`]))
}

/**
 * NeighborUp or NeighborDown, as a subscriber was told it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NeighborEvent {
  readonly _tag: "NeighborUp" | "NeighborDown"
  readonly peer: string | number
}

/**
 * What is wrong with the neighbour events of one node: they alternate for each peer, and at the end add up to the active
 * view.
 *
 * @category checking
 * @since 0.1.0
 */
export const neighborFaults = (
  node: string,
  events: ReadonlyArray<NeighborEvent>,
  active: ReadonlyArray<string | number>
): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const up = new Set<string | number>()
  for (const { _tag, peer } of events) {
    if (_tag === "NeighborUp" ? up.has(peer) : !up.has(peer)) faults.push(`${node} was told ${_tag} of ${peer} twice`)
    if (_tag === "NeighborUp") up.add(peer)
    else up.delete(peer)
  }
  for (const peer of active) if (!up.has(peer)) faults.push(`${node} holds ${peer}, and was not told so`)
  for (const peer of up) if (!active.includes(peer)) faults.push(`${node} was told of ${peer}, and does not hold it`)
  return faults
}
