/**
 * NOP-Ins that nobody asked for (RFC 7143 11.19): they say which numbers come next, and may ask for an answer. Sent by the
 * keepalive, and by whoever waits for an acknowledgement or has opened the command window.
 */

import { RESERVED_TAG } from '../constants.ts'
import { writeNopIn } from '../pdu/nop.ts'
import type { Connection } from './connection.ts'

/** Send a NOP-In whose answer says how far the initiator has received. Returns its Target Transfer Tag. */
export function solicitAcknowledgement(connection: Connection): number {
  const tag = connection.session.takeTransferTag()
  sendNopIn(connection, tag)
  return tag
}

/** Send a NOP-In that wants no answer, and only says which numbers come next (RFC 7143 7.1.4.2, 11.4.11). */
export function sendNumbers(connection: Connection): void {
  sendNopIn(connection, RESERVED_TAG)
}

function sendNopIn(connection: Connection, targetTransferTag: number): void {
  const header = connection.writer.takeHeader()
  writeNopIn(header, RESERVED_TAG, targetTransferTag)
  connection.statuses.stamp(header)
  connection.writer.pushPdu(null)
  connection.requestFlush()
}
