/** Text Request (RFC 7143 11.10) and Text Response (11.11). */

import { OPCODE } from '../opcodes.ts'
import { CONTINUE_BIT, FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint24, uint32 } from './layout.ts'

/** Byte 1 of both. */
export const TEXT_FLAG = { final: FINAL_BIT, continue: CONTINUE_BIT } as const

/** Initiator -> target: key=value text in full feature phase. */
export const TEXT_REQUEST_LAYOUT = bhs('Text Request', [
  byte('opcode'),
  flags('flags', TEXT_FLAG),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('targetTransferTag'),
  uint32('cmdSN'),
  uint32('expStatSN'),
  reserved(16),
])
export const TEXT_REQUEST = TEXT_REQUEST_LAYOUT.at

/** Target -> initiator: the answer, or a piece of it. */
export const TEXT_RESPONSE_LAYOUT = bhs('Text Response', [
  byte('opcode'),
  flags('flags', TEXT_FLAG),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('targetTransferTag'),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  reserved(12),
])
export const TEXT_RESPONSE = TEXT_RESPONSE_LAYOUT.at

/** Write all but the sequence numbers and lengths into a zeroed header; the LUN field stays zero. */
export function writeTextResponse(
  header: Buffer,
  flagsByte: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
): void {
  header[TEXT_RESPONSE.opcode] = OPCODE.TEXT_RESPONSE
  header[TEXT_RESPONSE.flags] = flagsByte
  header.writeUInt32BE(initiatorTaskTag, TEXT_RESPONSE.initiatorTaskTag)
  header.writeUInt32BE(targetTransferTag, TEXT_RESPONSE.targetTransferTag)
}
