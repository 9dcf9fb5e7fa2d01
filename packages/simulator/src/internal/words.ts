/**
 * Lists of whole numbers and of peers in a row of typed words, as states at rest hold them (`lines.ts`). A simulated peer's
 * address is its id.
 */
import type { HyParView } from "@hyparview/core"

type Peers = HyParView.Peers<number, number>
type Passive = HyParView.Passive<number, number>

export const none: ReadonlyArray<never> = []

/** Whether a number fits a word. */
export const isWord = (value: number): boolean => (value | 0) === value

/** As many entries as a byte can count: no list has room for more. */
export const mostEntries = 255

/** Arrays to copy, by length, so that what is read is of V8's packed kinds, as all other arrays are. */
const zeros: ReadonlyArray<ReadonlyArray<number>> = Array.from({ length: mostEntries + 1 }, (_, length) =>
  Array.from({ length }, () => 0).slice()
)

/** The numbers from a place on. */
export const listAt = (words: Int32Array, at: number, size: number): ReadonlyArray<number> => {
  if (size === 0) return none
  const list = (zeros[size] ?? none).slice()
  for (let i = 0; i < size; i++) list[i] = words[at + i] ?? 0
  return list
}

/** Writes whole numbers from a place on. */
export const writeList = (words: Int32Array, at: number, list: ReadonlyArray<number>): void => {
  for (let i = 0; i < list.length; i++) words[at + i] = list[i] ?? 0
}

/**
 * Peers at rest, each column read when it is first looked at: most steps look at none. One class for a passive view and for a
 * graveyard, which has no third column, so that all that looks at them sees one kind of object.
 */
export class RestingPeers implements Passive {
  private readonly words: Int32Array
  private readonly at: number
  private readonly room: number
  private readonly size: number
  private idColumn: ReadonlyArray<number> | undefined = undefined
  private epochColumn: ReadonlyArray<number> | undefined = undefined
  private sinceColumn: ReadonlyArray<number> | undefined = undefined
  private asPassive: Passive | undefined = undefined

  constructor(words: Int32Array, at: number, room: number, size: number) {
    this.words = words
    this.at = at
    this.room = room
    this.size = size
  }

  get ids(): ReadonlyArray<number> {
    return (this.idColumn ??= listAt(this.words, this.at, this.size))
  }

  get epochs(): ReadonlyArray<number> {
    return (this.epochColumn ??= listAt(this.words, this.at + this.room, this.size))
  }

  get addresses(): ReadonlyArray<number> {
    return this.ids
  }

  get since(): ReadonlyArray<number> {
    return (this.sinceColumn ??= listAt(this.words, this.at + 2 * this.room, this.size))
  }

  /** The same, read: of a passive view. */
  get passive(): Passive {
    const { addresses, epochs, ids, since } = this
    return (this.asPassive ??= { ids, epochs, addresses, since })
  }

  /** Of a graveyard. */
  get peers(): Peers {
    const { addresses, epochs, ids } = this
    return { ids, epochs, addresses }
  }
}
