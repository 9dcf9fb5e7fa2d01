/**
 * Keeps the frames of one link in order when latencies vary: for each directed pair of nodes, when the last frame under
 * way arrives. A hash table of typed arrays with linear probing; a pair whose last frame has arrived says nothing any
 * more, so its place is free again, and the table holds no more than what is under way.
 */

/** The arrivals of frames under way. Mutable: it belongs to the world that made it. */
export class LinkOrder {
  private from = new Int32Array(1024)
  private to = new Int32Array(1024)
  private arrival = new Float64Array(1024).fill(-1)
  /** Places that have been written since the table was last rebuilt. */
  private used = 0

  /**
   * The arrival of a frame that left at `now` and would arrive at `time`: `time`, or that of the frame before it on the
   * same link if that is later.
   */
  arrivalOf(from: number, to: number, time: number, now: number): number {
    const mask = this.arrival.length - 1
    let free = -1
    for (let probe = placeOf(from, to) & mask; ; probe = (probe + 1) & mask) {
      const arrival = this.arrival[probe] ?? -1
      if (arrival < 0) {
        if (free < 0) {
          free = probe
          this.used++
        }
        break
      }
      if (this.from[probe] === from && this.to[probe] === to) {
        const ordered = arrival > time ? arrival : time
        this.arrival[probe] = ordered
        return ordered
      }
      if (free < 0 && arrival < now) free = probe
    }
    this.from[free] = from
    this.to[free] = to
    this.arrival[free] = time
    if (this.used * 2 > this.arrival.length) this.rebuild(now)
    return time
  }

  /** When the last frame of a link arrives, or did; 0 where none is known. */
  lastArrivalOf(from: number, to: number): number {
    const mask = this.arrival.length - 1
    for (let probe = placeOf(from, to) & mask; ; probe = (probe + 1) & mask) {
      const arrival = this.arrival[probe] ?? -1
      if (arrival < 0) return 0
      if (this.from[probe] === from && this.to[probe] === to) return arrival
    }
  }

  fork(): LinkOrder {
    const fork = new LinkOrder()
    fork.from = this.from.slice()
    fork.to = this.to.slice()
    fork.arrival = this.arrival.slice()
    fork.used = this.used
    return fork
  }

  /** Leaves behind what has arrived, and makes room for twice as much as remains. */
  private rebuild(now: number): void {
    const { arrival, from, to } = this
    let live = 0
    for (const each of arrival) if (each >= now) live++
    let size = 1024
    while (size < live * 4) size *= 2
    this.from = new Int32Array(size)
    this.to = new Int32Array(size)
    this.arrival = new Float64Array(size).fill(-1)
    this.used = 0
    for (let i = 0; i < arrival.length; i++) {
      const each = arrival[i] ?? -1
      if (each < now) continue
      const mask = size - 1
      let probe = placeOf(from[i] ?? 0, to[i] ?? 0) & mask
      while ((this.arrival[probe] ?? -1) >= 0) probe = (probe + 1) & mask
      this.from[probe] = from[i] ?? 0
      this.to[probe] = to[i] ?? 0
      this.arrival[probe] = each
      this.used++
    }
  }
}

/** Where to begin to look for a pair, before the mask. */
const placeOf = (from: number, to: number): number => (Math.imul(from, 0x9e3779b1) ^ Math.imul(to, 0x85ebca77)) >>> 0
