/**
 * How a CDB is declared (SPC-3 4.3): a length and named fields. From the declaration come the reads on the hot path,
 * the bits that must be zero with the exact field pointer for each, and the CDB usage data that REPORT SUPPORTED
 * OPERATION CODES returns. The OPERATION CODE and CONTROL bytes are added here and never declared.
 */

import { type FieldPointer, invalidFieldInCdb, type SenseData } from './sense.ts'

export interface CdbField {
  readonly byte: number
  readonly byteCount: number
  /** The most significant bit of the field, in its first byte. */
  readonly high: number
  /** The least significant bit of the field, in its last byte. */
  readonly low: number
  /** False for a field that the standard defines and we refuse unless it is zero. */
  readonly isSupported: boolean
}

export type CdbFields = Readonly<Record<string, CdbField>>

export interface CdbLayout<F extends CdbFields = CdbFields> {
  readonly lengthBytes: number
  readonly fields: F
  /** The field named `allocationLength`, if the command has one: Data-In is cut there (SPC-3 4.3.4.6). */
  readonly allocationLength: CdbField | null
  /** The bits that the device server evaluates; zero in the OPERATION CODE byte. */
  readonly usageMask: Buffer
  /** The bytes that hold bits which must be zero, ascending, and those bits; parallel, read for every command. */
  readonly reservedBytes: Uint8Array
  readonly reservedMasks: Uint8Array
}

/** One bit. */
export function bit(byte: number, position: number): CdbField {
  return bits(byte, position, position)
}

/** Adjacent bits of one byte, `high` down to `low`. */
export function bits(byte: number, high: number, low: number): CdbField {
  return { byte, byteCount: 1, high, low, isSupported: true }
}

/** A big-endian number of 1 to 8 bytes that ends at bit 0; `high` is its top bit in the first byte. */
export function uint(byte: number, byteCount: number, high = 7): CdbField {
  return { byte, byteCount, high, low: 0, isSupported: true }
}

/** A field of the standard that this device server accepts only as zero; a refusal points at its top bit. */
export function unsupported(byte: number, high: number, low: number): CdbField {
  return { byte, byteCount: 1, high, low, isSupported: false }
}

/**
 * Declare a CDB.
 * Errors: throws at load when fields overlap, leave the CDB, or touch the OPERATION CODE or CONTROL byte.
 */
export function cdb<F extends CdbFields>(lengthBytes: 6 | 10 | 12 | 16, fields: F): CdbLayout<F> {
  return layOut(lengthBytes, fields, 1, lengthBytes - 2)
}

/** The same for a command that evaluates the vendor's bits of CONTROL, where MMC-5 has fields of former standards. */
export function cdbWithVendorControl<F extends CdbFields>(lengthBytes: 6 | 10 | 12 | 16, fields: F): CdbLayout<F> {
  return layOut(lengthBytes, fields, 1, lengthBytes - 1)
}

/** A variable length CDB (SPC-3 4.3.3): where its header's fields lie, and the one length that is in use here. */
export const VARIABLE_LENGTH = {
  operationCode: 0x7f,
  controlByte: 1,
  additionalLengthByte: 7,
  serviceActionByte: 8,
  lengthBytes: 32,
} as const

/** The same for a variable length CDB: CONTROL is byte 1, and bytes 7 to 9 say its length and service action. */
export function variableLengthCdb<F extends CdbFields>(fields: F): CdbLayout<F> {
  const { lengthBytes, controlByte } = VARIABLE_LENGTH
  return layOut(lengthBytes, fields, controlByte + 1, lengthBytes - 1, [
    uint(VARIABLE_LENGTH.additionalLengthByte, 1),
    uint(VARIABLE_LENGTH.serviceActionByte, 2),
  ])
}

