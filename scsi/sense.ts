/**
 * Sense data (SPC-3 4.5): what a CHECK CONDITION tells the application client, as a value, and its two wire formats.
 * Handlers build a `SenseData` and hand it to `checkCondition`; REQUEST SENSE encodes one as parameter data. A failed
 * backing operation becomes sense here and nowhere else.
 */

import type { BackingError } from './backing/backing-store.ts'
import { SENSE, SENSE_KEY, type SenseCondition } from './sense-codes.ts'

/** Which part of a request was wrong (SPC-3 4.5.2.4.2, field pointer sense key specific data). */
export interface FieldPointer {
  /** The error is in the CDB; otherwise in the Data-Out parameters. */
  readonly isInCdb: boolean
  readonly byte: number
  /** The most significant bit of the field in error; null points at the whole byte. */
  readonly bit: number | null
  /** With COPY ABORTED: `byte` counts from the segment descriptor on, not from the parameter list on (SPC-3 4.5.2.4.5). */
  readonly isInSegment?: boolean
}

export interface SenseData {
  readonly condition: SenseCondition
  readonly fieldPointer: FieldPointer | null
  /** INFORMATION field; its meaning depends on the command (SBC-4). Null leaves it not valid. */
  readonly information: number | null
  /** With COPY ABORTED: the segment descriptor that failed, counted from 0 (SPC-3 6.3.3). */
  readonly segmentNumber?: number
  /** PROGRESS INDICATION (SPC-3 4.5.2.4.4) of what keeps the logical unit from being ready, in parts of 65536. */
  readonly progress?: number
}

export type SenseFormat = 'fixed' | 'descriptor'

/** The length of fixed format sense data without vendor specific bytes. */
const FIXED_LENGTH_BYTES = 18
const DESCRIPTOR_HEADER_BYTES = 8
const INFORMATION_DESCRIPTOR = { type: 0x00, byteCount: 12 } as const
const COMMAND_SPECIFIC_DESCRIPTOR = { type: 0x01, byteCount: 12 } as const
const SENSE_KEY_SPECIFIC_DESCRIPTOR = { type: 0x02, byteCount: 8 } as const
const VALID = 0x80
const CURRENT_FIXED = 0x70
const CURRENT_DESCRIPTOR = 0x72
const FIXED_INFORMATION_MAX = 0xffffffff

/** Sense data that carries nothing beyond its condition and `details`. */
export function senseOf(condition: SenseCondition, details: Partial<Omit<SenseData, 'condition'>> = {}): SenseData {
  return { condition, fieldPointer: null, information: null, ...details }
}

/** The condition as that of a copy which was stopped in a segment by it (SPC-3 6.3.3). */
export function copyAborted(condition: SenseCondition): SenseCondition {
  return { ...condition, key: SENSE_KEY.COPY_ABORTED }
}

/** INVALID FIELD IN CDB, pointing at `byte` and, unless null, at the most significant bit of the field in error. */
export function invalidFieldInCdb(byte: number, bit: number | null = null): SenseData {
  return senseOf(SENSE.INVALID_FIELD_IN_CDB, { fieldPointer: { isInCdb: true, byte, bit } })
}

/** INVALID COMMAND OPERATION CODE, pointing at it. */
export function invalidOperationCode(): SenseData {
  return senseOf(SENSE.INVALID_COMMAND_OPERATION_CODE, { fieldPointer: { isInCdb: true, byte: 0, bit: null } })
}

/** INVALID FIELD IN PARAMETER LIST, pointing at `byte` of the Data-Out and, unless null, at a bit as above. */
export function invalidFieldInParameterList(byte: number, bit: number | null = null): SenseData {
  return senseOf(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, { fieldPointer: { isInCdb: false, byte, bit } })
}

/**
 * The sense data for a failed backing operation.
 * `outOfRange` is a command that passed its check before the logical unit shrank. `unsupported` is our own mistake,
 * because the device server checks that before it asks the store.
 */
