/**
 * Segment descriptors of EXTENDED COPY (SPC-4; SPC-3 6.3.7): what is copied from where to where. Supported are the copies
 * from block device to block device, in blocks (02h) and in bytes (0Ah).
 *
 * CAT and PAD say what becomes of bytes that fill no whole block of the destination. Here they never come to that: a
 * segment in blocks that does not end with a block of the destination is refused.
 */

import type { ItlNexus } from '../itl-nexus.ts'
import { copyAborted, type SenseData, senseOf } from '../sense.ts'
import { SENSE, type SenseCondition } from '../sense-codes.ts'
import { checkCopyAccess } from './copy-access.ts'
import type { CopySegment, CopySide } from './copy-job.ts'
import { CSCD_OF_THE_COMMAND, type ResolvedCscd } from './cscd-descriptor.ts'

/** DESCRIPTOR TYPE CODE of the supported segment descriptors. */
export const SEGMENT_TYPE = { BLOCK_TO_BLOCK: 0x02, BLOCK_TO_BLOCK_WITH_OFFSETS: 0x0a } as const

const HEADER_BYTES = 4
/** DESCRIPTOR LENGTH of each, which counts the bytes behind itself (SPC-3 6.3.7.5 and 6.3.7.13). */
const DESCRIPTOR_LENGTH: Readonly<Record<number, number>> = {
  [SEGMENT_TYPE.BLOCK_TO_BLOCK]: 0x18,
  [SEGMENT_TYPE.BLOCK_TO_BLOCK_WITH_OFFSETS]: 0x1c,
}

/** Where the fields lie. The number is of blocks or of bytes, and the byte offsets are those of type 0Ah. */
const AT = {
  flags: 1,
  length: 2,
  sourceCscd: 4,
  destinationCscd: 6,
  byteCount: 8,
  blockCount: 10,
  sourceLba: 12,
  destinationLba: 20,
  sourceByteOffset: 28,
  destinationByteOffset: 30,
} as const
/** DESTINATION COUNT: the number of blocks counts those of the destination. */
const DC = 0x02

/** A segment descriptor that is complete and of a supported type. */
export interface SegmentDescriptor {
  readonly bytes: Buffer
}

/** A segment descriptor list, or the sense data that refuses it before anything is copied (SPC-3 6.3.2). */
export function parseSegmentDescriptors(list: Buffer, offsetBytes: number): SegmentDescriptor[] | SenseData {
  const descriptors: SegmentDescriptor[] = []
  let at = 0
  while (at < list.length) {
    const expectedBytes = DESCRIPTOR_LENGTH[list[at]!]
    const pointAt = (byte: number) => ({ fieldPointer: { isInCdb: false, byte: offsetBytes + at + byte, bit: null } })
    if (expectedBytes === undefined) return senseOf(SENSE.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, pointAt(0))
    const end = at + HEADER_BYTES + expectedBytes
    if (end > list.length) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    if (list.readUInt16BE(at + AT.length) !== expectedBytes) {
      return senseOf(SENSE.INVALID_FIELD_IN_PARAMETER_LIST, pointAt(AT.length))
    }
    descriptors.push({ bytes: list.subarray(at, end) })
    at = end
  }
  return descriptors
}

/** What a segment is resolved with. */
export interface SegmentSurroundings {
  /** The nexus and logical unit that the command came through. */
  readonly itlNexus: ItlNexus
  readonly cscds: readonly ResolvedCscd[]
}

/**
 * Segment number `segmentNumber` as the copy job carries it out, or the sense data, with COPY ABORTED, that says why it is
 * impossible (SPC-3 6.3.3).
 */
