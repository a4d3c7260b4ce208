/**
 * READ CAPACITY (10) and READ CAPACITY (16) parameter data (SBC-3): how large a disk is and how its blocks are provisioned.
 * A pure function of the logical unit's properties. Called by the READ CAPACITY commands only.
 */

import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { bit, bits, uint, writeFields } from './parameter-fields.ts'

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
  LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: bits(13, 3, 0),
  LBPME: bit(14, 7),
  LBPRZ: bit(14, 6),
  LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS_HIGH: bits(14, 5, 0),
  LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS_LOW: uint(15, 1),
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

/** READ CAPACITY (16) parameter data. */
export function capacity16Data(unit: LogicalUnitProperties): Buffer {
  const { blockCount, blockLengthBytes, physicalBlockBytes, lowestAlignedLba, capabilities } = unit
  const data = Buffer.alloc(CAPACITY_16_BYTES)
  writeFields(data, CAPACITY_16_FIELDS, {
    RETURNED_LOGICAL_BLOCK_ADDRESS: blockCount - 1,
    LOGICAL_BLOCK_LENGTH_IN_BYTES: blockLengthBytes,
    LOGICAL_BLOCKS_PER_PHYSICAL_BLOCK_EXPONENT: Math.log2(physicalBlockBytes / blockLengthBytes),
    LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS_HIGH: lowestAlignedLba >> 8,
    LOWEST_ALIGNED_LOGICAL_BLOCK_ADDRESS_LOW: lowestAlignedLba & 0xff,
    LBPME: capabilities.thin,
    LBPRZ: capabilities.thin,
  })
  return data
}
