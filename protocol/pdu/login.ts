/** Login Request (RFC 7143 11.12) and Login Response (11.13). */

import { OPCODE } from '../opcodes.ts'
import { CONTINUE_BIT, FINAL_BIT } from './bhs.ts'
import { bhs, byte, bytes, flags, reserved, uint16, uint24, uint32 } from './layout.ts'

/** Byte 1 of both: transit, continue, current stage and next stage. */
export const LOGIN_FLAG = { transit: FINAL_BIT, continue: CONTINUE_BIT, currentStage: 0x0c, nextStage: 0x03 } as const
const CURRENT_STAGE_SHIFT = 2

/** Initiator -> target: one step of the Login Phase; always immediate. */
export const LOGIN_REQUEST_LAYOUT = bhs('Login Request', [
  byte('opcode'),
  flags('flags', LOGIN_FLAG),
  byte('versionMax'),
  byte('versionMin'),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  bytes('isid', 6),
  uint16('tsih'),
  uint32('initiatorTaskTag'),
  uint16('cid'),
  reserved(2),
  uint32('cmdSN'),
  uint32('expStatSN'),
  reserved(16),
])
export const LOGIN_REQUEST = LOGIN_REQUEST_LAYOUT.at

/** Target -> initiator: the answer to one step. */
export const LOGIN_RESPONSE_LAYOUT = bhs('Login Response', [
  byte('opcode'),
  flags('flags', LOGIN_FLAG),
  byte('versionMax'),
  byte('versionActive'),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  bytes('isid', 6),
  uint16('tsih'),
  uint32('initiatorTaskTag'),
  reserved(4),
  uint32('statSN'),
  uint32('expCmdSN'),
  uint32('maxCmdSN'),
  byte('statusClass'),
  byte('statusDetail'),
  reserved(10),
])
export const LOGIN_RESPONSE = LOGIN_RESPONSE_LAYOUT.at

/** The stage that a login PDU is in (CSG). */
export function currentStageOf(flagsByte: number): number {
  return (flagsByte & LOGIN_FLAG.currentStage) >>> CURRENT_STAGE_SHIFT
}

/** The fields of a Login Response that do not come from the connection. `isid`: 6 bytes. */
export interface LoginResponseFields {
  readonly isTransit: boolean
  readonly isContinued: boolean
  readonly currentStage: number
  readonly nextStage: number
  readonly versionMax: number
  readonly versionActive: number
  readonly isid: Buffer
  readonly tsih: number
  readonly initiatorTaskTag: number
  readonly statusClass: number
  readonly statusDetail: number
}

/** Write all but the sequence numbers and lengths into a zeroed header. */
export function writeLoginResponse(header: Buffer, fields: LoginResponseFields): void {
  header[LOGIN_RESPONSE.opcode] = OPCODE.LOGIN_RESPONSE
  header[LOGIN_RESPONSE.flags] =
    (fields.isTransit ? LOGIN_FLAG.transit : 0) |
    (fields.isContinued ? LOGIN_FLAG.continue : 0) |
    (fields.currentStage << CURRENT_STAGE_SHIFT) |
    fields.nextStage
  header[LOGIN_RESPONSE.versionMax] = fields.versionMax
  header[LOGIN_RESPONSE.versionActive] = fields.versionActive
  fields.isid.copy(header, LOGIN_RESPONSE.isid)
  header.writeUInt16BE(fields.tsih, LOGIN_RESPONSE.tsih)
  header.writeUInt32BE(fields.initiatorTaskTag, LOGIN_RESPONSE.initiatorTaskTag)
  header[LOGIN_RESPONSE.statusClass] = fields.statusClass
  header[LOGIN_RESPONSE.statusDetail] = fields.statusDetail
}
