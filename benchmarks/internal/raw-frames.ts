/** Length-prefixed frames on a raw socket, as plainly as can be: what the transport and the relay are measured against. */

export const prefixBytes = 4

/** Cuts the chunks that arrive into frames. */
export const rawFrames = (onFrame: (frame: Uint8Array) => void) => {
  let rest: Buffer | undefined
  return (chunk: Buffer): void => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (bytes.length - at >= prefixBytes) {
      const length = bytes.readUInt32BE(at)
      if (bytes.length - at - prefixBytes < length) break
      onFrame(bytes.subarray(at + prefixBytes, at + prefixBytes + length))
      at += prefixBytes + length
    }
    rest = at === bytes.length ? undefined : bytes.subarray(at)
  }
}

/** So many times the same frame. */
export const rawBatch = (frame: Uint8Array, count: number): Buffer => {
  const batch = Buffer.allocUnsafe(count * (prefixBytes + frame.length))
  let at = 0
  for (let index = 0; index < count; index++) {
    batch.writeUInt32BE(frame.length, at)
    batch.set(frame, at + prefixBytes)
    at += prefixBytes + frame.length
  }
  return batch
}
