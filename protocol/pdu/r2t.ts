/** Ready To Transfer (RFC 7143 11.8). */

import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint24, uint32 } from './layout.ts'

/** Target -> initiator: send me bytes [bufferOffset, + desiredDataTransferLength). */
export const R2T_LAYOUT = bhs('R2T', [
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
  uint32('r2tSN'),
  uint32('bufferOffset'),
  uint32('desiredDataTransferLength'),
])
export const R2T = R2T_LAYOUT.at

/** Write all but the sequence numbers into a zeroed header. `lunField`: 8 bytes. */
export function writeR2T(
  header: Buffer,
  lunField: Buffer,
  initiatorTaskTag: number,
  targetTransferTag: number,
  r2tSN: number,
  bufferOffset: number,
  desiredDataTransferLength: number,
): void {
  header[R2T.opcode] = OPCODE.R2T
  header[R2T.flags] = FINAL_BIT
  lunField.copy(header, R2T.lun)
  header.writeUInt32BE(initiatorTaskTag, R2T.initiatorTaskTag)
  header.writeUInt32BE(targetTransferTag, R2T.targetTransferTag)
  header.writeUInt32BE(r2tSN, R2T.r2tSN)
  header.writeUInt32BE(bufferOffset, R2T.bufferOffset)
  header.writeUInt32BE(desiredDataTransferLength, R2T.desiredDataTransferLength)
}
