/**
 * What a peer can bring about as often as it likes is logged at most once a minute for each peer and reason; the next entry
 * says how many were left out. So a flood does not fill a disk.
 */
const quietMillis = 60_000

/** So many are remembered; of more those whose minute is over are forgotten. */
const remembered = 1_024

/** What an entry holds beside its own fields; undefined where there is to be none. */
export type Seldom = (peer: string, reason: string) => { readonly alsoSince?: number } | undefined

export const makeSeldom = (now: () => number): Seldom => {
  const spoken = new Map<string, { readonly at: number; untold: number }>()
  return (peer, reason) => {
    const key = `${reason} ${peer}`
    const last = spoken.get(key)
    const at = now()
    if (last !== undefined && at - last.at < quietMillis) {
      last.untold++
      return undefined
    }
    if (spoken.size >= remembered) {
      for (const [other, entry] of spoken) if (at - entry.at >= quietMillis) spoken.delete(other)
    }
    spoken.set(key, { at, untold: 0 })
    return last === undefined || last.untold === 0 ? {} : { alsoSince: last.untold }
  }
}
