/** When each node last had to do with each other: a link that is older than that, and to no neighbour, is a leak. */

export class Talks<I> {
  private readonly talks = new Map<I, Map<I, number>>()

  /** The two have spoken, or tried to. */
  add(one: I, other: I, atMillis: number): void {
    this.of(one).set(other, atMillis)
    this.of(other).set(one, atMillis)
  }

  /** With how many others a node has had to do since then, without these. */
  since(node: I, without: ReadonlyArray<I>, sinceMillis: number): number {
    let count = 0
    for (const [other, at] of this.of(node)) if (at >= sinceMillis && !without.includes(other)) count++
    return count
  }

  private of(node: I): Map<I, number> {
    const known = this.talks.get(node)
    if (known !== undefined) return known
    const talks = new Map<I, number>()
    this.talks.set(node, talks)
    return talks
  }
}
