/**
 * The life of a task from its turn to its SCSI Response (RFC 7143 11.4): handed to the SCSI layer, completed, aborted, or
 * failed by its own data transfer. Called by the bridge, by the transfer of data, and by whoever hands out tasks.
 */

import { SCSI_RESPONSE as RESPONSE_CODE, STATUS_GOOD, TASK_MANAGEMENT_FUNCTION } from '../constants.ts'
import { RESIDUAL_FLAG, writeScsiResponse } from '../pdu/scsi-command.ts'
import type { Task } from '../session/task.ts'
import { sendLastDataIn } from './data-in.ts'
import { STATUS_CHECK_CONDITION } from './iscsi-sense.ts'

const SENSE_LENGTH_BYTES = 2

/** Hand the task to the SCSI layer (Send SCSI Command received). */
export function executeTask(task: Task): void {
  if (task.failureSense !== null) {
    task.phase = 'responding'
    respondWhenDataIsIn(task)
    return
  }
  task.phase = 'executing'
  task.connection.session.nexus.commandReceived(task)
}

/**
 * Send Command Complete: the SCSI layer's last call for the task. Answers at once, or when the initiator has sent all
 * data that it is bound to send. `sense` goes with CHECK CONDITION.
 */
export function completeTask(task: Task, status: number, sense: Buffer | null, presentedDataBytes: number): void {
  task.phase = 'responding'
  if (task.isDataDue) {
    task.outcome = { status, sense, presentedDataBytes }
    task.receiver = null
  } else if (task.failureSense !== null) {
    respond(task, STATUS_CHECK_CONDITION, task.failureSense, 0)
  } else {
    respond(task, status, sense, presentedDataBytes)
  }
}

/** The SCSI layer has aborted the task: no response, unless the transfer itself failed and that is the answer. */
export function taskAborted(task: Task): void {
  task.phase = 'responding'
  if (task.failureSense !== null && task.connection.isSending) respondWhenDataIsIn(task)
  else task.connection.forgetTask(task)
}

/**
 * The transfer of a task's data went wrong: take the command back from the SCSI layer and answer with `sense`, when the
 * data that is still due has come.
 */
export function failTask(task: Task, sense: Buffer): void {
  if (task.failureSense !== null) return
  task.failureSense = sense
  task.receiver = null
  if (task.phase !== 'executing') return
  task.connection.session.nexus.taskManagementRequestReceived(
    { function: TASK_MANAGEMENT_FUNCTION.ABORT_TASK, lun: task.lun, referencedTask: task },
    () => {},
  )
}

/** Answer a task that only waited for its data. */
export function respondWhenDataIsIn(task: Task): void {
  if (task.phase !== 'responding' || task.isDataDue) return
  const { outcome } = task
  if (task.failureSense !== null) respond(task, STATUS_CHECK_CONDITION, task.failureSense, 0)
  else if (outcome !== null) respond(task, outcome.status, outcome.sense, outcome.presentedDataBytes)
}

function respond(task: Task, status: number, sense: Buffer | null, presentedDataBytes: number): void {
  const { connection } = task
  if (!connection.isSending) {
    connection.forgetTask(task)
    return
  }
  connection.releasePlace(task)
  const isBidirectional = task.isRead && task.isWrite
  const residual = presentedDataBytes - task.expectedBytes
  const hasSense = sense !== null && sense.length > 0
  const collapses = status === STATUS_GOOD && residual === 0 && !isBidirectional && !hasSense
  if (!sendLastDataIn(task, collapses)) sendScsiResponse(task, status, hasSense ? sense : null, residual)
  connection.forgetTask(task)
  connection.requestFlush()
}

function sendScsiResponse(task: Task, status: number, sense: Buffer | null, residual: number): void {
  const { connection } = task
  const header = connection.writer.takeHeader()
  const isBidirectional = task.isRead && task.isWrite
  const readResidual = isBidirectional ? task.bidirectionalReadBytes : 0
  const residualFlags =
    (residual > 0 ? RESIDUAL_FLAG.overflow : residual < 0 ? RESIDUAL_FLAG.underflow : 0) |
    (readResidual > 0 ? RESIDUAL_FLAG.bidirectionalUnderflow : 0)
  writeScsiResponse(
    header,
    task.initiatorTaskTag,
    RESPONSE_CODE.COMPLETED_AT_TARGET,
    status,
    residualFlags,
    Math.abs(residual),
    readResidual,
    task.dataSN,
  )
  let data: Buffer | null = null
  if (sense !== null) {
    data = Buffer.allocUnsafe(SENSE_LENGTH_BYTES + sense.length)
    data.writeUInt16BE(sense.length, 0)
    sense.copy(data, SENSE_LENGTH_BYTES)
  }
  connection.sendStatus(header, data)
}
