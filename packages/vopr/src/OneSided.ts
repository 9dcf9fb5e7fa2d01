/**
 * Links that one end alone holds, over several looks: whoever has just been accepted or evicted has yet to hear of it, so a
 * link counts only if it was one-sided at every look for a request time-out (rule C1).
 */
import { Overlay } from "@hyparview/faults"

/** Looks in a request time-out. At fewer, two changes of one link, each still on its way, could pass for one. */
const looks = 4

export class OneSided<I extends string | number> {
  /** Until the next look. */
  readonly everyMillis: number
  private readonly requestTimeoutMillis: number
  private since: ReadonlyMap<string, number> = new Map()

  constructor(requestTimeoutMillis: number) {
    this.requestTimeoutMillis = requestTimeoutMillis
    this.everyMillis = requestTimeoutMillis / looks
  }

  /** Takes a look; the links that have been one-sided for too long, as a sentence. */
  look(snapshot: Overlay.Snapshot<I>, nowMillis: number): ReadonlyArray<string> {
    const since = new Map<string, number>()
    const still: Array<string> = []
    for (const { from, to } of Overlay.asymmetricLinks(snapshot)) {
      const link = `${from} → ${to}`
      const at = this.since.get(link) ?? nowMillis
      since.set(link, at)
      if (nowMillis - at >= this.requestTimeoutMillis) still.push(link)
    }
    this.since = since
    return still.length === 0 ? still : [`held by one end only, for a request time-out: ${still.join(", ")}`]
  }
}
