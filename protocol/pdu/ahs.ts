/**
 * Additional Header Segments (RFC 7143 11.2.2): extended CDBs and the expected read length of bidirectional commands.
 */

const TYPE_MASK = 0x3f
const TYPE = { EXTENDED_CDB: 1, BIDIRECTIONAL_READ_LENGTH: 2 } as const
/** Bytes before the AHS-specific part that AHSLength counts from: AHSLength (2) and AHSType (1). */
const LENGTH_AND_TYPE_BYTES = 3
/** The reserved byte that begins both kinds and that AHSLength counts. */
const RESERVED_BYTES = 1
const READ_LENGTH_BYTES = 4

export interface AdditionalHeaders {
  /** CDB bytes from 16 on; null without an extended CDB. A view. */
  readonly extendedCdb: Buffer | null
  /** Bidirectional Expected Read-Data Length, null when absent. */
  readonly bidirectionalReadBytes: number | null
}

export const NO_ADDITIONAL_HEADERS: AdditionalHeaders = { extendedCdb: null, bidirectionalReadBytes: null }

/**
 * Walk the AHS area of one PDU.
 * Errors: a sentence when lengths overrun the area, a type is unknown or comes twice, or a length is wrong for its type.
 */
export function parseAdditionalHeaders(ahs: Buffer): AdditionalHeaders | string {
  let extendedCdb: Buffer | null = null
  let bidirectionalReadBytes: number | null = null
  let at = 0
  while (at < ahs.length) {
    const specificBytes = ahs.readUInt16BE(at)
    const type = (ahs[at + 2] ?? 0) & TYPE_MASK
    const contentAt = at + LENGTH_AND_TYPE_BYTES + RESERVED_BYTES
    const end = at + LENGTH_AND_TYPE_BYTES + specificBytes
    if (specificBytes < RESERVED_BYTES || end > ahs.length) {
      return `AHSLength ${specificBytes} at byte ${at} does not fit the ${ahs.length} bytes of TotalAHSLength`
    }
    if (type === TYPE.EXTENDED_CDB && extendedCdb === null) {
      extendedCdb = ahs.subarray(contentAt, end)
    } else if (type === TYPE.BIDIRECTIONAL_READ_LENGTH && bidirectionalReadBytes === null) {
      if (specificBytes !== RESERVED_BYTES + READ_LENGTH_BYTES) {
        return `AHSLength ${specificBytes} of a bidirectional read length is not ${RESERVED_BYTES + READ_LENGTH_BYTES}`
      }
      bidirectionalReadBytes = ahs.readUInt32BE(contentAt)
    } else {
      return `AHSType ${type} at byte ${at} is unknown or comes twice`
    }
    at = (end + 3) & ~3
  }
  return { extendedCdb, bidirectionalReadBytes }
}
