/**
 * WRITE USING TOKEN (SBC-4): writes the bytes that a ROD token represents, or zeroes for the block device zero ROD token,
 * to blocks of the logical unit.
 */

import { cdb, uint, unsupported } from '../../cdb.ts'
import { type ByteExtent, extentsOverlap, sliceExtents, totalBytes } from '../../copy/byte-extent.ts'
import { checkCopyAccess } from '../../copy/copy-access.ts'
import { CopyCommand, type CopyWork, startCopyCommand } from '../../copy/copy-command.ts'
import type { CopySegment, CopySource } from '../../copy/copy-job.ts'
import { senseOfToken } from '../../copy/copy-manager.ts'
import { newCopyOperation } from '../../copy/copy-operations.ts'
import { THIRD_PARTY_COPY_OUT } from '../../copy/copy-service-actions.ts'
import { parseRanges } from '../../copy/range-descriptor.ts'
import { hasValidLength, ROD_TYPE, type RodToken, readRodType } from '../../copy/rod-token.ts'
import { defineCommand } from '../../define-command.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../../sense.ts'
import { SENSE } from '../../sense-codes.ts'

const SERVICE_ACTION = THIRD_PARTY_COPY_OUT.serviceActions.WRITE_USING_TOKEN

export const WRITE_USING_TOKEN = defineCommand({
  name: 'WRITE USING TOKEN',
  operationCode: THIRD_PARTY_COPY_OUT.operationCode,
  serviceAction: SERVICE_ACTION,
  standard: 'SBC-4',
  cdb: cdb(16, {
    listIdentifier: uint(6, 4),
    parameterListLength: uint(10, 4),
    groupNumber: unsupported(14, 5, 0),
  }),
  data: 'out',
  reservationClass: 'write',
  taskClass: 'configuration',
  needsMedium: true,
  execute: (command, logicalUnit) => startCopyCommand(command, logicalUnit, WriteUsingToken),
})

/** Where the fields of the parameter list lie. */
const AT = { dataLength: 0, flags: 2, offsetIntoRod: 8, rodToken: 16, rangesLength: 534 } as const
const DEL_TKN = 0x02
const IMMED = 0x01
const ROD_TOKEN_END = 528
const HEADER_BYTES = 536

class WriteUsingToken extends CopyCommand {
  protected override begin(list: Buffer): SenseData | null {
    const { properties, copies } = this.logicalUnit
    if (list.length < HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    if (list.readUInt16BE(AT.dataLength) < HEADER_BYTES - 2) return invalidFieldInParameterList(AT.dataLength)
    if (properties.isReadOnly) return senseOf(SENSE.WRITE_PROTECTED)
    const ranges = parseRanges(list, AT.rangesLength, properties)
    if ('condition' in ranges) return ranges
    const tokenBytes = list.subarray(AT.rodToken, ROD_TOKEN_END)
    const token = isZeroToken(tokenBytes) ? null : copies.manager.findToken(tokenBytes)
    if (token !== null && 'asc' in token) return senseOf(token)
    const offsetBytes = Number(list.readBigUInt64BE(AT.offsetIntoRod)) * properties.blockLengthBytes
    const sources = token === null ? null : sourcesOf(token, offsetBytes, totalBytes(ranges))
    if (sources === 'beyond the end') return invalidFieldInParameterList(AT.offsetIntoRod)
    if (token !== null && this.#overwrites(token, ranges)) {
      return senseOf(SENSE.INVALID_TOKEN_OPERATION_CAUSE_NOT_REPORTABLE)
    }
    const flags = list[AT.flags]!
    const operation = newCopyOperation(SERVICE_ACTION, (flags & IMMED) === 0)
    const refusal = this.enter(this.command.cdb.readUInt32BE(6), operation)
    if (refusal !== null) return refusal
    this.copy(this.#work(ranges, token, sources, (flags & DEL_TKN) !== 0), operation)
    return null
  }

  /** A token that this would write over would be void halfway: better nothing is written at all. */
  #overwrites({ logicalUnit, extents }: RodToken, ranges: readonly ByteExtent[]): boolean {
    return (
      logicalUnit === this.logicalUnit &&
      extents.some((extent) => ranges.some((range) => extentsOverlap(extent, range)))
    )
  }

  #work(
    ranges: readonly ByteExtent[],
    token: RodToken | null,
    sources: readonly ByteExtent[] | null,
    deletesToken: boolean,
  ): CopyWork {
    const segments = pairUp(ranges, sources)
    token?.beginUse()
    return {
      plan: {
        segmentCount: segments.length,
        segment: (number) => this.#segment(segments[number]!, token),
      },
      itlNexuses: [this.itlNexus],
      logicalUnits: new Set(token === null ? [this.logicalUnit] : [this.logicalUnit, token.logicalUnit]),
      ended: () => {
        token?.endUse()
        if (deletesToken) token?.delete()
      },
    }
  }

  #segment({ sourceBytes, destinationBytes, byteCount }: Pair, token: RodToken | null): CopySegment {
    const source: CopySource | null =
      token === null ? null : { logicalUnit: token.logicalUnit, offsetBytes: sourceBytes }
    return {
      source,
      destination: { logicalUnit: this.logicalUnit, offsetBytes: destinationBytes },
      byteCount,
      checkAccess: () => {
        const tokenSense = token === null ? null : senseOfToken(token)
        if (tokenSense !== null) return { side: 'source', sense: senseOf(tokenSense) }
        const sense = checkCopyAccess(this.itlNexus, 'destination')
        return sense === null ? null : { side: 'destination', sense }
      },
      failure: (_side, sense) => sense,
    }
  }
}

function isZeroToken(bytes: Buffer): boolean {
  return hasValidLength(bytes) && readRodType(bytes) === ROD_TYPE.BLOCK_DEVICE_ZERO
}

/** The token's extents from `offsetBytes` on, as many bytes as are wanted; it must have them all. */
function sourcesOf(token: RodToken, offsetBytes: number, byteCount: number): ByteExtent[] | 'beyond the end' {
  if (offsetBytes + byteCount > token.byteCount || offsetBytes >= token.byteCount) return 'beyond the end'
  return sliceExtents(token.extents, offsetBytes, byteCount)
}

interface Pair {
  readonly sourceBytes: number
  readonly destinationBytes: number
  readonly byteCount: number
}

/** Cut ranges and sources, which are equally long, into pieces that are in one stretch on both sides. */
function pairUp(ranges: readonly ByteExtent[], sources: readonly ByteExtent[] | null): Pair[] {
  const pairs: Pair[] = []
  let doneBytes = 0
  for (const range of ranges) {
    const parts = sources === null ? [{ ...range, offsetBytes: 0 }] : sliceExtents(sources, doneBytes, range.byteCount)
    let at = range.offsetBytes
    for (const { offsetBytes, byteCount } of parts) {
      pairs.push({ sourceBytes: offsetBytes, destinationBytes: at, byteCount })
      at += byteCount
    }
    doneBytes += range.byteCount
  }
  return pairs
}
