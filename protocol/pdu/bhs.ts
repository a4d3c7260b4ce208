/**
 * What all Basic Header Segments share (RFC 7143 11.2.1): the first 20 bytes, and the sequence number fields that stand
 * at the same place in every request and in every response.
 */

import { bhs, byte, bytes, lun, reserved, uint24, uint32 } from './layout.ts'

/** Any PDU, with the opcode-specific parts left as bytes. */
export const BHS_LAYOUT = bhs('any PDU', [
  byte('opcode'),
  byte('flags'),
  bytes('opcodeSpecific', 2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  bytes('opcodeSpecificFields', 28),
])
export const BHS = BHS_LAYOUT.at

/** A request: CmdSN and ExpStatSN stand here in all of them but Data-Out and SNACK, which have no CmdSN. */
export const REQUEST_LAYOUT = bhs('any request', [
  bytes('common', 24),
  uint32('cmdSN'),
  uint32('expStatSN'),
  reserved(16),
])
export const REQUEST = REQUEST_LAYOUT.at

/** A response: StatSN, ExpCmdSN and MaxCmdSN stand here in all of them. */
export const RESPONSE_LAYOUT = bhs('any response', [
  bytes('common', 24),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  reserved(12),
])
export const RESPONSE = RESPONSE_LAYOUT.at

/** F bit of byte 1: final (T bit in login PDUs). */
export const FINAL_BIT = 0x80
/** C bit of byte 1 in text and login PDUs: the text goes on in the next PDU. */
export const CONTINUE_BIT = 0x40

/** The DataSegmentLength of the header at `at`, in bytes without padding. */
export function readDataSegmentLength(header: Buffer, at: number): number {
  return header.readUIntBE(at + BHS.dataSegmentLength, 3)
}

/** Set DataSegmentLength; `byteCount` below 2^24. */
export function writeDataSegmentLength(header: Buffer, at: number, byteCount: number): void {
  header[at + BHS.dataSegmentLength] = byteCount >>> 16
  header[at + BHS.dataSegmentLength + 1] = byteCount >>> 8
  header[at + BHS.dataSegmentLength + 2] = byteCount
}

/** The padding after `byteCount` bytes that brings a segment to a multiple of four (RFC 7143 11.1). */
export function paddingOf(byteCount: number): number {
  return -byteCount & 3
}
