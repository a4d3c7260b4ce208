/** SCSI Data-Out and SCSI Data-In (RFC 7143 11.7). */

import { RESERVED_TAG } from '../constants.ts'
import { OPCODE } from '../opcodes.ts'
import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint24, uint32 } from './layout.ts'
import { RESIDUAL_FLAG } from './scsi-command.ts'

/** Initiator -> target: bytes of a write, unsolicited (reserved Target Transfer Tag) or asked for by an R2T. */
export const DATA_OUT_LAYOUT = bhs('SCSI Data-Out', [
  byte('opcode'),
  flags('flags', { final: FINAL_BIT }),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('targetTransferTag'),
  reserved(4),
  uint32('expStatSN'),
  reserved(4),
  uint32('dataSN'),
  uint32('bufferOffset'),
  reserved(4),
])
export const DATA_OUT = DATA_OUT_LAYOUT.at

/** Flags of a Data-In, byte 1. */
export const DATA_IN_FLAG = {
  final: FINAL_BIT,
  acknowledge: 0x40,
  overflow: RESIDUAL_FLAG.overflow,
  underflow: RESIDUAL_FLAG.underflow,
  status: 0x01,
} as const

/** Target -> initiator: bytes of a read; the last one may carry a GOOD status (S bit). */
export const DATA_IN_LAYOUT = bhs('SCSI Data-In', [
  byte('opcode'),
  flags('flags', DATA_IN_FLAG),
  reserved(1),
  byte('status'),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('targetTransferTag'),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  uint32('dataSN'),
  uint32('bufferOffset'),
  uint32('residualCount'),
])
export const DATA_IN = DATA_IN_LAYOUT.at

/**
 * Write a Data-In header without status over whatever the 48 bytes at `at` held: every byte is set but DataSegmentLength
 * and the sequence numbers, which the caller writes.
 */
export function writeDataIn(
  header: Buffer,
  at: number,
  initiatorTaskTag: number,
  dataSN: number,
  bufferOffset: number,
  isFinal: boolean,
): void {
  header.writeUInt32BE(((OPCODE.DATA_IN << 24) | (isFinal ? FINAL_BIT << 16 : 0)) >>> 0, at)
  header[at + DATA_IN.totalAHSLength] = 0
  header.writeUInt32BE(0, at + DATA_IN.lun)
  header.writeUInt32BE(0, at + DATA_IN.lun + 4)
  header.writeUInt32BE(initiatorTaskTag, at + DATA_IN.initiatorTaskTag)
  header.writeUInt32BE(RESERVED_TAG, at + DATA_IN.targetTransferTag)
  header.writeUInt32BE(dataSN, at + DATA_IN.dataSN)
  header.writeUInt32BE(bufferOffset, at + DATA_IN.bufferOffset)
  header.writeUInt32BE(0, at + DATA_IN.residualCount)
}

/** Turn a final Data-In header into one that carries GOOD status (phase collapse, RFC 7143 11.7.3). */
export function addStatusToDataIn(header: Buffer, at: number): void {
  header[at + DATA_IN.flags] = DATA_IN_FLAG.final | DATA_IN_FLAG.status
}
