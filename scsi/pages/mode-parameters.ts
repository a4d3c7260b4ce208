/**
 * The mode parameter list that MODE SENSE returns and MODE SELECT sends (SPC-3 7.4, SBC-3): header, block descriptor, mode
 * pages. Called by these commands; the pages come from `mode-pages.ts`.
 */

import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { bit, type NumberField, readNumber, uint, writeFields } from './parameter-fields.ts'

/** DEVICE-SPECIFIC PARAMETER of direct access block devices (SBC-3); CD and DVD devices have none (MMC-5). */
const WP = 0x80
const DPOFUA = 0x10

const HEADER_6_BYTES = 4
const HEADER_6_FIELDS = {
  MODE_DATA_LENGTH: uint(0, 1),
  MEDIUM_TYPE: uint(1, 1),
  DEVICE_SPECIFIC_PARAMETER: uint(2, 1),
  BLOCK_DESCRIPTOR_LENGTH: uint(3, 1),
} as const

const HEADER_10_BYTES = 8
const HEADER_10_FIELDS = {
  MODE_DATA_LENGTH: uint(0, 2),
  MEDIUM_TYPE: uint(2, 1),
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

function deviceSpecificParameter({ deviceType, isReadOnly }: LogicalUnitProperties): number {
  if (deviceType === 'cdDvd') return 0
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

/** How a list of MODE SELECT (6) or (10) begins. */
export interface ModeParameterHeader {
  readonly headerBytes: number
  readonly fields: {
    readonly MEDIUM_TYPE: NumberField
    readonly BLOCK_DESCRIPTOR_LENGTH: NumberField
    readonly LONGLBA?: NumberField
  }
}
export const HEADER_6: ModeParameterHeader = { headerBytes: HEADER_6_BYTES, fields: HEADER_6_FIELDS }
export const HEADER_10: ModeParameterHeader = { headerBytes: HEADER_10_BYTES, fields: HEADER_10_FIELDS }

/**
 * Check the header and the block descriptor of the list of a MODE SELECT, and tell where its mode pages begin. A host sends
 * back what MODE SENSE gave it, so MODE DATA LENGTH and DEVICE-SPECIFIC PARAMETER, which mean nothing here, are passed over.
 * The medium has one type, one block length and one size: a block descriptor may say these and nothing else.
 * Shape: the byte offset of the first mode page, or what refuses the list.
 */
export function checkModeParameterHeader(
  list: Buffer,
  { headerBytes, fields }: ModeParameterHeader,
  unit: LogicalUnitProperties,
): number | SenseData {
  if (list.length < headerBytes) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (readNumber(list, fields.MEDIUM_TYPE) !== 0) return invalidFieldInParameterList(fields.MEDIUM_TYPE.byte)
  const isLong = fields.LONGLBA !== undefined && readNumber(list, fields.LONGLBA) === 1
  const descriptorBytes = readNumber(list, fields.BLOCK_DESCRIPTOR_LENGTH)
  if (descriptorBytes === 0) return headerBytes
  if (descriptorBytes !== (isLong ? LONG_BLOCK_DESCRIPTOR_BYTES : SHORT_BLOCK_DESCRIPTOR_BYTES)) {
    return invalidFieldInParameterList(fields.BLOCK_DESCRIPTOR_LENGTH.byte)
  }
  const pagesAt = headerBytes + descriptorBytes
  if (list.length < pagesAt) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const wrongField = isLong
    ? wrongDescriptorField(list.subarray(headerBytes, pagesAt), LONG_BLOCK_DESCRIPTOR_FIELDS, unit)
    : wrongDescriptorField(list.subarray(headerBytes, pagesAt), SHORT_BLOCK_DESCRIPTOR_FIELDS, unit)
  return wrongField === null ? pagesAt : invalidFieldInParameterList(headerBytes + wrongField.byte)
}

type BlockDescriptorFields = Readonly<Record<'NUMBER_OF_LOGICAL_BLOCKS' | 'LOGICAL_BLOCK_LENGTH', NumberField>>

/** The field of a block descriptor that would change the medium; a number of zero or all ones stands for what there is. */
function wrongDescriptorField(
  descriptor: Buffer,
  fields: BlockDescriptorFields,
  { blockCount, blockLengthBytes }: LogicalUnitProperties,
): NumberField | null {
  const number = fields.NUMBER_OF_LOGICAL_BLOCKS
  const blocks = readNumber(descriptor, number)
  const isUnchanged = blocks === 0 || blocks === blockCount || blocks === Number(2n ** BigInt(number.widthBits) - 1n)
  if (!isUnchanged) return number
  return readNumber(descriptor, fields.LOGICAL_BLOCK_LENGTH) === blockLengthBytes ? null : fields.LOGICAL_BLOCK_LENGTH
}
