/**
 * The functions that end many tasks (RFC 7143 4.2.3.3, 4.2.3.4; RFC 7144 6.5): ABORT TASK SET, CLEAR TASK SET, LOGICAL
 * UNIT RESET, the target resets and I_T NEXUS RESET. They act on all connections of the session at once and differ by
 * the session's TaskReporting: with the standard semantics the response waits for the data of open R2Ts, with FastAbort
 * it does not and the other connections are told by Asynchronous Message.
 */

import { type ReadyToTransfer, whenTransfersEnd } from '../connection/ready-to-transfer.ts'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  TASK_MANAGEMENT_RESPONSE as RESPONSE,
  type TaskManagementFunction,
  type TaskManagementResponse,
} from '../constants.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import { forgetAsReceived } from './affected-tasks.ts'
import type { FunctionRow } from './functions.ts'
import { isEarlier, type ManagementRequest, respondToManagement } from './request.ts'
import { announceTermination } from './task-termination.ts'

/**
 * Carry the function out when every command that was sent before it has come; one that reaches every logical unit does
 * not wait and takes those as received (4.2.3.3 b).
 */
export function abortTasks(request: ManagementRequest, { reach }: FunctionRow): void {
  const { window } = request.connection.session
  if (reach === 'target') window.plugUpTo(request.cmdSN)
  window.whenReached(request.cmdSN, () => execute(request, reach === 'target'))
}

function execute(request: ManagementRequest, isTargetScoped: boolean): void {
  const { connection } = request
  const { session } = connection
  if (!connection.isSending) {
    session.managementTags.delete(request.initiatorTaskTag)
    return
  }
  const logicalUnit = isTargetScoped ? null : session.nexus.logicalUnitOf(request.lun)
  if (!isTargetScoped && logicalUnit === null) {
    respondToManagement(request, RESPONSE.LUN_DOES_NOT_EXIST)
    return
  }
  const isReached = (task: Task) => isTargetScoped || session.nexus.logicalUnitOf(task.lun) === logicalUnit
  const covers = (task: Task) => isEarlier(task, request) && isReached(task)
  const affected = [...session.tasks.values()].filter(covers)
  const transfers = affected.flatMap((task) => task.readyToTransfers)
  const isFast = session.parameters.taskReporting === 'FastAbort'
  if (isFast) announceTermination(affected.filter((task) => task.connection !== connection))
  for (const task of affected) if (task.phase !== 'executing') forgetAsReceived(task)
  session.nexus.taskManagementRequestReceived(
    { function: request.function as TaskManagementFunction, lun: request.lun, referencedTask: null, covers },
    (response) => {
      if (isFast) conclude(request, response, covers)
      else whenSessionTransfersEnd(session, transfers, () => conclude(request, response, covers))
    },
  )
}

/**
 * Nothing of the tasks is in flight: respond behind everything that was answered so far (4.2.3.3 d). A task whose
 * transfer failed would still have an answer coming; the function's own response is its end.
 */
function conclude(request: ManagementRequest, response: TaskManagementResponse, covers: (task: Task) => boolean): void {
  const { connection } = request
  const { session } = connection
  for (const task of [...session.tasks.values()]) {
    if (task.phase !== 'executing' && covers(task)) forgetAsReceived(task)
  }
  session.fence.raise(connection, () => {
    respondToManagement(request, response)
    if (response === RESPONSE.FUNCTION_COMPLETE) endSessions(request)
  })
}

/**
 * Wait until the initiator has answered the R2Ts of its own tasks on every connection (4.2.3.3 a), but not for long:
 * initiators in the field, Linux among them, send no data any more once they have asked for a reset, and would take a
 * late response for a dead target. The tags stay valid, so data that comes after the response is dropped.
 */
function whenSessionTransfersEnd(session: Session, transfers: readonly ReadyToTransfer[], ended: () => void): void {
  const connections = [...session.connections.values()]
  let remaining = connections.length
  if (remaining === 0) ended()
  for (const connection of connections) {
    whenTransfersEnd(connection, transfers, connection.context.limits.abortDataOutTimeoutMs, () => {
      remaining--
      if (remaining === 0) ended()
    })
  }
}

/**
 * What ends with the function. I_T NEXUS RESET: its own session, at once and with nothing retained (RFC 7144 6.3).
 * TARGET COLD RESET: it is a power-on event, so every session of the target (RFC 7143 11.5.1).
 */
function endSessions({ connection, function: code }: ManagementRequest): void {
  const { session } = connection
  if (code === FUNCTION.I_T_NEXUS_RESET) session.end('sessionClosed')
  if (code !== FUNCTION.TARGET_COLD_RESET) return
  const targetName = session.identity.target?.name
  if (targetName !== undefined) connection.context.sessions.dropSessionsOf(targetName)
}