export function resolveSegment(
  { bytes }: SegmentDescriptor,
  segmentNumber: number,
  surroundings: SegmentSurroundings,
): CopySegment | SenseData {
  const abort = (condition: SenseCondition, byte: number): SenseData =>
    senseOf(condition, { fieldPointer: { isInCdb: false, byte, bit: null, isInSegment: true }, segmentNumber })
  const source = resolveSide(bytes, AT.sourceCscd, segmentNumber, surroundings)
  if ('condition' in source) return source
  const destination = resolveSide(bytes, AT.destinationCscd, segmentNumber, surroundings)
  if ('condition' in destination) return destination
  const from = sideExtent(bytes, source, AT.sourceLba, AT.sourceByteOffset)
  const to = sideExtent(bytes, destination, AT.destinationLba, AT.destinationByteOffset)
  const byteCount = segmentBytes(bytes, from.blockLengthBytes, to.blockLengthBytes)
  if (from.offsetBytes + byteCount > from.sizeBytes)
    return abort(copyAborted(SENSE.NO_ADDITIONAL_SENSE_INFORMATION), AT.sourceLba)
  if (to.offsetBytes + byteCount > to.sizeBytes)
    return abort(copyAborted(SENSE.NO_ADDITIONAL_SENSE_INFORMATION), AT.destinationLba)
  const isInBlocks = bytes[0] === SEGMENT_TYPE.BLOCK_TO_BLOCK
  if (isInBlocks && (byteCount % to.blockLengthBytes !== 0 || byteCount % from.blockLengthBytes !== 0)) {
    return abort(SENSE.UNEXPECTED_INEXACT_SEGMENT, AT.blockCount)
  }
  return {
    source: { logicalUnit: source.logicalUnit!, offsetBytes: from.offsetBytes },
    destination: { logicalUnit: destination.logicalUnit!, offsetBytes: to.offsetBytes },
    byteCount,
    checkAccess: () => checkBoth(source, destination),
    failure: (side, _sense, writtenBytes) => {
      const cscd = surroundings.cscds[bytes.readUInt16BE(side === 'source' ? AT.sourceCscd : AT.destinationCscd)]
      const residualBlocks = Math.ceil((byteCount - writtenBytes) / to.blockLengthBytes)
      return senseOf(SENSE.THIRD_PARTY_DEVICE_FAILURE, {
        fieldPointer: cscd === undefined ? null : { isInCdb: false, byte: cscd.offsetBytes, bit: null },
        information: writtenBytes === 0 ? null : residualBlocks,
        segmentNumber,
      })
    },
  }
}

function resolveSide(
  bytes: Buffer,
  at: number,
  segmentNumber: number,
  { itlNexus, cscds }: SegmentSurroundings,
): ItlNexus | SenseData {
  const index = bytes.readUInt16BE(at)
  if (index === CSCD_OF_THE_COMMAND) return itlNexus
  const cscd = cscds[index]
  if (cscd === undefined) {
    const fieldPointer = { isInCdb: false, byte: at, bit: null, isInSegment: true }
    return senseOf(SENSE.UNREACHABLE_COPY_TARGET, { fieldPointer, segmentNumber })
  }
  return 'condition' in cscd.found ? { ...cscd.found, segmentNumber } : cscd.found
}

interface SideExtent {
  readonly offsetBytes: number
  readonly blockLengthBytes: number
  readonly sizeBytes: number
}

function sideExtent(bytes: Buffer, { logicalUnit }: ItlNexus, lbaAt: number, byteOffsetAt: number): SideExtent {
  const { blockLengthBytes, blockCount } = logicalUnit!.properties
  const lba = Number(bytes.readBigUInt64BE(lbaAt))
  const byteOffset = bytes[0] === SEGMENT_TYPE.BLOCK_TO_BLOCK_WITH_OFFSETS ? bytes.readUInt16BE(byteOffsetAt) : 0
  return {
    offsetBytes: lba * blockLengthBytes + byteOffset,
    blockLengthBytes,
    sizeBytes: blockCount * blockLengthBytes,
  }
}

function segmentBytes(bytes: Buffer, sourceBlockBytes: number, destinationBlockBytes: number): number {
  if (bytes[0] === SEGMENT_TYPE.BLOCK_TO_BLOCK_WITH_OFFSETS) return bytes.readUInt32BE(AT.byteCount)
  const countsDestination = (bytes[AT.flags]! & DC) !== 0
  return bytes.readUInt16BE(AT.blockCount) * (countsDestination ? destinationBlockBytes : sourceBlockBytes)
}

function checkBoth(source: ItlNexus, destination: ItlNexus): { side: CopySide; sense: SenseData } | null {
  const sourceSense = checkCopyAccess(source, 'source')
  if (sourceSense !== null) return { side: 'source', sense: sourceSense }
  const destinationSense = checkCopyAccess(destination, 'destination')
  return destinationSense === null ? null : { side: 'destination', sense: destinationSense }
}
