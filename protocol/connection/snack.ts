/**
 * SNACK Requests (RFC 7143 11.16): who asks for something again, or acknowledges Data-In. At error recovery level 0 nothing
 * is kept for sending again, so every SNACK is refused, and a command whose data was asked for ends with an error (RFC
 * 7143 7.8 a); one of an unknown type is an error of its own.
 */

import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { SNACK_FLAG, SNACK_REQUEST, SNACK_TYPE } from '../pdu/snack.ts'
import { acknowledgeData, resegmentData, resendDataOrR2Ts, resendStatuses } from '../recovery/retransmission.ts'
import type { Connection } from './connection.ts'
import { ISCSI_SENSE } from './iscsi-sense.ts'
import { rejectPdu } from './reject.ts'
import { failTask } from './task-lifecycle.ts'

const HANDLERS: Readonly<Record<number, (connection: Connection, pdu: Pdu) => void>> = {
  [SNACK_TYPE.DATA_OR_R2T]: resendDataOrR2Ts,
  [SNACK_TYPE.STATUS]: resendStatuses,
  [SNACK_TYPE.DATA_ACK]: acknowledgeData,
  [SNACK_TYPE.R_DATA]: resegmentData,
}

/** A SNACK Request came. */
export function handleSnackRequest(connection: Connection, pdu: Pdu): void {
  const handler = HANDLERS[pdu.header[pdu.at + SNACK_REQUEST.flags]! & SNACK_FLAG.type]
  if (handler === undefined) rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
  else if (connection.statuses.ledger === null) refuse(connection, pdu)
  else if (connection.outbound.isOverflowing) connection.fail('an initiator asks again for more than it reads')
  else handler(connection, pdu)
}

function refuse(connection: Connection, pdu: Pdu): void {
  rejectPdu(connection, pdu, REJECT_REASON.SNACK_REJECT)
  const task = connection.session.tasks.get(pdu.header.readUInt32BE(pdu.at + SNACK_REQUEST.initiatorTaskTag) | 0)
  if (task?.connection === connection) failTask(task, ISCSI_SENSE.snackRejected)
}
