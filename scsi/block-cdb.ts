/**
 * The CDBs that address a range of blocks (SBC-4, SPC-4 4.2.2): all of a length have LOGICAL BLOCK ADDRESS, the length
 * and GROUP NUMBER in the same places, and differ only in the flags of one byte. Groups are not supported, unless a
 * command declares `groupNumber` by itself.
 *
 * The 32-byte CDBs are the 16-byte ones with what to expect in the protection information. There is none on these disks,
 * so that the command is the same one, and the expectations, which nothing can contradict, are not looked at.
 */

import { type CdbField, type CdbFields, type CdbLayout, cdb, uint, unsupported, variableLengthCdb } from './cdb.ts'

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
  32: {
    groupNumber: unsupported(6, 5, 0),
    lba: uint(12, 8),
    expectedInitialReferenceTag: uint(20, 4),
    expectedApplicationTag: uint(24, 2),
    applicationTagMask: uint(26, 2),
    lengthBlocks: uint(28, 4),
  },
} as const satisfies Record<number, BlockFields>

/** The layout of such a CDB of `lengthBytes`, with the command's own `flags`. */
export function blockCdb<F extends CdbFields>(
  lengthBytes: keyof typeof BLOCK_FIELDS,
  flags: F,
): CdbLayout<F & BlockFields> {
  const fields = { ...BLOCK_FIELDS[lengthBytes], ...flags }
  return lengthBytes === 32 ? variableLengthCdb(fields) : cdb(lengthBytes, fields)
}
