/**
 * The life of a task from its turn to its SCSI Response (RFC 7143 11.4): handed to the SCSI layer, completed, aborted, or
 * failed by its own data transfer. Called by the bridge, by the transfer of data, and by whoever hands out tasks.
 */

import { SCSI_RESPONSE as RESPONSE_CODE, STATUS_GOOD, TASK_MANAGEMENT_FUNCTION } from '../constants.ts'
import { RESIDUAL_FLAG, SCSI_RESPONSE, writeScsiResponse } from '../pdu/scsi-command.ts'
import { hastenAcknowledgement } from '../recovery/acknowledgement-timeouts.ts'
import type { StatusLedger } from '../recovery/status-ledger.ts'
import type { Task, TaskOutcome } from '../session/task.ts'
import { dropUnsentDataIn, sendLastDataIn } from './data-in.ts'
import { abandonTransfers } from './data-out-memory.ts'
import { STATUS_CHECK_CONDITION } from './iscsi-sense.ts'

const SENSE_LENGTH_BYTES = 2
/** The iSCSIProtocolLevel from which on a response carries a status qualifier, and sense data with any status. */
const STATUS_QUALIFIER_PROTOCOL_LEVEL = 2

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
  task.isAnswerDue = true
  if (task.isDataDue) {
    task.outcome = { status, sense, presentedDataBytes }
    task.receiver = null
  } else if (task.failureSense !== null) {
    respondFailure(task, task.failureSense)
  } else {
    respond(task, status, sense, presentedDataBytes)
  }
}

/** The SCSI layer has aborted the task: no response, unless the transfer itself failed and that is the answer. */
export function taskAborted(task: Task): void {
  task.phase = 'responding'
  if (task.failureSense !== null && (task.connection.isSending || task.isSuspended)) respondWhenDataIsIn(task)
  else task.connection.places.forgetTask(task)
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
    {
      function: TASK_MANAGEMENT_FUNCTION.ABORT_TASK,
      lun: task.lun,
      referencedTask: task,
      covers: (other) => other === task,
    },
    () => {},
  )
}

/** Answer a task that only waited for its data. */
export function respondWhenDataIsIn(task: Task): void {
  if (task.phase !== 'responding' || task.isDataDue) return
  const { outcome } = task
  if (task.failureSense !== null) respondFailure(task, task.failureSense)
  else if (outcome !== null) respond(task, outcome.status, outcome.sense, outcome.presentedDataBytes)
}

/** Answer that the transfer failed, whatever the SCSI layer made of the command. */
function respondFailure(task: Task, sense: Buffer): void {
  dropAnswer(task)
  respond(task, STATUS_CHECK_CONDITION, sense, 0)
}

/** The SCSI layer's answer to the task, if there is one, is not going to be sent. */
export function dropAnswer(task: Task): void {
  if (!task.isAnswerDue) return
  task.isAnswerDue = false
  task.connection.session.nexus.responseDropped(task.upper)
}

function respond(task: Task, status: number, sense: Buffer | null, presentedDataBytes: number): void {
  const { connection } = task
  if (task.isSuspended) {
    task.outcome = { status, sense, presentedDataBytes }
    return
  }
  if (!connection.isSending) {
    connection.places.forgetTask(task)
    return
  }
  if (task.needsFence || connection.session.fence.isUp) holdAtFence(task, { status, sense, presentedDataBytes })
  else sendResponse(task, status, sense, presentedDataBytes)
}

/** The response waits for its turn at the Response Fence of the session; the task may end in the meantime. */
function holdAtFence(task: Task, outcome: TaskOutcome): void {
  const { connection, needsFence } = task
  const { fence } = connection.session
  const { status, sense, presentedDataBytes } = outcome
  task.outcome = outcome
  const send = () => {
    if (task.outcome !== outcome || task.phase !== 'responding' || task.isSuspended) return
    if (task.connection.isSending) sendResponse(task, status, sense, presentedDataBytes)
    else task.connection.places.forgetTask(task)
  }
  if (needsFence) fence.raise(connection, send)
  else fence.pass(send)
}

function sendResponse(task: Task, status: number, sense: Buffer | null, presentedDataBytes: number): void {
  const { connection } = task
  task.isAnswerDue = false
  connection.places.release(task)
  const residual = presentedDataBytes - task.expectedBytes
  const maySense =
    status === STATUS_CHECK_CONDITION ||
    connection.session.parameters.iSCSIProtocolLevel >= STATUS_QUALIFIER_PROTOCOL_LEVEL
  const hasSense = sense !== null && sense.length > 0 && maySense
  const isPlain = status === STATUS_GOOD && residual === 0 && !task.isBidirectional && !hasSense
  // A status that may be asked for again is a PDU of its own.
  const collapses = isPlain && connection.statuses.ledger === null
  if (!sendLastDataIn(task, collapses)) sendScsiResponse(task, status, hasSense ? sense : null, residual)
  if (hasSense) connection.statuses.unacknowledgedSense.sent(task.upper, connection.statuses.nextStatSN)
  if (connection.statuses.ledger === null) connection.places.forgetTask(task)
  else keepAnswered(task, connection.statuses.ledger)
  connection.requestFlush()
}

/** The task has been answered: it lives until its status is acknowledged, because its data may be asked for again. */
function keepAnswered(task: Task, ledger: StatusLedger): void {
  const { connection } = task
  const { session } = connection
  session.tasks.delete(task.initiatorTaskTag | 0)
  abandonTransfers(task)
  dropUnsentDataIn(task)
  task.phase = 'responded'
  ledger.keepTask(task)
  hastenAcknowledgement(connection)
  session.queue.taskEnded()
}

function sendScsiResponse(task: Task, status: number, sense: Buffer | null, residual: number): void {
  const { connection } = task
  const header = connection.writer.takeHeader()
  const readResidual = task.isBidirectional ? task.presentedReadBytes - task.bidirectionalReadBytes : 0
  const residualFlags =
    (residual > 0 ? RESIDUAL_FLAG.overflow : residual < 0 ? RESIDUAL_FLAG.underflow : 0) |
    (readResidual > 0 ? RESIDUAL_FLAG.bidirectionalOverflow : 0) |
    (readResidual < 0 ? RESIDUAL_FLAG.bidirectionalUnderflow : 0)
  writeScsiResponse(
    header,
    task.initiatorTaskTag,
    RESPONSE_CODE.COMPLETED_AT_TARGET,
    status,
    residualFlags,
    Math.abs(residual),
    Math.abs(readResidual),
    task.expDataSN,
  )
  if (task.snackTag !== 0) header.writeUInt32BE(task.snackTag, SCSI_RESPONSE.snackTag)
  if (connection.session.parameters.iSCSIProtocolLevel >= STATUS_QUALIFIER_PROTOCOL_LEVEL) {
    header.writeUInt16BE(task.statusQualifier, SCSI_RESPONSE.statusQualifier)
  }
  let data: Buffer | null = null
  if (sense !== null) {
    data = Buffer.allocUnsafe(SENSE_LENGTH_BYTES + sense.length)
    data.writeUInt16BE(sense.length, 0)
    sense.copy(data, SENSE_LENGTH_BYTES)
  }
  connection.statuses.send(header, data)
}
