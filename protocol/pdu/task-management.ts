/** Task Management Function Request (RFC 7143 11.5) and Response (11.6, with what RFC 7144 6.4.1 adds to it). */

import type { TaskManagementResponse } from '../constants.ts'
import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, bytes, flags, lun, reserved, uint24, uint32 } from './layout.ts'

/** Byte 1 of a request: the function, below a bit that is always one. */
export const TASK_MANAGEMENT_FLAG = { final: FINAL_BIT, function: 0x7f } as const

/** Initiator -> target: abort, clear or reset. */
export const TASK_MANAGEMENT_REQUEST_LAYOUT = bhs('Task Management Function Request', [
  byte('opcode'),
  flags('flags', TASK_MANAGEMENT_FLAG),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('referencedTaskTag'),
  uint32('cmdSN'),
  uint32('expStatSN'),
  uint32('refCmdSN'),
  uint32('expDataSN'),
  reserved(8),
])
export const TASK_MANAGEMENT_REQUEST = TASK_MANAGEMENT_REQUEST_LAYOUT.at

/** Target -> initiator: what became of the function. */
export const TASK_MANAGEMENT_RESPONSE_LAYOUT = bhs('Task Management Function Response', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
  byte('response'),
  reserved(1),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  bytes('additionalResponseInformation', 3),
  reserved(5),
  uint32('initiatorTaskTag'),
  reserved(4),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  reserved(12),
])
export const TASK_MANAGEMENT_RESPONSE_PDU = TASK_MANAGEMENT_RESPONSE_LAYOUT.at

/** Write all but the sequence numbers into a zeroed header. `additionalResponseInformation` has 3 bytes. */
export function writeTaskManagementResponse(
  header: Buffer,
  initiatorTaskTag: number,
  response: TaskManagementResponse,
  additionalResponseInformation: Buffer | null,
): void {
  header[TASK_MANAGEMENT_RESPONSE_PDU.opcode] = OPCODE.TASK_MANAGEMENT_RESPONSE
  header[TASK_MANAGEMENT_RESPONSE_PDU.flags] = FINAL_BIT
  header[TASK_MANAGEMENT_RESPONSE_PDU.response] = response
  additionalResponseInformation?.copy(header, TASK_MANAGEMENT_RESPONSE_PDU.additionalResponseInformation)
  header.writeUInt32BE(initiatorTaskTag, TASK_MANAGEMENT_RESPONSE_PDU.initiatorTaskTag)
}
