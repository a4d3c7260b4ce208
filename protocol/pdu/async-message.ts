/** Asynchronous Message (RFC 7143 11.9). */

import { RESERVED_TAG } from '../constants.ts'
import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint16, uint24, uint32 } from './layout.ts'

/** AsyncEvent codes (RFC 7143 11.9.1). */
export const ASYNC_EVENT = {
  SCSI: 0,
  LOGOUT_REQUEST: 1,
  CONNECTION_DROP: 2,
  SESSION_DROP: 3,
  NEGOTIATION_REQUEST: 4,
  TASK_TERMINATION: 5,
} as const
export type AsyncEvent = (typeof ASYNC_EVENT)[keyof typeof ASYNC_EVENT]

/** Target -> initiator: something happened that no request asked for. */
export const ASYNC_MESSAGE_LAYOUT = bhs('Asynchronous Message', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  reserved(4),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  byte('asyncEvent'),
  byte('asyncVCode'),
  uint16('parameter1'),
  uint16('parameter2'),
  uint16('parameter3'),
  reserved(4),
])
export const ASYNC_MESSAGE = ASYNC_MESSAGE_LAYOUT.at

/** Write all but the sequence numbers and lengths into a zeroed header; the LUN field stays zero. */
export function writeAsyncMessage(
  header: Buffer,
  event: AsyncEvent,
  parameter1: number,
  parameter2: number,
  parameter3: number,
): void {
  header[ASYNC_MESSAGE.opcode] = OPCODE.ASYNC_MESSAGE
  header[ASYNC_MESSAGE.flags] = FINAL_BIT
  header.writeUInt32BE(RESERVED_TAG, ASYNC_MESSAGE.initiatorTaskTag)
  header[ASYNC_MESSAGE.asyncEvent] = event
  header.writeUInt16BE(parameter1, ASYNC_MESSAGE.parameter1)
  header.writeUInt16BE(parameter2, ASYNC_MESSAGE.parameter2)
  header.writeUInt16BE(parameter3, ASYNC_MESSAGE.parameter3)
}
