/**
 * The parameter lists of EXTENDED COPY (SPC-4; SPC-3 6.3.1): a header, CSCD descriptors, segment descriptors. The two forms
 * of the command differ in the header only.
 */

import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { CSCD_DESCRIPTORS_MAX, DESCRIPTOR_LIST_BYTES_MAX, SEGMENT_DESCRIPTORS_MAX } from './copy-limits.ts'
import { CSCD_DESCRIPTOR_BYTES, type CscdDescriptor, parseCscdDescriptors } from './cscd-descriptor.ts'
import { parseSegmentDescriptors, type SegmentDescriptor } from './segment-descriptor.ts'

export interface ExtendedCopyList {
  /** Null where the application client gave none (LIST ID USAGE 11b). */
  readonly listIdentifier: number | null
  /** Whether the outcome is kept for RECEIVE COPY STATUS. */
  readonly isHeld: boolean
  /** IMMED: status comes before the copy. */
  readonly isImmediate: boolean
  readonly cscds: readonly CscdDescriptor[]
  readonly segments: readonly SegmentDescriptor[]
}

/** LIST ID USAGE (SPC-4); SPC-3 knows only its upper bit, NRCR. */
const LIST_ID_USAGE = { HOLD: 0b00, DISCARD: 0b10, NONE: 0b11 } as const

interface Header {
  readonly headerBytes: number
  readonly listIdentifier: number
  readonly cscdBytes: number
  readonly segmentBytes: number
  readonly inlineBytes: number
  readonly isImmediate: boolean
  /** The byte of the first field that is not as it must be, with its bit; null when all are. */
  readonly fault: { readonly byte: number; readonly bit: number | null } | null
}

/** The list of EXTENDED COPY (LID1), or the sense data that refuses it. Ownership: views of `list`. */
export function parseLid1List(list: Buffer): ExtendedCopyList | SenseData {
  const HEADER_BYTES = 16
  if (list.length < HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const reserved = list.subarray(4, 8).findIndex((byte) => byte !== 0)
  return parseList(list, {
    headerBytes: HEADER_BYTES,
    listIdentifier: list[0]!,
    cscdBytes: list.readUInt16BE(2),
    segmentBytes: list.readUInt32BE(8),
    inlineBytes: list.readUInt32BE(12),
    isImmediate: false,
    fault: reserved < 0 ? null : { byte: 4 + reserved, bit: null },
  })
}

/** The list of EXTENDED COPY (LID4), or the sense data that refuses it. Ownership: views of `list`. */
export function parseLid4List(list: Buffer): ExtendedCopyList | SenseData {
  const HEADER_BYTES = 48
  if (list.length < HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return parseList(list, {
    headerBytes: HEADER_BYTES,
    listIdentifier: list.readUInt32BE(20),
    cscdBytes: list.readUInt16BE(42),
    segmentBytes: list.readUInt16BE(44),
    inlineBytes: list.readUInt16BE(46),
    isImmediate: (list[15]! & 0x01) !== 0,
    fault: findLid4Fault(list),
  })
}

/** The constants of the LID4 header, and G_SENSE, which asks for sense data with GOOD status and is not supported. */
function findLid4Fault(list: Buffer): Header['fault'] {
  const PARAMETER_LIST_FORMAT = 0x01
  const HEADER_CSCD_BYTES = 0x20
  const HEADER_CSCD_TYPE = 0xff
  const G_SENSE = 0x02
  if (list[0] !== PARAMETER_LIST_FORMAT) return { byte: 0, bit: null }
  if (list.readUInt16BE(2) !== HEADER_CSCD_BYTES) return { byte: 2, bit: null }
  if ((list[15]! & G_SENSE) !== 0) return { byte: 15, bit: 1 }
  return list[16] === HEADER_CSCD_TYPE ? null : { byte: 16, bit: null }
}

function parseList(list: Buffer, header: Header): ExtendedCopyList | SenseData {
  const { headerBytes, listIdentifier, cscdBytes, segmentBytes, isImmediate } = header
  const usage = (list[1]! >> 3) & 0b11
  const refusal = checkHeader(list, header, usage)
  if (refusal !== null) return refusal
  const segmentsAt = headerBytes + cscdBytes
  const cscds = parseCscdDescriptors(list.subarray(headerBytes, segmentsAt), headerBytes)
  if ('condition' in cscds) return cscds
  const segments = parseSegmentDescriptors(list.subarray(segmentsAt, segmentsAt + segmentBytes), segmentsAt)
  if ('condition' in segments) return segments
  if (segments.length > SEGMENT_DESCRIPTORS_MAX) return senseOf(SENSE.TOO_MANY_SEGMENT_DESCRIPTORS)
  return {
    listIdentifier: usage === LIST_ID_USAGE.NONE ? null : listIdentifier,
    isHeld: usage === LIST_ID_USAGE.HOLD,
    isImmediate,
    cscds,
    segments,
  }
}

function checkHeader(list: Buffer, header: Header, usage: number): SenseData | null {
  const { fault, headerBytes, listIdentifier, cscdBytes, segmentBytes, inlineBytes, isImmediate } = header
  if (fault !== null) return invalidFieldInParameterList(fault.byte, fault.bit)
  if (!Object.values<number>(LIST_ID_USAGE).includes(usage)) return invalidFieldInParameterList(1, 4)
  // Without a list identifier nobody could ask for the outcome of a copy in the background.
  const mayLackIdentifier = listIdentifier === 0 && !isImmediate
  if (usage === LIST_ID_USAGE.NONE && !mayLackIdentifier) return invalidFieldInParameterList(1, 4)
  if (inlineBytes > 0) return senseOf(SENSE.INLINE_DATA_LENGTH_EXCEEDED)
  if (headerBytes + cscdBytes + segmentBytes > list.length) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (cscdBytes + segmentBytes > DESCRIPTOR_LIST_BYTES_MAX) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (cscdBytes % CSCD_DESCRIPTOR_BYTES !== 0) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (cscdBytes > CSCD_DESCRIPTORS_MAX * CSCD_DESCRIPTOR_BYTES) return senseOf(SENSE.TOO_MANY_TARGET_DESCRIPTORS)
  return null
}