export function senseOfBackingError(error: BackingError, direction: 'read' | 'write'): SenseData {
  switch (error.kind) {
    case 'io':
      return senseOf(direction === 'read' ? SENSE.UNRECOVERED_READ_ERROR : SENSE.WRITE_ERROR)
    case 'noSpace':
      return senseOf(SENSE.SPACE_ALLOCATION_FAILED_WRITE_PROTECT)
    case 'readOnly':
      return senseOf(SENSE.WRITE_PROTECTED)
    case 'closed':
      return senseOf(SENSE.LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED)
    case 'outOfRange':
      return senseOf(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    case 'unsupported':
      return senseOf(SENSE.INTERNAL_TARGET_FAILURE)
  }
}

/** Sense data in wire format, as a fresh buffer that belongs to the caller. Spec: SPC-3 4.5.2 and 4.5.3. */
export function encodeSense(sense: SenseData, format: SenseFormat): Buffer {
  return format === 'fixed' ? encodeFixed(sense) : encodeDescriptor(sense)
}

function encodeFixed({ condition, fieldPointer, information, segmentNumber = 0, progress }: SenseData): Buffer {
  const data = Buffer.alloc(FIXED_LENGTH_BYTES)
  data[0] = CURRENT_FIXED
  data[2] = condition.key
  // Fixed format has no room for a larger value, and VALID set to zero is how it says so (SPC-3 4.5.3).
  if (information !== null && information <= FIXED_INFORMATION_MAX) {
    data[0] = VALID | CURRENT_FIXED
    data.writeUInt32BE(information, 3)
  }
  data[7] = FIXED_LENGTH_BYTES - 8
  data.writeUInt32BE(segmentNumber, 8)
  data[12] = condition.asc
  data[13] = condition.ascq
  if (fieldPointer !== null) writeFieldPointer(data, 15, fieldPointer)
  else if (progress !== undefined) writeProgress(data, 15, progress)
  return data
}

function encodeDescriptor({ condition, fieldPointer, information, segmentNumber, progress }: SenseData): Buffer {
  const informationBytes = information === null ? 0 : INFORMATION_DESCRIPTOR.byteCount
  const segmentBytes = segmentNumber === undefined ? 0 : COMMAND_SPECIFIC_DESCRIPTOR.byteCount
  const hasSpecific = fieldPointer !== null || progress !== undefined
  const specificBytes = hasSpecific ? SENSE_KEY_SPECIFIC_DESCRIPTOR.byteCount : 0
  const data = Buffer.alloc(DESCRIPTOR_HEADER_BYTES + informationBytes + segmentBytes + specificBytes)
  data[0] = CURRENT_DESCRIPTOR
  data[1] = condition.key
  data[2] = condition.asc
  data[3] = condition.ascq
  data[7] = data.length - DESCRIPTOR_HEADER_BYTES
  if (information !== null) {
    writeDescriptorHeader(data, DESCRIPTOR_HEADER_BYTES, INFORMATION_DESCRIPTOR)
    data[DESCRIPTOR_HEADER_BYTES + 2] = VALID
    data.writeBigUInt64BE(BigInt(information), DESCRIPTOR_HEADER_BYTES + 4)
  }
  if (segmentNumber !== undefined) {
    const at = DESCRIPTOR_HEADER_BYTES + informationBytes
    writeDescriptorHeader(data, at, COMMAND_SPECIFIC_DESCRIPTOR)
    data.writeBigUInt64BE(BigInt(segmentNumber), at + 4)
  }
  if (hasSpecific) {
    const at = DESCRIPTOR_HEADER_BYTES + informationBytes + segmentBytes
    writeDescriptorHeader(data, at, SENSE_KEY_SPECIFIC_DESCRIPTOR)
    if (fieldPointer !== null) writeFieldPointer(data, at + 4, fieldPointer)
    else writeProgress(data, at + 4, progress!)
  }
  return data
}

/** DESCRIPTOR TYPE and ADDITIONAL LENGTH, which counts the bytes after these two. */
function writeDescriptorHeader(data: Buffer, at: number, descriptor: { type: number; byteCount: number }): void {
  data[at] = descriptor.type
  data[at + 1] = descriptor.byteCount - 2
}

/** SKSV and PROGRESS INDICATION in three bytes. */
function writeProgress(data: Buffer, at: number, progress: number): void {
  data[at] = 0x80
  data.writeUInt16BE(progress, at + 1)
}

/** SKSV, C/D or SD, BPV, BIT POINTER and FIELD POINTER in three bytes. */
function writeFieldPointer(data: Buffer, at: number, { isInCdb, byte, bit, isInSegment }: FieldPointer): void {
  const SKSV = 0x80
  const COMMAND_DATA = 0x40
  const SEGMENT_DESCRIPTOR = 0x20
  const BPV = 0x08
  data[at] =
    SKSV | (isInCdb ? COMMAND_DATA : 0) | (isInSegment ? SEGMENT_DESCRIPTOR : 0) | (bit === null ? 0 : BPV | bit)
  data.writeUInt16BE(byte, at + 1)
}
