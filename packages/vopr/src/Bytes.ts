/**
 * Hostile frames against the decoder. Whatever the bytes, the answer is a message or a typed error that says where it lies;
 * what can be read can be written, and gives the same bytes again (but for extensions, which a reader drops); and nothing
 * that is announced is believed before it is there, so what is read is no larger than the frame it came in.
 */
import { type Node, Random, Wire } from "@hyparview/core"
import * as Result from "effect/Result"
import { ends, farEnds, frameOf, hostileFrame } from "./FrameDraw.ts"

type Value = Node.Message | Wire.Hello | Wire.Bye

/** The readers of a frame before and after the Hello: each must be safe from every frame. */
const readers: ReadonlyArray<readonly [string, (frame: Uint8Array) => Result.Result<Value, Wire.WireError>]> = [
  ["control", Wire.decodeControl],
  ["message", (frame) => Wire.decode(frame, farEnds)]
]

/** What came of a set of frames. */
export interface Fuzzed {
  /** None if all is well; each names its frame. */
  readonly faults: ReadonlyArray<string>
  /** How often each way of being read or refused was met. */
  readonly met: Readonly<Record<string, number>>
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])

/** How many entries a value holds: memory that a frame can claim. */
const entriesOf = (value: Value): number => ("sample" in value ? value.sample.peers.length : 0)

/** What is wrong with one answer; undefined if nothing is. */
const faultOf = (
  frame: Uint8Array,
  read: (frame: Uint8Array) => Result.Result<Value, Wire.WireError>,
  count: (what: string) => void
): string | undefined => {
  const result = read(frame)
  if (Result.isFailure(result)) {
    const { field, offset, reason } = result.failure
    count(reason)
    return offset >= 0 && offset <= frame.length && field !== "" ? undefined : `an error at ${field}, byte ${offset}`
  }
  const value = result.success
  count("read")
  // An entry is an id of one byte, its length, an epoch, an address's length and an age.
  if (entriesOf(value) * 5 > frame.length) return `${entriesOf(value)} entries from ${frame.length} bytes`
  const written = frameOf(value)
  if (Result.isFailure(written)) return `what was read cannot be written: ${written.failure.message}`
  const canonical = written.success
  if (isSame(canonical, frame)) return undefined
  if (canonical.length >= frame.length) return "what was read is written otherwise"
  count("with extensions")
  const again = read(canonical)
  if (Result.isFailure(again)) return `its own writing is refused: ${again.failure.message}`
  const rewritten = frameOf(again.success)
  return Result.isSuccess(rewritten) && isSame(rewritten.success, canonical)
    ? undefined
    : "its own writing reads otherwise"
}

const inHex = (frame: Uint8Array): string => Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** Reads so many hostile frames of a seed. */
export const fuzz = (seed: number, inputs: number): Fuzzed => {
  const random = Random.seeded(seed)
  const met: Record<string, number> = {}
  const faults: Array<string> = []
  const count = (what: string): void => {
    met[what] = (met[what] ?? 0) + 1
  }
  // Nine frames in ten are refused, and nobody looks at where the error was made.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    for (let input = 0; input < inputs && faults.length < 10; input++) {
      const { frame, how } = hostileFrame(random)
      for (const [name, read] of readers) {
        const place = () => `seed ${seed}, frame ${input} (${how}), as ${name}, ${inHex(frame)}`
        try {
          const fault = faultOf(frame, read, count)
          if (fault !== undefined) faults.push(`${fault}: ${place()}`)
        } catch (thrown) {
          faults.push(`thrown ${String(thrown)}: ${place()}`)
        }
      }
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return { faults, met }
}

/** The ends between which the frames are said. */
export { ends }
