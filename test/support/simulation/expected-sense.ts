/** Sense data that commands of a simulation may end with, given what happened to them. */

import type { TargetPdu } from '../wire-pdu.ts'
import type { SimulatedCommand } from './simulated-command.ts'

/** SPC-3 4.5.6. */
export const SENSE_KEY = { MEDIUM_ERROR: 3, UNIT_ATTENTION: 6, ABORTED_COMMAND: 0xb } as const
/** ADDITIONAL SENSE CODE and its qualifier (RFC 7143 11.4.7.2). */
const PROTOCOL_SERVICE_CRC_ERROR = 0x4705
const INCORRECT_AMOUNT_OF_DATA = 0x0c0d
/** From then on the target may take data that does not come for lost, and end the command. */
const DATA_OUT_PATIENCE_MS = 20_000

/** `isStrict`: at error recovery level 0. `isDiskFaulty`: disks may have failed. `ageMs`: of the command. */
export function isExpectedSense(
  command: SimulatedCommand,
  response: TargetPdu,
  isStrict: boolean,
  isDiskFaulty: boolean,
  ageMs: number,
): boolean {
  const key = response.data[4]! & 0xf
  const code = response.data.readUInt16BE(14)
  if (key === SENSE_KEY.UNIT_ATTENTION) return true
  if (key === SENSE_KEY.MEDIUM_ERROR) return isDiskFaulty
  if (key !== SENSE_KEY.ABORTED_COMMAND) return false
  if (code === INCORRECT_AMOUNT_OF_DATA) return command.isRetriedBlindly
  return code === PROTOCOL_SERVICE_CRC_ERROR && (isStrict ? command.wasSpoiled : ageMs >= DATA_OUT_PATIENCE_MS)
}
