/**
 * Task management (RFC 7143 11.5, 11.6, 4.2.3; RFC 7144 6): takes a Task Management Function Request in its turn to the
 * function that it asks for. Which tasks a function names and when it may be carried out is decided in this folder; what
 * aborting means is the device server's business.
 */

import type { Connection } from '../connection/connection.ts'
import { rejectPdu } from '../connection/reject.ts'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  TASK_MANAGEMENT_RESPONSE as RESPONSE,
  type TaskManagementFunction,
} from '../constants.ts'
import { REJECT_REASON, type RejectReason } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { TASK_MANAGEMENT_REQUEST } from '../pdu/task-management.ts'
import { clearAca } from './clear-aca.ts'
import { findFunction } from './functions.ts'
import { abortTasks } from './multi-task-abort.ts'
import { type ManagementRequest, readManagementRequest, respondToManagement } from './request.ts'
import { abortTask, isInTaskSet, queryTask, reassignOne } from './single-task.ts'

/**
 * Why a numbered request is rejected before its turn: its tag is in use. Its CmdSN then does not count as received (RFC
 * 7143 7.3).
 */
export function findManagementRejection({ session }: Connection, { header, at }: Pdu): RejectReason | null {
  const isInUse = session.managementTags.has(header.readUInt32BE(at + TASK_MANAGEMENT_REQUEST.initiatorTaskTag))
  return isInUse ? REJECT_REASON.TASK_IN_PROGRESS : null
}

/**
 * A Task Management Function Request's turn has come. It may have to wait, for commands to come or to end, and only so
 * many wait. One more is rejected if it is immediate; a numbered one has used its CmdSN, so that it gets a response.
 */
export function handleTaskManagementRequest(connection: Connection, pdu: Pdu): void {
  const { managementTags } = connection.session
  const request = readManagementRequest(connection, pdu)
  const isTooMuch = managementTags.size >= connection.context.limits.managementRequestsMax
  if (managementTags.has(request.initiatorTaskTag)) {
    rejectPdu(connection, pdu, REJECT_REASON.TASK_IN_PROGRESS)
  } else if (isTooMuch && request.isImmediate) {
    rejectPdu(connection, pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
  } else if (isTooMuch) {
    respondToManagement(request, RESPONSE.FUNCTION_REJECTED)
  } else {
    managementTags.add(request.initiatorTaskTag)
    carryOut(request)
  }
}

function carryOut(request: ManagementRequest): void {
  const { connection } = request
  const row = findFunction(request.function, connection.session.parameters.iSCSIProtocolLevel)
  if (row === null) {
    respondToManagement(request, RESPONSE.FUNCTION_NOT_SUPPORTED)
  } else if (row.function === FUNCTION.ABORT_TASK) {
    abortTask(request)
  } else if (row.function === FUNCTION.QUERY_TASK) {
    queryTask(request)
  } else if (row.function === FUNCTION.TASK_REASSIGN) {
    reassignOne(request)
  } else if (row.reach === 'condition') {
    clearAca(request)
  } else if (row.reach === 'query') {
    queryLogicalUnit(request, row.function)
  } else {
    abortTasks(request, row)
  }
}

/**
 * QUERY TASK SET and QUERY ASYNCHRONOUS EVENT (RFC 7144 6.4.2). A command that waits for its turn is in no task set of
 * the SCSI layer yet, but the initiator has sent it.
 */
function queryLogicalUnit(request: ManagementRequest, code: TaskManagementFunction): void {
  const { nexus, tasks } = request.connection.session
  const logicalUnit = nexus.logicalUnitOf(request.lun)
  if (logicalUnit === null) {
    respondToManagement(request, RESPONSE.LUN_DOES_NOT_EXIST)
  } else if (code === FUNCTION.QUERY_TASK_SET) {
    const isAnyThere = [...tasks.values()].some(
      (task) => isInTaskSet(task) && nexus.logicalUnitOf(task.lun) === logicalUnit,
    )
    respondToManagement(request, isAnyThere ? RESPONSE.FUNCTION_SUCCEEDED : RESPONSE.FUNCTION_COMPLETE)
  } else {
    nexus.taskManagementRequestReceived(
      { function: code, lun: request.lun, referencedTask: null, covers: () => false },
      (response, additionalResponseInformation) =>
        respondToManagement(request, response, additionalResponseInformation),
    )
  }
}
