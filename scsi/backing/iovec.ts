/** Arithmetic on vectors of buffers (iovecs). Nothing here copies a byte: what comes out are views of what went in. */

/** The bytes in all of `buffers`. */
export function byteLengthOf(buffers: readonly Buffer[]): number {
  let byteCount = 0
  for (const buffer of buffers) byteCount += buffer.length
  return byteCount
}

/** Views of bytes `[fromByte, toByte)` of the vector, without empty ones. */
export function sliceVector(buffers: readonly Buffer[], fromByte: number, toByte = Number.POSITIVE_INFINITY): Buffer[] {
  const slices: Buffer[] = []
  let startByte = 0
  for (const buffer of buffers) {
    const from = Math.max(fromByte - startByte, 0)
    const to = Math.min(toByte - startByte, buffer.length)
    if (from < to) slices.push(from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to))
    startByte += buffer.length
  }
  return slices
}
