/** SNACK Request (RFC 7143 11.16). It has no response of its own: what is asked for is sent again, or a Reject. */

import { FINAL_BIT } from './bhs.ts'
import { bhs, byte, flags, lun, reserved, uint24, uint32 } from './layout.ts'

/** Byte 1: the type, below a bit that is always one. */
export const SNACK_FLAG = { final: FINAL_BIT, type: 0x0f } as const

/** What is asked for (RFC 7143 11.16.1); other types are reserved. */
export const SNACK_TYPE = { DATA_OR_R2T: 0, STATUS: 1, DATA_ACK: 2, R_DATA: 3 } as const

/** Initiator -> target: send a run of data, R2Ts or statuses again, or an acknowledgement of data. */
export const SNACK_REQUEST_LAYOUT = bhs('SNACK Request', [
  byte('opcode'),
  flags('flags', SNACK_FLAG),
  reserved(2),
  byte('totalAHSLength'),
  uint24('dataSegmentLength'),
  lun(),
  uint32('initiatorTaskTag'),
  uint32('targetTransferTagOrSnackTag'),
  reserved(4),
  uint32('expStatSN'),
  reserved(8),
  uint32('begRun'),
  uint32('runLength'),
])
export const SNACK_REQUEST = SNACK_REQUEST_LAYOUT.at
