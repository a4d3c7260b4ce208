/**
 * TASK REASSIGN (RFC 7143 7.2.2, 11.5.1): a command whose connection was lost and has been logged out for recovery goes on
 * on the connection that asks for it. Called by task management, which sends the response before the command goes on,
 * and late for a command that has yet to come to rest.
 */

import type { Connection } from '../connection/connection.ts'
import { TASK_MANAGEMENT_RESPONSE as RESPONSE, type TaskManagementResponse } from '../constants.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import { resumeTransfers } from './task-transfer.ts'

/** A TASK REASSIGN request as its header words it. */
export interface ReassignRequest {
  readonly referencedTaskTag: number
  readonly expDataSN: number
  readonly isImmediate: boolean
}

export interface Reassignment {
  readonly response: TaskManagementResponse
  /** Makes the new allegiance effective; to be called when the response is queued. */
  readonly resume: () => void
}

/** What becomes of a request on `connection`; nothing has happened yet when this returns. */
export function reassignTask(connection: Connection, request: ReassignRequest): Reassignment {
  const { session } = connection
  const { referencedTaskTag, expDataSN, isImmediate } = request
  if (session.parameters.errorRecoveryLevel < 2) return refused(RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
  if (!isImmediate || isOtherTask(session, referencedTaskTag)) return refused(RESPONSE.FUNCTION_REJECTED)
  const task = session.tasks.get(referencedTaskTag | 0) ?? findAnswered(session, referencedTaskTag)
  if (task === null || task.isTerminating) return refused(RESPONSE.TASK_DOES_NOT_EXIST)
  const allegiance = allegianceTo(task.connection)
  if (allegiance === 'kept') return refused(RESPONSE.TASK_STILL_ALLEGIANT)
  // Its connection has taken it along (RFC 7143 7.14), or its time is over: it is only coming to rest.
  if (allegiance === 'ended' || task.isImmediate) return refused(RESPONSE.TASK_DOES_NOT_EXIST)
  return { response: RESPONSE.FUNCTION_COMPLETE, resume: () => resumeTransfers(task, connection, expDataSN) }
}

/**
 * Whose the tasks of `connection` are: its own while it is in service or not logged out; free for reassignment; or
 * nobody's, because its time is over.
 */
function allegianceTo(connection: Connection): 'kept' | 'free' | 'ended' {
  const { connections, lost } = connection.session
  if (connections.get(connection.cid) === connection) return 'kept'
  for (const left of lost) if (left.connection === connection) return left.isLoggedOut ? 'free' : 'kept'
  return 'ended'
}

function refused(response: TaskManagementResponse): Reassignment {
  return { response, resume: () => {} }
}

/** A tag of something that is no SCSI command: task management, a text negotiation, a logout. */
function isOtherTask(session: Session, tag: number): boolean {
  if (session.managementTags.has(tag)) return true
  const connections = [...session.connections.values(), ...[...session.lost].map(({ connection }) => connection)]
  return connections.some((connection) => connection.hasOtherTask(tag))
}

/** A command whose status went out, wherever, and has not been acknowledged. */
function findAnswered(session: Session, tag: number): Task | null {
  for (const { connection } of session.lost) {
    const task = connection.statuses.ledger?.findTask(tag) ?? null
    if (task !== null) return task
  }
  for (const connection of session.connections.values()) {
    const task = connection.statuses.ledger?.findTask(tag) ?? null
    if (task !== null) return task
  }
  return null
}
