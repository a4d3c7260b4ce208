/**
 * READ CAPACITY (10) and READ CAPACITY (16) parameter data (SBC-3): how large a disk is and how its blocks are provisioned.
 * A pure function of the logical unit's properties. Called by the READ CAPACITY commands only.
 */

import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { bit, uint, writeFields } from './parameter-fields.ts'

const CAPACITY_10_BYTES = 8
const CAPACITY_10_FIELDS = {
  RETURNED_LOGICAL_BLOCK_ADDRESS: uint(0, 4),
  LOGICAL_BLOCK_LENGTH_IN_BYTES: uint(4, 4),
} as const

/** Tells the initiator to ask READ CAPACITY (16) instead. */
const TOO_LARGE_FOR_CAPACITY_10 = 0xffff_ffff

const CAPACITY_16_BYTES = 32
const CAPACITY_16_FIELDS = {
  RETURNED_LOGICAL_BLOCK_ADDRESS: uint(0, 8),
  LOGICAL_BLOCK_LENGTH_IN_BYTES: uint(8, 4),
  LBPME: bit(14, 7),
  LBPRZ: bit(14, 6),
} as const

/** READ CAPACITY (10) parameter data. */
export function capacity10Data({ blockCount, blockLengthBytes }: LogicalUnitProperties): Buffer {
  const data = Buffer.alloc(CAPACITY_10_BYTES)
  writeFields(data, CAPACITY_10_FIELDS, {
    RETURNED_LOGICAL_BLOCK_ADDRESS: Math.min(blockCount - 1, TOO_LARGE_FOR_CAPACITY_10),
    LOGICAL_BLOCK_LENGTH_IN_BYTES: blockLengthBytes,
  })
  return data
}

/**
 * READ CAPACITY (16) parameter data. LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT and LOWEST ALIGNED LOGICAL BLOCK ADDRESS
 * stay zero: a logical block is a physical block.
 */
export function capacity16Data({ blockCount, blockLengthBytes, capabilities }: LogicalUnitProperties): Buffer {
  const data = Buffer.alloc(CAPACITY_16_BYTES)
  writeFields(data, CAPACITY_16_FIELDS, {
    RETURNED_LOGICAL_BLOCK_ADDRESS: blockCount - 1,
    LOGICAL_BLOCK_LENGTH_IN_BYTES: blockLengthBytes,
    LBPME: capabilities.thin,
    LBPRZ: capabilities.thin,
  })
  return data
}
