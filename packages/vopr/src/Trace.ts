/** The last things that happened in a run, kept as they are and put into words only for a run that failed. */
import type { Peer } from "@hyparview/core"

interface Entry<I extends Peer.Key> {
  readonly node: I
  readonly input: { readonly _tag: string; readonly now: number }
  readonly outputs: ReadonlyArray<{ readonly _tag: string }>
}

/** How many transitions a tail shows. */
const length = 60

const shortened = (_key: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  // A peer by its name, a link by its maker: a trace is read by eye.
  if ("id" in value && "epoch" in value && "address" in value) return `${String(value.id)}@${String(value.epoch)}`
  if ("asker" in value && "requestId" in value) return `${String(value.asker)}#${String(value.requestId)}`
  if ("now" in value) return { ...value, now: undefined }
  return value
}

const words = (value: { readonly _tag: string }): string => {
  const { _tag, ...rest } = value
  const detail = JSON.stringify(rest, shortened)
  return detail === "{}" ? _tag : `${_tag} ${detail.slice(0, 240)}`
}

/** A bounded trace of the transitions of all nodes. */
export class Trace<I extends Peer.Key> {
  private readonly entries: Array<Entry<I>> = []
  private next = 0

  add(node: I, input: Entry<I>["input"], outputs: Entry<I>["outputs"]): void {
    this.entries[this.next % length] = { node, input, outputs }
    this.next++
  }

  /** The last transitions in order: when, who, what came in, what went out. */
  tail(): ReadonlyArray<string> {
    const start = Math.max(0, this.next - length)
    const lines: Array<string> = []
    for (let at = start; at < this.next; at++) {
      const entry = this.entries[at % length]
      if (entry === undefined) continue
      lines.push(`${entry.input.now} ms  ${entry.node} ← ${words(entry.input)}`)
      for (const output of entry.outputs) lines.push(`        → ${words(output)}`)
    }
    return lines
  }
}
