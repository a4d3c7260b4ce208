/**
 * Asynchronous Messages (RFC 7143 11.9): what an initiator is told without having asked. Each function tells one
 * connection of one event; a connection that is not in full feature phase hears nothing, and neither does a discovery
 * session (RFC 7143 7.4.3). Whoever decides that something happened calls them.
 */

import { ASYNC_EVENT, ASYNC_MESSAGE, type AsyncEvent, writeAsyncMessage } from '../pdu/async-message.ts'
import type { Connection } from './connection.ts'

/** The bytes before the sense data of a SCSI event that say its length (RFC 7143 11.9.4). */
const SENSE_LENGTH_BYTES = 2

/** What an event says besides its code. */
interface EventDetails {
  /** The LUN field, 8 bytes. */
  readonly lun?: Buffer
  readonly parameter1?: number
  readonly parameter2?: number
  readonly parameter3?: number
  readonly data?: Buffer
}

/**
 * Event 0: a logical unit reports something of its own accord.
 * Ownership: `lun` (8 bytes) and `sense` are copied.
 */
export function sendScsiEvent(connection: Connection, lun: Buffer, sense: Buffer): void {
  const data = Buffer.allocUnsafe(SENSE_LENGTH_BYTES + sense.length)
  data.writeUInt16BE(sense.length, 0)
  sense.copy(data, SENSE_LENGTH_BYTES)
  send(connection, ASYNC_EVENT.SCSI, { lun, data })
}

/** Event 1: the initiator is to log this connection out within `seconds`. */
export function sendLogoutRequest(connection: Connection, seconds: number): void {
  send(connection, ASYNC_EVENT.LOGOUT_REQUEST, { parameter3: seconds })
}

/**
 * Event 2: the target has dropped, or is about to drop, the connection `cid` of this session.
 * Units: seconds; its tasks can be reassigned from `time2Wait` on for `time2Retain`.
 */
export function sendConnectionDrop(connection: Connection, cid: number, time2Wait: number, time2Retain: number): void {
  send(connection, ASYNC_EVENT.CONNECTION_DROP, { parameter1: cid, parameter2: time2Wait, parameter3: time2Retain })
}

/** Event 3: the target is about to drop every connection of the session. */
export function sendSessionDrop(connection: Connection): void {
  if (!connection.isLoggedIn) return
  const { defaultTime2Wait, defaultTime2Retain } = connection.session.parameters
  send(connection, ASYNC_EVENT.SESSION_DROP, { parameter2: defaultTime2Wait, parameter3: defaultTime2Retain })
}

/** Event 4: the initiator is to negotiate parameters of this connection anew within `seconds`. */
export function sendNegotiationRequest(connection: Connection, seconds: number): void {
  send(connection, ASYNC_EVENT.NEGOTIATION_REQUEST, { parameter3: seconds })
}

/**
 * Event 5: every task of this session on a logical unit was terminated. Only for sessions that negotiated
 * TaskReporting=FastAbort. Ownership: `lun` (8 bytes) is copied.
 */
export function sendTaskTermination(connection: Connection, lun: Buffer): void {
  send(connection, ASYNC_EVENT.TASK_TERMINATION, { lun })
}

function send(connection: Connection, event: AsyncEvent, details: EventDetails): void {
  if (!connection.isSending || !connection.isLoggedIn || connection.session.isDiscovery) return
  const { lun, parameter1 = 0, parameter2 = 0, parameter3 = 0, data = null } = details
  const header = connection.writer.takeHeader()
  writeAsyncMessage(header, event, parameter1, parameter2, parameter3)
  if (lun !== undefined) lun.copy(header, ASYNC_MESSAGE.lun)
  connection.statuses.send(header, data)
}
