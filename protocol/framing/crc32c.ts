/**
 * CRC32C, the digest of RFC 7143 13.1: the reflected Castagnoli polynomial, eight bytes a step with eight tables
 * (slicing); long runs go to `crc32c-lanes.ts`. On the wire a digest is the CRC with its low byte first.
 */

import { Crc32cLanes, LANES_BYTES_MIN, lanesBytes } from './crc32c-lanes.ts'

const POLYNOMIAL_REFLECTED = 0x82f6_3b78
const SLICES = 8

function buildTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL_REFLECTED : crc >>> 1
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256]!
    tables[at] = (previous >>> 8) ^ tables[previous & 0xff]!
  }
  return tables
}

const TABLES = buildTables()
const LANES = new Crc32cLanes(TABLES)

/** The state to start with, and to go on from, when bytes come in several pieces. */
export const CRC32C_INITIAL = 0xffff_ffff | 0

/** Run bytes [start, end) through the CRC register; begin with `CRC32C_INITIAL`, end with `crc32cFinish`. */
export function crc32cUpdate(register: number, bytes: Buffer, start: number, end: number): number {
  let crc = register
  let at = start
  if (end - start >= LANES_BYTES_MIN) {
    crc = LANES.update(crc, bytes, start, end)
    at += lanesBytes(end - start)
  }
  for (const wholeEnd = end - SLICES; at <= wholeEnd; at += SLICES) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      TABLES[0x700 + (low & 0xff)]! ^
      TABLES[0x600 + ((low >>> 8) & 0xff)]! ^
      TABLES[0x500 + ((low >>> 16) & 0xff)]! ^
      TABLES[0x400 + (low >>> 24)]! ^
      TABLES[0x300 + bytes[at + 4]!]! ^
      TABLES[0x200 + bytes[at + 5]!]! ^
      TABLES[0x100 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = TABLES[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return crc
}

/** The CRC of what went through the register, as an unsigned number; written to the wire with `writeUInt32LE`. */
export function crc32cFinish(register: number): number {
  return ~register >>> 0
}

/** The CRC of bytes [start, end). */
export function crc32c(bytes: Buffer, start = 0, end = bytes.length): number {
  return crc32cFinish(crc32cUpdate(CRC32C_INITIAL, bytes, start, end))
}
