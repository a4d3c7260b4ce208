/** SCSI Command (RFC 7143 11.3) and SCSI Response (11.4), with what RFC 7144 5 adds to them. */

import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, bytes, flags, lun, reserved, uint16, uint24, uint32 } from './layout.ts'

/** Flags of a SCSI Command, byte 1. */
export const SCSI_COMMAND_FLAG = { final: FINAL_BIT, read: 0x40, write: 0x20, attribute: 0x07 } as const

/** PRI is the upper half of its byte (RFC 7144 5.1.1). */
export const PRIORITY_SHIFT = 4

/** Initiator -> target: a CDB, with up to FirstBurstLength bytes of immediate data. */
export const SCSI_COMMAND_LAYOUT = bhs('SCSI Command', [
  byte('opcode'),
  flags('flags', SCSI_COMMAND_FLAG),
  byte('priority'),
  reserved(1),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('expectedDataTransferLength'),
  uint32('cmdSN'),
  uint32('expStatSN'),
  bytes('cdb', 16),
])
export const SCSI_COMMAND = SCSI_COMMAND_LAYOUT.at

/** Residual flags of a SCSI Response, byte 1; O and U have the same values in a Data-In with status. */
export const RESIDUAL_FLAG = {
  bidirectionalOverflow: 0x10,
  bidirectionalUnderflow: 0x08,
  overflow: 0x04,
  underflow: 0x02,
} as const

/** Target -> initiator: how the command ended. */
export const SCSI_RESPONSE_LAYOUT = bhs('SCSI Response', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT, ...RESIDUAL_FLAG }),
  byte('response'),
  byte('status'),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  uint16('statusQualifier'),
  reserved(6),
  uint32('initiatorTaskTag'),
  uint32('snackTag'),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  uint32('expDataSN'),
  uint32('bidirectionalReadResidualCount'),
  uint32('residualCount'),
])
export const SCSI_RESPONSE = SCSI_RESPONSE_LAYOUT.at

/** Write all but the sequence numbers and the lengths into a zeroed header. */
export function writeScsiResponse(
  header: Buffer,
  initiatorTaskTag: number,
  response: number,
  status: number,
  residualFlags: number,
  residualCount: number,
  bidirectionalReadResidualCount: number,
  expDataSN: number,
): void {
  header[SCSI_RESPONSE.opcode] = OPCODE.SCSI_RESPONSE
  header[SCSI_RESPONSE.flags] = FINAL_BIT | residualFlags
  header[SCSI_RESPONSE.response] = response
  header[SCSI_RESPONSE.status] = status
  header.writeUInt32BE(initiatorTaskTag, SCSI_RESPONSE.initiatorTaskTag)
  header.writeUInt32BE(expDataSN, SCSI_RESPONSE.expDataSN)
  header.writeUInt32BE(bidirectionalReadResidualCount, SCSI_RESPONSE.bidirectionalReadResidualCount)
  header.writeUInt32BE(residualCount, SCSI_RESPONSE.residualCount)
}
