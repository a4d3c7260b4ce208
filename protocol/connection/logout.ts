/** Logout (RFC 7143 11.14, 11.15). With one connection a session, closing the connection closes the session too. */

import { LOGOUT_REASON, LOGOUT_RESPONSE } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { LOGOUT_FLAG, LOGOUT_REQUEST, writeLogoutResponse } from '../pdu/logout.ts'
import type { Connection } from './connection.ts'

/** A Logout Request's turn has come. */
export function handleLogoutRequest(connection: Connection, pdu: Pdu): void {
  const { header, at } = pdu
  const reason = header[at + LOGOUT_REQUEST.flags]! & LOGOUT_FLAG.reason
  const initiatorTaskTag = header.readUInt32BE(at + LOGOUT_REQUEST.initiatorTaskTag)
  const cid = header.readUInt16BE(at + LOGOUT_REQUEST.cid)
  if (reason === LOGOUT_REASON.REMOVE_FOR_RECOVERY) {
    respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.RECOVERY_NOT_SUPPORTED)
  } else if (reason === LOGOUT_REASON.CLOSE_CONNECTION && connection.session.isDiscovery) {
    connection.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
  } else if (reason === LOGOUT_REASON.CLOSE_CONNECTION && cid !== connection.cid) {
    respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CID_NOT_FOUND)
  } else if (reason === LOGOUT_REASON.CLOSE_SESSION || reason === LOGOUT_REASON.CLOSE_CONNECTION) {
    connection.logoutStarted()
    connection.session.end('sessionClosed', () => {
      if (!connection.isSending) return
      respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLOSED)
      connection.close()
    })
  } else {
    connection.reject(pdu, REJECT_REASON.PROTOCOL_ERROR)
  }
}

function respond(connection: Connection, initiatorTaskTag: number, response: number): void {
  const { defaultTime2Wait, defaultTime2Retain } = connection.session.parameters
  const header = connection.writer.takeHeader()
  writeLogoutResponse(header, initiatorTaskTag, response, defaultTime2Wait, defaultTime2Retain)
  connection.sendStatus(header, null)
}
