/**
 * What a peer can bring about as often as it likes is logged at most once a minute for each peer and reason; the next entry
 * says how many were left out. So a flood does not fill a disk.
 */
const quietMillis = 60_000

/** What an entry holds beside its own fields; undefined where there is to be none. */
export type Seldom = (peer: string, reason: string) => { readonly alsoSince?: number } | undefined

/** Remembers `size` of them; of more, the one that was logged longest ago is forgotten. */
export const makeSeldom = (now: () => number, size: number): Seldom => {
  const spoken = new Map<string, { readonly at: number; untold: number }>()
  return (peer, reason) => {
    const key = `${reason} ${peer}`
    const last = spoken.get(key)
    const at = now()
    if (last !== undefined && at - last.at < quietMillis) {
      last.untold++
      return undefined
    }
    // In the order in which they were logged.
    spoken.delete(key)
    const [longestAgo] = spoken.keys()
    if (longestAgo !== undefined && spoken.size >= size) spoken.delete(longestAgo)
    spoken.set(key, { at, untold: 0 })
    return last === undefined || last.untold === 0 ? {} : { alsoSince: last.untold }
  }
}
