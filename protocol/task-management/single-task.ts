/**
 * The functions over one task of the session (RFC 7143 11.5.1, 11.6.1 a to c; RFC 7144 6.3): ABORT TASK, QUERY TASK and
 * TASK REASSIGN. All find the task by its Initiator Task Tag, on whatever connection it came; the first two use
 * RefCmdSN when it is not there.
 */

import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE as RESPONSE,
  type TaskManagementResponse,
} from '../constants.ts'
import { reassignTask } from '../recovery/task-reassign.ts'
import { isSerialLess } from '../serial.ts'
import type { Task } from '../session/task.ts'
import { forgetAsReceived } from './affected-tasks.ts'
import { type ManagementRequest, respondToManagement } from './request.ts'

/** ABORT TASK: the task ends without a response. */
export function abortTask(request: ManagementRequest): void {
  const { session } = request.connection
  const task = session.tasks.get(request.referencedTaskTag | 0)
  if (namesNoTask(request)) {
    respondToManagement(request, RESPONSE.FUNCTION_REJECTED)
  } else if (task === undefined) {
    reassign(request)
    const isTakenAsReceived = takeAsReceived(request)
    respondToManagement(request, isTakenAsReceived ? RESPONSE.FUNCTION_COMPLETE : RESPONSE.TASK_DOES_NOT_EXIST)
  } else if (task.phase === 'executing') {
    abortExecuting(request, task, (response) => {
      // Had its transfer failed as well, it would still have an answer coming.
      if (session.tasks.get(request.referencedTaskTag | 0) === task) forgetAsReceived(task)
      respondToManagement(request, response)
    })
  } else {
    forgetAsReceived(task)
    respondToManagement(request, RESPONSE.FUNCTION_COMPLETE)
  }
}

/**
 * QUERY TASK: whether the task is still there. For one that is not, RFC 7144 6.4.2 asks for Function complete, and 6.3.3
 * for taking its CmdSN as received where ABORT TASK would.
 */
export function queryTask(request: ManagementRequest): void {
  const { session } = request.connection
  const task = session.tasks.get(request.referencedTaskTag | 0)
  if (namesNoTask(request)) {
    respondToManagement(request, RESPONSE.FUNCTION_REJECTED)
  } else if (session.nexus.logicalUnitOf(request.lun) === null) {
    respondToManagement(request, RESPONSE.LUN_DOES_NOT_EXIST)
  } else if (task === undefined) {
    reassign(request)
    takeAsReceived(request)
    respondToManagement(request, RESPONSE.FUNCTION_COMPLETE)
  } else {
    respondToManagement(request, isInTaskSet(task) ? RESPONSE.FUNCTION_SUCCEEDED : RESPONSE.FUNCTION_COMPLETE)
    reassign(request)
  }
}

/**
 * TASK REASSIGN. A task that is ending is said not to exist when it has come to rest and not before: the initiator may
 * write the same blocks with its next command, and nothing of this one may reach them after that.
 */
export function reassignOne(request: ManagementRequest): void {
  const { connection, referencedTaskTag } = request
  const { response, resume } = reassignTask(connection, request)
  const task = connection.session.tasks.get(referencedTaskTag | 0)
  if (response === RESPONSE.TASK_DOES_NOT_EXIST && task?.phase === 'executing') {
    abortExecuting(request, task, () => respondToManagement(request, response))
  } else {
    respondToManagement(request, response)
    resume()
  }
}

/** Have the SCSI layer abort a task that it has, once more if need be. `ended`: the task is at rest. */
function abortExecuting(
  { connection }: ManagementRequest,
  task: Task,
  ended: (response: TaskManagementResponse) => void,
): void {
  connection.session.nexus.taskManagementRequestReceived(
    {
      function: FUNCTION.ABORT_TASK,
      lun: Buffer.from(task.lun),
      referencedTask: task,
      covers: (other) => other === task,
    },
    ended,
  )
}

/**
 * ABORT TASK and QUERY TASK also bring a task whose connection was lost and logged out to the connection that asks
 * (RFC 7143 11.5.1, RFC 7144 6.3): a status that was sent but not acknowledged is sent again there. Does nothing for
 * any other task.
 */
function reassign({ connection, referencedTaskTag }: ManagementRequest): void {
  reassignTask(connection, { referencedTaskTag, expDataSN: 0, isImmediate: true }).resume()
}

/** The command has come and its outcome is not known yet. */
export function isInTaskSet(task: Task): boolean {
  return task.phase === 'waiting' || task.phase === 'executing'
}

/**
 * The tag is reserved or belongs to a request that is no task: task management, also while it waits for its turn, must
 * not be the object of task management.
 */
function namesNoTask({ connection, referencedTaskTag, refCmdSN }: ManagementRequest): boolean {
  const { managementTags, tasks, window } = connection.session
  if (referencedTaskTag === RESERVED_TAG || managementTags.has(referencedTaskTag)) return true
  return !tasks.has(referencedTaskTag | 0) && window.isHolding(refCmdSN)
}

/** The command that never came is taken as received: should it still come, it is ignored (RFC 7143 11.6.1 b). */
function takeAsReceived({ connection, refCmdSN, cmdSN }: ManagementRequest): boolean {
  const { window } = connection.session
  if (!window.contains(refCmdSN) || !isSerialLess(refCmdSN, cmdSN)) return false
  window.plug(refCmdSN)
  return true
}
