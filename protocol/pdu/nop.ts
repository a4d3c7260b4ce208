/** NOP-Out (RFC 7143 11.18) and NOP-In (11.19). */

import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint24, uint32 } from './layout.ts'

/** Initiator -> target: a ping, the answer to a ping of ours, or a mere acknowledgement of statuses. */
export const NOP_OUT_LAYOUT = bhs('NOP-Out', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
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
export const NOP_OUT = NOP_OUT_LAYOUT.at

/** Target -> initiator: the answer to a ping, a ping of ours, or a mere announcement of MaxCmdSN. */
export const NOP_IN_LAYOUT = bhs('NOP-In', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
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
export const NOP_IN = NOP_IN_LAYOUT.at

/** Write all but the sequence numbers and lengths into a zeroed header. */
export function writeNopIn(header: Buffer, initiatorTaskTag: number, targetTransferTag: number): void {
  header[NOP_IN.opcode] = OPCODE.NOP_IN
  header[NOP_IN.flags] = FINAL_BIT
  header.writeUInt32BE(initiatorTaskTag, NOP_IN.initiatorTaskTag)
  header.writeUInt32BE(targetTransferTag, NOP_IN.targetTransferTag)
}
