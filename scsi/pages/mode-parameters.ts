/**
 * The mode parameter list that MODE SENSE returns (SPC-3 7.4, SBC-3): header, block descriptor, mode pages. Called by the
 * MODE SENSE commands; the pages come from `mode-pages.ts`.
 */

import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { bit, uint, writeFields } from './parameter-fields.ts'

/** DEVICE-SPECIFIC PARAMETER of direct access block devices (SBC-3). */
const WP = 0x80
const DPOFUA = 0x10

const HEADER_6_BYTES = 4
const HEADER_6_FIELDS = {
  MODE_DATA_LENGTH: uint(0, 1),
  DEVICE_SPECIFIC_PARAMETER: uint(2, 1),
  BLOCK_DESCRIPTOR_LENGTH: uint(3, 1),
} as const

const HEADER_10_BYTES = 8
const HEADER_10_FIELDS = {
  MODE_DATA_LENGTH: uint(0, 2),
  DEVICE_SPECIFIC_PARAMETER: uint(3, 1),
  LONGLBA: bit(4, 0),
  BLOCK_DESCRIPTOR_LENGTH: uint(6, 2),
} as const

const SHORT_BLOCK_DESCRIPTOR_BYTES = 8
const SHORT_BLOCK_DESCRIPTOR_FIELDS = {
  NUMBER_OF_LOGICAL_BLOCKS: uint(0, 4),
  LOGICAL_BLOCK_LENGTH: uint(5, 3),
} as const

const LONG_BLOCK_DESCRIPTOR_BYTES = 16
const LONG_BLOCK_DESCRIPTOR_FIELDS = {
  NUMBER_OF_LOGICAL_BLOCKS: uint(0, 8),
  LOGICAL_BLOCK_LENGTH: uint(12, 4),
} as const

/** Which block descriptor follows the header: none with DBD, the long one with LLBAA. */
export type BlockDescriptorFormat = 'none' | 'short' | 'long'

/** The list that MODE SENSE (6) returns; it has no long block descriptors. MODE DATA LENGTH has one byte. */
export function modeParameterList6(
  unit: LogicalUnitProperties,
  format: 'none' | 'short',
  pages: readonly Buffer[],
): Buffer {
  const descriptor = blockDescriptor(unit, format)
  const list = Buffer.concat([Buffer.alloc(HEADER_6_BYTES), descriptor, ...pages])
  writeFields(list, HEADER_6_FIELDS, {
    MODE_DATA_LENGTH: list.length - 1,
    DEVICE_SPECIFIC_PARAMETER: deviceSpecificParameter(unit),
    BLOCK_DESCRIPTOR_LENGTH: descriptor.length,
  })
  return list
}

/** The list that MODE SENSE (10) returns. */
export function modeParameterList10(
  unit: LogicalUnitProperties,
  format: BlockDescriptorFormat,
  pages: readonly Buffer[],
): Buffer {
  const descriptor = blockDescriptor(unit, format)
  const list = Buffer.concat([Buffer.alloc(HEADER_10_BYTES), descriptor, ...pages])
  writeFields(list, HEADER_10_FIELDS, {
    MODE_DATA_LENGTH: list.length - 2,
    DEVICE_SPECIFIC_PARAMETER: deviceSpecificParameter(unit),
    LONGLBA: format === 'long',
    BLOCK_DESCRIPTOR_LENGTH: descriptor.length,
  })
  return list
}

function deviceSpecificParameter({ isReadOnly }: LogicalUnitProperties): number {
  return DPOFUA | (isReadOnly ? WP : 0)
}

function blockDescriptor(
  { blockCount, blockLengthBytes }: LogicalUnitProperties,
  format: BlockDescriptorFormat,
): Buffer {
  switch (format) {
    case 'none':
      return Buffer.alloc(0)
    case 'short': {
      const descriptor = Buffer.alloc(SHORT_BLOCK_DESCRIPTOR_BYTES)
      writeFields(descriptor, SHORT_BLOCK_DESCRIPTOR_FIELDS, {
        NUMBER_OF_LOGICAL_BLOCKS: Math.min(blockCount, 0xffff_ffff),
        LOGICAL_BLOCK_LENGTH: blockLengthBytes,
      })
      return descriptor
    }
    case 'long': {
      const descriptor = Buffer.alloc(LONG_BLOCK_DESCRIPTOR_BYTES)
      writeFields(descriptor, LONG_BLOCK_DESCRIPTOR_FIELDS, {
        NUMBER_OF_LOGICAL_BLOCKS: blockCount,
        LOGICAL_BLOCK_LENGTH: blockLengthBytes,
      })
      return descriptor
    }
  }
}
