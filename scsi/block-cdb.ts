/**
 * The CDBs that address a range of blocks (SBC-4, SPC-4 4.2.2): all of a length have LOGICAL BLOCK ADDRESS, the length
 * and GROUP NUMBER in the same places, and differ only in the flags of byte 1. Groups are not supported.
 */

import { type CdbField, type CdbFields, type CdbLayout, cdb, uint, unsupported } from './cdb.ts'

export interface BlockFields extends CdbFields {
  readonly lba: CdbField
  /** TRANSFER LENGTH, VERIFICATION LENGTH, NUMBER OF LOGICAL BLOCKS: whatever the command calls it. */
  readonly lengthBlocks: CdbField
}

const BLOCK_FIELDS = {
  6: { lba: uint(1, 3, 4), lengthBlocks: uint(4, 1) },
  10: { lba: uint(2, 4), groupNumber: unsupported(6, 5, 0), lengthBlocks: uint(7, 2) },
  12: { lba: uint(2, 4), lengthBlocks: uint(6, 4), groupNumber: unsupported(10, 5, 0) },
  16: { lba: uint(2, 8), lengthBlocks: uint(10, 4), groupNumber: unsupported(14, 5, 0) },
} as const satisfies Record<number, BlockFields>

/** The layout of such a CDB of `lengthBytes`, with the command's own `flags`. */
export function blockCdb<F extends CdbFields>(
  lengthBytes: keyof typeof BLOCK_FIELDS,
  flags: F,
): CdbLayout<F & BlockFields> {
  return cdb(lengthBytes, { ...flags, ...BLOCK_FIELDS[lengthBytes] })
}
