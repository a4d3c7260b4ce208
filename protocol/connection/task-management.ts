/**
 * Task management (RFC 7143 11.5, 11.6, 4.2.3.3): which function names which tasks, and when it may be carried out. What
 * aborting means is the device server's business.
 */

import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  RESERVED_TAG,
  TASK_MANAGEMENT_RESPONSE as RESPONSE,
  type TaskManagementFunction,
  type TaskManagementResponse,
} from '../constants.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { IMMEDIATE_BIT } from '../opcodes.ts'
import { TASK_MANAGEMENT_FLAG, TASK_MANAGEMENT_REQUEST, writeTaskManagementResponse } from '../pdu/task-management.ts'
import { isSerialLess } from '../serial.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import type { Connection } from './connection.ts'
import { whenTransfersEnd } from './data-out.ts'

/** A request as its header words it, free of the header's memory. */
interface Request {
  readonly function: number
  readonly lun: Buffer
  readonly initiatorTaskTag: number
  readonly referencedTaskTag: number
  readonly cmdSN: number
  readonly refCmdSN: number
  readonly isImmediate: boolean
}

/** Functions over whole task sets: they wait for every command that was sent before them (RFC 7143 4.2.3.3 b). */
const TASK_SET_FUNCTIONS: readonly number[] = [
  FUNCTION.ABORT_TASK_SET,
  FUNCTION.CLEAR_TASK_SET,
  FUNCTION.LOGICAL_UNIT_RESET,
  FUNCTION.TARGET_WARM_RESET,
  FUNCTION.TARGET_COLD_RESET,
]

/** A Task Management Function Request's turn has come. */
export function handleTaskManagementRequest(connection: Connection, pdu: Pdu): void {
  const { header, at } = pdu
  const AT = TASK_MANAGEMENT_REQUEST
  const request: Request = {
    function: header[at + AT.flags]! & TASK_MANAGEMENT_FLAG.function,
    lun: Buffer.from(header.subarray(at + AT.lun, at + AT.lun + 8)),
    initiatorTaskTag: header.readUInt32BE(at + AT.initiatorTaskTag),
    referencedTaskTag: header.readUInt32BE(at + AT.referencedTaskTag),
    cmdSN: header.readUInt32BE(at + AT.cmdSN),
    refCmdSN: header.readUInt32BE(at + AT.refCmdSN),
    isImmediate: (header[at]! & IMMEDIATE_BIT) !== 0,
  }
  connection.session.managementTags.add(request.initiatorTaskTag)
  if (request.function === FUNCTION.ABORT_TASK) {
    abortTask(connection, request)
  } else if (request.function === FUNCTION.TASK_REASSIGN) {
    respond(connection, request, RESPONSE.TASK_ALLEGIANCE_REASSIGNMENT_NOT_SUPPORTED)
  } else if (TASK_SET_FUNCTIONS.includes(request.function)) {
    connection.session.window.whenReached(request.cmdSN, () => manageTaskSet(connection, request))
  } else {
    respond(connection, request, RESPONSE.FUNCTION_NOT_SUPPORTED)
  }
}

/** ABORT TASK (RFC 7143 11.6.1 a to c). */
function abortTask(connection: Connection, request: Request): void {
  const { session } = connection
  const task = session.tasks.get(request.referencedTaskTag | 0)
  if (request.referencedTaskTag === RESERVED_TAG || session.managementTags.has(request.referencedTaskTag)) {
    respond(connection, request, RESPONSE.FUNCTION_REJECTED)
  } else if (task === undefined) {
    const isUnseen = session.window.contains(request.refCmdSN) && isSerialLess(request.refCmdSN, request.cmdSN)
    if (isUnseen) session.window.plug(request.refCmdSN)
    respond(connection, request, isUnseen ? RESPONSE.FUNCTION_COMPLETE : RESPONSE.TASK_DOES_NOT_EXIST)
  } else if (task.phase === 'executing') {
    session.nexus.taskManagementRequestReceived(
      { function: FUNCTION.ABORT_TASK, lun: request.lun, referencedTask: task },
      (response) => {
        // Had its transfer failed as well, it would still have an answer coming.
        if (session.tasks.get(request.referencedTaskTag | 0) === task) dropTask(session, task)
        respond(connection, request, response)
      },
    )
  } else {
    dropTask(session, task)
    respond(connection, request, RESPONSE.FUNCTION_COMPLETE)
  }
}

/**
 * A function over a task set or more. The response waits until nothing of the tasks is in flight, and until the
 * initiator has answered the R2Ts of its own tasks (RFC 7143 4.2.3.3 a). Not for long: initiators in the field, Linux
 * among them, send no data any more once they have asked for a reset, and would take a late response for a dead target.
 * The tags stay valid, so data that comes after the response is dropped.
 */
function manageTaskSet(connection: Connection, request: Request): void {
  const { session } = connection
  if (!connection.isSending) return
  const isTargetScoped =
    request.function === FUNCTION.TARGET_WARM_RESET || request.function === FUNCTION.TARGET_COLD_RESET
  const isCovered = ({ lun }: { lun: Buffer }) => isTargetScoped || lun.equals(request.lun)
  const transfers = [...connection.readyToTransfers.values()].filter(({ task }) => task !== null && isCovered(task))
  for (const task of [...session.tasks.values()]) {
    const isEarlier = task.isImmediate || isSerialLess(task.cmdSN, request.cmdSN)
    if (isEarlier && isCovered(task) && task.phase !== 'executing') dropTask(session, task)
  }
  session.nexus.taskManagementRequestReceived(
    { function: request.function as TaskManagementFunction, lun: request.lun, referencedTask: null },
    (response) =>
      whenTransfersEnd(connection, transfers, connection.context.limits.abortDataOutTimeoutMs, () => {
        respond(connection, request, response)
        if (request.function === FUNCTION.TARGET_COLD_RESET) endAllSessions(connection)
      }),
  )
}

/** A cold reset is a power-on event: every connection to the target ends (RFC 7143 11.5.1). */
function endAllSessions(connection: Connection): void {
  const targetName = connection.session.identity.target?.name
  for (const session of [...connection.context.sessions.sessions()]) {
    if (session.identity.target?.name === targetName) session.drop()
  }
}

/** End a task that the SCSI layer does not have: it waits for its turn, or only its response is missing. */
function dropTask(session: Session, task: Task): void {
  const waitingIndex = session.waitingTasks.indexOf(task)
  if (waitingIndex >= 0) session.waitingTasks.splice(waitingIndex, 1)
  if (task.phase === 'waiting' && !task.isImmediate && session.window.contains(task.cmdSN)) {
    // Its CmdSN is not delivered yet: count it as received, so that the commands behind it are not held up.
    task.holdsPlace = false
    session.window.plug(task.cmdSN)
  }
  task.connection.forgetTask(task)
}

function respond(connection: Connection, request: Request, response: TaskManagementResponse): void {
  connection.session.managementTags.delete(request.initiatorTaskTag)
  if (!connection.isSending) return
  const header = connection.writer.takeHeader()
  writeTaskManagementResponse(header, request.initiatorTaskTag, response)
  connection.sendStatus(header, null)
}
