/** Logout Request (RFC 7143 11.14) and Logout Response (11.15). */

import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, reserved, uint16, uint24, uint32 } from './layout.ts'

/** Byte 1 of a request: the reason, below a bit that is always one. */
export const LOGOUT_FLAG = { final: FINAL_BIT, reason: 0x7f } as const

/** Initiator -> target: end a session or a connection. */
export const LOGOUT_REQUEST_LAYOUT = bhs('Logout Request', [
  byte('opcode'),
  flags('flags', LOGOUT_FLAG),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  reserved(8),
  uint32('initiatorTaskTag'),
  uint16('cid'),
  reserved(2),
  uint32('cmdSN'),
  uint32('expStatSN'),
  reserved(16),
])
export const LOGOUT_REQUEST = LOGOUT_REQUEST_LAYOUT.at

/** Target -> initiator: ended, or why not. */
export const LOGOUT_RESPONSE_LAYOUT = bhs('Logout Response', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
  byte('response'),
  reserved(1),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  reserved(8),
  uint32('initiatorTaskTag'),
  reserved(4),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  reserved(4),
  uint16('time2Wait'),
  uint16('time2Retain'),
  reserved(4),
])
export const LOGOUT_RESPONSE_PDU = LOGOUT_RESPONSE_LAYOUT.at

/** Write all but the sequence numbers into a zeroed header. Units: seconds. */
export function writeLogoutResponse(
  header: Buffer,
  initiatorTaskTag: number,
  response: number,
  time2Wait: number,
  time2Retain: number,
): void {
  header[LOGOUT_RESPONSE_PDU.opcode] = OPCODE.LOGOUT_RESPONSE
  header[LOGOUT_RESPONSE_PDU.flags] = FINAL_BIT
  header[LOGOUT_RESPONSE_PDU.response] = response
  header.writeUInt32BE(initiatorTaskTag, LOGOUT_RESPONSE_PDU.initiatorTaskTag)
  header.writeUInt16BE(time2Wait, LOGOUT_RESPONSE_PDU.time2Wait)
  header.writeUInt16BE(time2Retain, LOGOUT_RESPONSE_PDU.time2Retain)
}
