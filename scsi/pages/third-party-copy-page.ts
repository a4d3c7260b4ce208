/**
 * The Third-Party Copy VPD page (SPC-4): a list of descriptors that say which copies the copy manager performs and how
 * much it takes on. Initiators with offloaded data transfer (ODX) look for the Block Device ROD Token Limits.
 */

import {
  COPY_OPERATIONS_PER_NEXUS_MAX,
  COPY_PIECE_BYTES,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  RANGE_DESCRIPTORS_MAX,
  SEGMENT_DESCRIPTORS_MAX,
  TOKEN_INACTIVITY_SECONDS_DEFAULT,
  TOKEN_INACTIVITY_SECONDS_MAX,
  TOKEN_TRANSFER_BYTES_MAX,
  TOKEN_TRANSFER_BYTES_OPTIMAL,
} from '../copy/copy-limits.ts'
import { THIRD_PARTY_COPY_IN, THIRD_PARTY_COPY_OUT } from '../copy/copy-service-actions.ts'
import { CSCD_OF_THE_COMMAND, IDENTIFICATION_CSCD } from '../copy/cscd-descriptor.ts'
import { ROD_TYPE } from '../copy/rod-token.ts'
import { SEGMENT_TYPE } from '../copy/segment-descriptor.ts'
import { bit, type FieldTable, type FieldValues, uint, writeFields } from './parameter-fields.ts'

/** What follows PAGE LENGTH. */
export function thirdPartyCopyPage(blockLengthBytes: number): Buffer {
  return Buffer.concat([
    blockDeviceRodTokenLimits(blockLengthBytes),
    supportedCommands(),
    PARAMETER_DATA,
    listDescriptor(0x0008, 1, Buffer.from([...Object.values(SEGMENT_TYPE), IDENTIFICATION_CSCD])),
    listDescriptor(0x000c, 2, Buffer.from([CSCD_OF_THE_COMMAND >> 8, CSCD_OF_THE_COMMAND & 0xff])),
    ROD_TOKEN_FEATURES,
    SUPPORTED_ROD_TYPES,
    GENERAL_COPY_OPERATIONS,
  ])
}

/** Block Device ROD Token Limits (SBC-4). */
function blockDeviceRodTokenLimits(blockLengthBytes: number): Buffer {
  const fields = {
    MAXIMUM_RANGE_DESCRIPTORS: uint(10, 2),
    MAXIMUM_INACTIVITY_TIMEOUT: uint(12, 4),
    DEFAULT_INACTIVITY_TIMEOUT: uint(16, 4),
    MAXIMUM_TOKEN_TRANSFER_SIZE: uint(20, 8),
    OPTIMAL_TRANSFER_COUNT: uint(28, 8),
  }
  return descriptor(0x0000, 0x20, fields, {
    MAXIMUM_RANGE_DESCRIPTORS: RANGE_DESCRIPTORS_MAX,
    MAXIMUM_INACTIVITY_TIMEOUT: TOKEN_INACTIVITY_SECONDS_MAX,
    DEFAULT_INACTIVITY_TIMEOUT: TOKEN_INACTIVITY_SECONDS_DEFAULT,
    MAXIMUM_TOKEN_TRANSFER_SIZE: TOKEN_TRANSFER_BYTES_MAX / blockLengthBytes,
    OPTIMAL_TRANSFER_COUNT: TOKEN_TRANSFER_BYTES_OPTIMAL / blockLengthBytes,
  })
}

function supportedCommands(): Buffer {
  const entries = [THIRD_PARTY_COPY_OUT, THIRD_PARTY_COPY_IN].map(({ operationCode, serviceActions }) => {
    const codes = Object.values(serviceActions)
    return Buffer.from([operationCode, codes.length, ...codes])
  })
  return listDescriptor(0x0001, 1, Buffer.concat(entries))
}

const PARAMETER_DATA = descriptor(
  0x0004,
  0x1c,
  {
    MAXIMUM_CSCD_DESCRIPTOR_COUNT: uint(8, 2),
    MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: uint(10, 2),
    MAXIMUM_DESCRIPTOR_LIST_LENGTH: uint(12, 4),
  },
  {
    MAXIMUM_CSCD_DESCRIPTOR_COUNT: CSCD_DESCRIPTORS_MAX,
    MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: SEGMENT_DESCRIPTORS_MAX,
    MAXIMUM_DESCRIPTOR_LIST_LENGTH: DESCRIPTOR_LIST_BYTES_MAX,
  },
)

