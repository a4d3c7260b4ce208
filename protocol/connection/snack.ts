/**
 * SNACK Requests (RFC 7143 11.16). At error recovery level 0 nothing is kept for sending again, so every SNACK is
 * refused (RFC 7143 7.8); one of an unknown type is an error of its own.
 */

import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { SNACK_FLAG, SNACK_REQUEST, SNACK_TYPE_MAX } from '../pdu/snack.ts'
import type { Connection } from './connection.ts'

/** A SNACK Request came. */
export function handleSnackRequest(connection: Connection, pdu: Pdu): void {
  const type = pdu.header[pdu.at + SNACK_REQUEST.flags]! & SNACK_FLAG.type
  connection.reject(pdu, type > SNACK_TYPE_MAX ? REJECT_REASON.PROTOCOL_ERROR : REJECT_REASON.SNACK_REJECT)
}
