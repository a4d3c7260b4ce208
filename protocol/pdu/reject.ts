/** Reject (RFC 7143 11.17). */

import { RESERVED_TAG } from '../constants.ts'
import type { RejectReason } from '../errors.ts'
import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, reserved, uint24, uint32 } from './layout.ts'

/** Target -> initiator: a PDU was not acceptable; its header comes back as the data segment. */
export const REJECT_LAYOUT = bhs('Reject', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
  byte('reason'),
  reserved(1),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  reserved(8),
  uint32('initiatorTaskTag'),
  reserved(4),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  uint32('dataSNOrR2TSN'),
  reserved(8),
])
export const REJECT = REJECT_LAYOUT.at

/** Write all but the sequence numbers and lengths into a zeroed header. */
export function writeReject(header: Buffer, reason: RejectReason, dataSNOrR2TSN: number): void {
  header[REJECT.opcode] = OPCODE.REJECT
  header[REJECT.flags] = FINAL_BIT
  header[REJECT.reason] = reason
  header.writeUInt32BE(RESERVED_TAG, REJECT.initiatorTaskTag)
  header.writeUInt32BE(dataSNOrR2TSN, REJECT.dataSNOrR2TSN)
}
