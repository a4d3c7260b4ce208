/** Block device range descriptors (SBC-4): the blocks that POPULATE TOKEN and WRITE USING TOKEN are about. */

import { checkBlockRange } from '../block-range.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { type ByteExtent, extentsOverlap, totalBytes } from './byte-extent.ts'
import { RANGE_DESCRIPTORS_MAX, TOKEN_TRANSFER_BYTES_MAX } from './copy-limits.ts'

const DESCRIPTOR_BYTES = 16
const LENGTH_FIELD_BYTES = 2

/**
 * The ranges that follow the BLOCK DEVICE RANGE DESCRIPTOR LENGTH field at `lengthAt`, or the sense data that refuses them.
 * Shape: in the order given, without those of no blocks.
 */
export function parseRanges(list: Buffer, lengthAt: number, unit: LogicalUnitProperties): ByteExtent[] | SenseData {
  const firstAt = lengthAt + LENGTH_FIELD_BYTES
  if (list.length < firstAt) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  // A last descriptor that is not whole does not count (SBC-4).
  const count = Math.floor(list.readUInt16BE(lengthAt) / DESCRIPTOR_BYTES)
  if (count === 0) return invalidFieldInParameterList(lengthAt)
  if (firstAt + count * DESCRIPTOR_BYTES > list.length) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (count > RANGE_DESCRIPTORS_MAX) return senseOf(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
  const ranges: ByteExtent[] = []
  for (let at = firstAt; at < firstAt + count * DESCRIPTOR_BYTES; at += DESCRIPTOR_BYTES) {
    const lba = Number(list.readBigUInt64BE(at))
    const blocks = list.readUInt32BE(at + 8)
    const refusal = checkBlockRange(unit, lba, blocks)
    if (refusal !== null) return refusal
    const range = { offsetBytes: lba * unit.blockLengthBytes, byteCount: blocks * unit.blockLengthBytes }
    if (ranges.some((other) => extentsOverlap(other, range))) return invalidFieldInParameterList(at)
    if (blocks > 0) ranges.push(range)
  }
  return totalBytes(ranges) > TOKEN_TRANSFER_BYTES_MAX ? invalidFieldInParameterList(lengthAt) : ranges
}