/** `headerFields` are fields of every CDB of its kind, which no command declares. */
function layOut<F extends CdbFields>(
  lengthBytes: number,
  fields: F,
  firstByte: number,
  lastByte: number,
  headerFields: readonly CdbField[] = [],
): CdbLayout<F> {
  const declared = Buffer.alloc(lengthBytes)
  const usageMask = Buffer.alloc(lengthBytes)
  for (const [name, field] of [...Object.entries(fields), ...Object.entries(headerFields)]) {
    for (let i = 0; i < field.byteCount; i++) {
      const at = field.byte + i
      const mask = maskInByte(field, i)
      if (at < firstByte || at > lastByte) {
        throw new Error(`CDB field ${name} lies outside bytes ${firstByte} to ${lastByte}`)
      }
      if ((declared[at]! & mask) !== 0) throw new Error(`CDB field ${name} overlaps another one in byte ${at}`)
      declared[at]! |= mask
      if (field.isSupported) usageMask[at]! |= mask
    }
  }
  // Of CONTROL only NACA has a meaning unless the command declares more of it; the rest is obsolete or the vendor's
  // (SAM-5).
  usageMask[firstByte === 1 ? lengthBytes - 1 : VARIABLE_LENGTH.controlByte]! |= NACA
  const reserved = [...usageMask.keys()].filter((at) => at > 0 && usageMask[at] !== 0xff)
  return {
    lengthBytes,
    fields,
    allocationLength: fields.allocationLength ?? null,
    usageMask,
    reservedBytes: Uint8Array.from(reserved),
    reservedMasks: Uint8Array.from(reserved, (at) => 0xff & ~usageMask[at]!),
  }
}

/** The CDB length that the operation code's group, its top three bits, stands for (SPC-3 4.3.4.1). */
export const CDB_LENGTH_BYTES_OF_GROUP: readonly (number | undefined)[] = [
  6,
  10,
  10,
  undefined,
  16,
  12,
  undefined,
  undefined,
]

/** NACA, in the CONTROL byte: CHECK CONDITION establishes an auto contingent allegiance (SAM-5). */
const NACA = 0x04

/** Whether NACA is set in a CDB, also one that no row describes; a vendor's CDB has no CONTROL byte that we know. */
export function hasNaca(cdbBytes: Buffer): boolean {
  const operationCode = cdbBytes[0]!
  const lengthBytes = CDB_LENGTH_BYTES_OF_GROUP[operationCode >> 5]
  if (operationCode === VARIABLE_LENGTH.operationCode) return (cdbBytes[VARIABLE_LENGTH.controlByte]! & NACA) !== 0
  return lengthBytes !== undefined && (cdbBytes[lengthBytes - 1]! & NACA) !== 0
}

/**
 * The value of a field.
 * Units: an 8-byte field above 2^53 comes back rounded, which still lies beyond any address or length that exists.
 */
export function readField(cdbBytes: Buffer, { byte, byteCount, high, low }: CdbField): number {
  switch (byteCount) {
    case 1:
      return (cdbBytes[byte]! & (0xff >> (7 - high))) >> low
    case 2:
      return cdbBytes.readUInt16BE(byte)
    case 4:
      return cdbBytes.readUInt32BE(byte)
    case 8:
      return cdbBytes.readUInt32BE(byte) * 2 ** 32 + cdbBytes.readUInt32BE(byte + 4)
    default:
      return readOddField(cdbBytes, byte, byteCount, high)
  }
}

/** Whether a one-bit field is set. */
export function isSet(cdbBytes: Buffer, { byte, low }: CdbField): boolean {
  return (cdbBytes[byte]! & (1 << low)) !== 0
}

/** INVALID FIELD IN CDB for a field with a value that is not allowed. */
export function invalidField(field: CdbField): SenseData {
  return invalidFieldInCdb(field.byte, field.byteCount === 1 && field.high - field.low < 7 ? field.high : null)
}

/** The first bit set in a CDB that must be zero, or null. A field that we do not support is pointed at as a whole. */
export function findReservedBit(cdbBytes: Buffer, layout: CdbLayout): FieldPointer | null {
  const { reservedBytes, reservedMasks } = layout
  for (let i = 0; i < reservedBytes.length; i++) {
    const offending = cdbBytes[reservedBytes[i]!]! & reservedMasks[i]!
    if (offending !== 0) return pointAt(layout, reservedBytes[i]!, 31 - Math.clz32(offending))
  }
  return null
}

function pointAt(layout: CdbLayout, byte: number, topBit: number): FieldPointer {
  const field = Object.values(layout.fields).find(
    (candidate) =>
      !candidate.isSupported && candidate.byte === byte && candidate.high >= topBit && candidate.low <= topBit,
  )
  return { isInCdb: true, byte, bit: field?.high ?? topBit }
}

function readOddField(cdbBytes: Buffer, byte: number, byteCount: number, high: number): number {
  let value = cdbBytes[byte]! & (0xff >> (7 - high))
  for (let i = 1; i < byteCount; i++) value = value * 256 + cdbBytes[byte + i]!
  return value
}

function maskInByte(field: CdbField, index: number): number {
  const high = index === 0 ? field.high : 7
  const low = index === field.byteCount - 1 ? field.low : 0
  return (0xff >> (7 - high)) & (0xff << low)
}
