/**
 * Logout (RFC 7143 11.14, 11.15): of the session, of the connection that asks, or of another one by its CID, which may be
 * dead or believed to be so by its initiator. Tasks that a logout ends have come to rest before the response goes out; if
 * they do not in time, the response says that the cleanup failed.
 */

import { LOGOUT_REASON, LOGOUT_RESPONSE } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { LOGOUT_FLAG, LOGOUT_REQUEST, writeLogoutResponse } from '../pdu/logout.ts'
import type { LostConnection } from '../recovery/lost-connection.ts'
import { discardUndelivered, tasksOf, terminateTasks } from '../session/task-termination.ts'
import type { Connection } from './connection.ts'
import { rejectPdu } from './reject.ts'

/** A Logout Request's turn has come. */
export function handleLogoutRequest(connection: Connection, pdu: Pdu): void {
  const { header, at } = pdu
  const { session } = connection
  const reason = header[at + LOGOUT_REQUEST.flags]! & LOGOUT_FLAG.reason
  const initiatorTaskTag = header.readUInt32BE(at + LOGOUT_REQUEST.initiatorTaskTag)
  const cid = header.readUInt16BE(at + LOGOUT_REQUEST.cid)
  const isOwn = cid === connection.cid
  if (reason > LOGOUT_REASON.REMOVE_FOR_RECOVERY) {
    rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
  } else if (reason === LOGOUT_REASON.CLOSE_SESSION) {
    connection.logoutStarted(initiatorTaskTag)
    endSession(connection, initiatorTaskTag)
  } else if (reason === LOGOUT_REASON.CLOSE_CONNECTION && session.isDiscovery) {
    rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
  } else if (reason === LOGOUT_REASON.REMOVE_FOR_RECOVERY && session.parameters.errorRecoveryLevel < 2) {
    respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.RECOVERY_NOT_SUPPORTED)
  } else if (!isOwn) {
    closeOther(connection, cid, initiatorTaskTag, reason === LOGOUT_REASON.REMOVE_FOR_RECOVERY)
  } else if (reason === LOGOUT_REASON.REMOVE_FOR_RECOVERY) {
    connection.logoutStarted(initiatorTaskTag)
    session.leave(connection, 'recovery')
    respondAndClose(connection, initiatorTaskTag)
  } else {
    connection.logoutStarted(initiatorTaskTag)
    closeOwn(connection, initiatorTaskTag)
  }
}

function endSession(connection: Connection, initiatorTaskTag: number): void {
  const cleanup = new BoundedCleanup(connection, () => respondAndFail(connection, initiatorTaskTag))
  connection.session.end('sessionClosed', () => {
    if (cleanup.finish()) respondAndClose(connection, initiatorTaskTag)
  })
}

/** Close the connection that asks. With the last one, and nothing to be cleaned up, the session is closed (6.3.5). */
function closeOwn(connection: Connection, initiatorTaskTag: number): void {
  const { session } = connection
  const cleanup = new BoundedCleanup(connection, () => respondAndFail(connection, initiatorTaskTag))
  discardUndelivered(connection)
  terminateTasks(session, tasksOf(connection), () => {
    if (!cleanup.finish() || !connection.isSending) return
    if (!session.hasEnded && session.leave(connection, 'close')) respondAndClose(connection, initiatorTaskTag)
    else endSession(connection, initiatorTaskTag)
  })
}

/** Log out another connection of the session: a logical close only when its transport is gone already. */
function closeOther(connection: Connection, cid: number, initiatorTaskTag: number, isRecovery: boolean): void {
  const { session } = connection
  const lost = session.takeOut(cid)
  // What it left may have been all that the session waited for to end.
  if (session.hasEnded) return
  if (lost === null) {
    respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CID_NOT_FOUND)
  } else if (lost.isInCleanup) {
    respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLEANUP_FAILED)
  } else {
    cleanUp(connection, lost, initiatorTaskTag, isRecovery)
  }
}

function cleanUp(connection: Connection, lost: LostConnection, initiatorTaskTag: number, isRecovery: boolean): void {
  const { session } = connection
  const cleanup = new BoundedCleanup(connection, () => {
    if (session.hasEnded) return
    lost.abandonCleanup()
    if (connection.isSending) respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLEANUP_FAILED)
  })
  lost.beginCleanup()
  if (!isRecovery) lost.endTasks()
  lost.whenAtRest(() => {
    if (!cleanup.finish() || session.hasEnded) return
    session.logOut(lost, isRecovery ? 'recovery' : 'close')
    if (connection.isSending) respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLOSED)
  })
}

/** A cleanup that either finishes or fails, which it does after a time. */
class BoundedCleanup {
  readonly #timer
  #isOver = false

  constructor(connection: Connection, failed: () => void) {
    this.#timer = connection.setTimer(connection.context.limits.logoutTimeoutMs, () => {
      this.#isOver = true
      failed()
    })
  }

  /** Everything is at rest. Says whether that is in time. */
  finish(): boolean {
    this.#timer.cancel()
    return !this.#isOver
  }
}

function respondAndClose(connection: Connection, initiatorTaskTag: number): void {
  if (!connection.isSending) return
  respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLOSED)
  connection.close()
}

function respondAndFail(connection: Connection, initiatorTaskTag: number): void {
  if (!connection.isSending) return
  respond(connection, initiatorTaskTag, LOGOUT_RESPONSE.CLEANUP_FAILED)
  connection.closeAfterFailedLogout()
}

function respond(connection: Connection, initiatorTaskTag: number, response: number): void {
  const { defaultTime2Wait, defaultTime2Retain } = connection.session.parameters
  const header = connection.writer.takeHeader()
  writeLogoutResponse(header, initiatorTaskTag, response, defaultTime2Wait, defaultTime2Retain)
  connection.statuses.send(header, null)
}
