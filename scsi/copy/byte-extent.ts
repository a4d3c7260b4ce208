/** A stretch of a logical unit, in bytes; what ROD tokens and copies are made of. */

export interface ByteExtent {
  readonly offsetBytes: number
  readonly byteCount: number
}

/** Whether any byte is in both. */
export function extentsOverlap(a: ByteExtent, b: ByteExtent): boolean {
  return a.offsetBytes < b.offsetBytes + b.byteCount && b.offsetBytes < a.offsetBytes + a.byteCount
}

/** The bytes of all extents together. */
export function totalBytes(extents: readonly ByteExtent[]): number {
  return extents.reduce((sum, { byteCount }) => sum + byteCount, 0)
}

/**
 * What lies at `[skippedBytes, + byteCount)` of the extents laid end to end.
 * Shape: fewer bytes when the extents end before.
 */
export function sliceExtents(extents: readonly ByteExtent[], skippedBytes: number, byteCount: number): ByteExtent[] {
  const slices: ByteExtent[] = []
  let at = 0
  for (const extent of extents) {
    const from = Math.max(skippedBytes, at)
    const to = Math.min(skippedBytes + byteCount, at + extent.byteCount)
    if (from < to) slices.push({ offsetBytes: extent.offsetBytes + from - at, byteCount: to - from })
    at += extent.byteCount
  }
  return slices
}