/** With the features of block devices from byte 48 on. */
const ROD_TOKEN_FEATURES = descriptor(
  0x0106,
  0x5c,
  {
    MINIMUM_TOKEN_LIFETIME: uint(16, 4),
    MAXIMUM_TOKEN_LIFETIME: uint(20, 4),
    MAXIMUM_TOKEN_INACTIVITY_TIMEOUT: uint(24, 4),
    DEVICE_TYPE_SPECIFIC_FEATURES_LENGTH: uint(46, 2),
    BLOCK_FEATURES_LENGTH: uint(50, 2),
    MAXIMUM_BYTES_IN_BLOCK_ROD: uint(56, 8),
    OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER: uint(64, 8),
    OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT: uint(72, 8),
    OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT: uint(80, 8),
  },
  {
    MINIMUM_TOKEN_LIFETIME: 1,
    MAXIMUM_TOKEN_LIFETIME: 0xffffffff,
    MAXIMUM_TOKEN_INACTIVITY_TIMEOUT: TOKEN_INACTIVITY_SECONDS_MAX,
    DEVICE_TYPE_SPECIFIC_FEATURES_LENGTH: 0x30,
    BLOCK_FEATURES_LENGTH: 0x2c,
    MAXIMUM_BYTES_IN_BLOCK_ROD: TOKEN_TRANSFER_BYTES_MAX,
    OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER: TOKEN_TRANSFER_BYTES_OPTIMAL,
    OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT: TOKEN_TRANSFER_BYTES_OPTIMAL,
    OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT: COPY_PIECE_BYTES,
  },
)

/** Which tokens are made (TOKEN_OUT) and taken (TOKEN_IN). */
const SUPPORTED_ROD_TYPES = supportedRodTypes([
  { rodType: ROD_TYPE.POINT_IN_TIME_CHANGE_VULNERABLE, TOKEN_IN: true, TOKEN_OUT: true },
  { rodType: ROD_TYPE.BLOCK_DEVICE_ZERO, TOKEN_IN: true, TOKEN_OUT: false },
])

function supportedRodTypes(rows: readonly { rodType: number; TOKEN_IN: boolean; TOKEN_OUT: boolean }[]): Buffer {
  const ROW_BYTES = 64
  const fields = { TOKEN_IN: bit(4, 1), TOKEN_OUT: bit(4, 0) }
  const list = Buffer.alloc(rows.length * ROW_BYTES)
  rows.forEach(({ rodType, TOKEN_IN, TOKEN_OUT }, i) => {
    const row = list.subarray(i * ROW_BYTES, (i + 1) * ROW_BYTES)
    row.writeUInt32BE(rodType, 0)
    writeFields(row, fields, { TOKEN_IN, TOKEN_OUT })
  })
  const header = descriptor(
    0x0108,
    4 + list.length,
    { ROD_TYPE_DESCRIPTORS_LENGTH: uint(6, 2) },
    {
      ROD_TYPE_DESCRIPTORS_LENGTH: list.length,
    },
  )
  list.copy(header, 8)
  return header
}

const GENERAL_COPY_OPERATIONS = descriptor(
  0x8001,
  0x20,
  { TOTAL_CONCURRENT_COPIES: uint(4, 4), MAXIMUM_IDENTIFIED_CONCURRENT_COPIES: uint(8, 4) },
  {
    TOTAL_CONCURRENT_COPIES: COPY_OPERATIONS_PER_NEXUS_MAX,
    MAXIMUM_IDENTIFIED_CONCURRENT_COPIES: COPY_OPERATIONS_PER_NEXUS_MAX,
  },
)

/** A third-party copy descriptor; byte offsets count from its type. */
function descriptor<T extends FieldTable>(
  type: number,
  lengthBytes: number,
  fields: T,
  values: FieldValues<T>,
): Buffer {
  const data = Buffer.alloc(4 + lengthBytes)
  data.writeUInt16BE(type, 0)
  data.writeUInt16BE(lengthBytes, 2)
  writeFields(data, fields, values)
  return data
}

/** A descriptor that is a list with its length in front, filled up to a multiple of four bytes. */
function listDescriptor(type: number, lengthFieldBytes: number, list: Buffer): Buffer {
  const lengthBytes = Math.ceil((lengthFieldBytes + list.length) / 4) * 4
  const data = descriptor(type, lengthBytes, {}, {})
  data.writeUIntBE(list.length, 4, lengthFieldBytes)
  list.copy(data, 4 + lengthFieldBytes)
  return data
}
