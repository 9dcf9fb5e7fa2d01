/**
 * What others can bring about as often as they like is logged once a minute for each kind: the first at once, those of the next minute
 * with it as a number, so that a flood does not fill a disk. (The runtime's own of this name forgets peers, of which there can be any
 * number; kinds are few.)
 */
const quietMillis = 60_000

/** What an entry holds beside its own fields; undefined where there is to be none. */
export type Seldom = (kind: string) => { readonly alsoSince?: number } | undefined

export const makeSeldom = (nowMillis: () => number): Seldom => {
  const spoken = new Map<string, { readonly atMillis: number; untold: number }>()
  return (kind) => {
    const last = spoken.get(kind)
    const now = nowMillis()
    if (last !== undefined && now - last.atMillis < quietMillis) {
      last.untold++
      return undefined
    }
    spoken.set(kind, { atMillis: now, untold: 0 })
    return last === undefined || last.untold === 0 ? {} : { alsoSince: last.untold }
  }
}
