/**
 * SCSI Command PDUs (RFC 7143 11.3): what may be wrong with one, and the task that it begins.
 *
 * A command PDU that can be read always gets a SCSI Response rather than a Reject where the standard leaves the choice:
 * a rejected non-immediate command would leave a hole in the command window that initiators do not fill.
 */

import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON, type RejectReason } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { IMMEDIATE_BIT } from '../opcodes.ts'
import { type AdditionalHeaders, NO_ADDITIONAL_HEADERS, parseAdditionalHeaders } from '../pdu/ahs.ts'
import { PRIORITY_SHIFT, SCSI_COMMAND, SCSI_COMMAND_FLAG } from '../pdu/scsi-command.ts'
import type { Task } from '../session/task.ts'
import type { Connection } from './connection.ts'
import { takeImmediateData } from './data-out.ts'
import { ISCSI_SENSE } from './iscsi-sense.ts'
import { rejectPdu } from './reject.ts'
import { respondWhenDataIsIn } from './task-lifecycle.ts'

const ATTRIBUTE_MAX = 4
/** The iSCSIProtocolLevel below which PRI is ignored (RFC 7144 5.1.1). */
const PRIORITY_PROTOCOL_LEVEL = 2

/** A SCSI Command PDU came. */
export function handleScsiCommand(connection: Connection, pdu: Pdu): void {
  const additional = pdu.ahs.length === 0 ? NO_ADDITIONAL_HEADERS : parseAdditionalHeaders(pdu.ahs)
  if (typeof additional === 'string') {
    connection.formatError(additional)
    return
  }
  const problem = findFormatError(pdu, additional)
  if (problem !== null) {
    connection.formatError(problem)
    return
  }
  const { header, at } = pdu
  const { session } = connection
  const cmdSN = header.readUInt32BE(at + SCSI_COMMAND.cmdSN)
  const isImmediate = (header[at]! & IMMEDIATE_BIT) !== 0
  const rejection = findRejection(connection, pdu, cmdSN)
  if (rejection === 'retry') return
  if (rejection !== null) {
    rejectPdu(connection, pdu, rejection)
    return
  }
  if (isImmediate && !connection.places.takeImmediate()) {
    rejectPdu(connection, pdu, REJECT_REASON.IMMEDIATE_COMMAND_REJECT)
    return
  }
  const admission = isImmediate ? 'deliver' : session.window.admit(cmdSN)
  if (admission === 'ignore') return
  const task = beginTask(connection, pdu, additional)
  task.cmdSN = cmdSN
  task.isImmediate = isImmediate
  if (admission === 'hold') {
    session.window.hold(cmdSN, connection, () => startTask(task))
    return
  }
  startTask(task)
  session.window.deliverHeld()
}

/** A header whose parts contradict each other (RFC 7143 7.7), as a sentence. */
function findFormatError(pdu: Pdu, additional: AdditionalHeaders): string | null {
  const { header, at } = pdu
  const flags = header[at + SCSI_COMMAND.flags]!
  const directions = flags & (SCSI_COMMAND_FLAG.read | SCSI_COMMAND_FLAG.write)
  const attribute = flags & SCSI_COMMAND_FLAG.attribute
  if ((flags & (SCSI_COMMAND_FLAG.final | SCSI_COMMAND_FLAG.write)) === 0) return 'a SCSI Command with neither F nor W'
  if (directions === 0 && header.readUInt32BE(at + SCSI_COMMAND.expectedDataTransferLength) > 0) {
    return 'an Expected Data Transfer Length with neither R nor W'
  }
  if (attribute > ATTRIBUTE_MAX) return `task attribute ${attribute}, which is reserved`
  const isBidirectional = directions === (SCSI_COMMAND_FLAG.read | SCSI_COMMAND_FLAG.write)
  if (isBidirectional && additional.bidirectionalReadBytes === null) {
    return 'a bidirectional command without its expected read length'
  }
  return null
}

/** Why the PDU is rejected; `retry` when it is the same command again as one that is under way (RFC 7143 7.2.1). */
function findRejection(connection: Connection, pdu: Pdu, cmdSN: number): RejectReason | 'retry' | null {
  const initiatorTaskTag = pdu.header.readUInt32BE(pdu.at + SCSI_COMMAND.initiatorTaskTag)
  if (initiatorTaskTag === RESERVED_TAG) return REJECT_REASON.INVALID_PDU_FIELD
  const sameTag = connection.session.tasks.get(initiatorTaskTag | 0)
  if (sameTag !== undefined) return sameTag.cmdSN === cmdSN ? 'retry' : REJECT_REASON.TASK_IN_PROGRESS
  return pdu.hasDataDigestError ? REJECT_REASON.DATA_DIGEST_ERROR : null
}

/** Make the task of a command PDU, with the data that the PDU brings. */
function beginTask(connection: Connection, pdu: Pdu, additional: AdditionalHeaders): Task {
  const { header, at } = pdu
  const flags = header[at + SCSI_COMMAND.flags]!
  const task = connection.places.takeTask()
  task.phase = 'waiting'
  task.holdsPlace = true
  task.initiatorTaskTag = header.readUInt32BE(at + SCSI_COMMAND.initiatorTaskTag)
  header.copy(task.lun, 0, at + SCSI_COMMAND.lun, at + SCSI_COMMAND.lun + task.lun.length)
  task.setCdb(header, at + SCSI_COMMAND.cdb, additional.extendedCdb)
  task.attribute = flags & SCSI_COMMAND_FLAG.attribute
  const hasPriority = connection.session.parameters.iSCSIProtocolLevel >= PRIORITY_PROTOCOL_LEVEL
  task.priority = hasPriority ? header[at + SCSI_COMMAND.priority]! >> PRIORITY_SHIFT : 0
  task.isRead = (flags & SCSI_COMMAND_FLAG.read) !== 0
  task.isWrite = (flags & SCSI_COMMAND_FLAG.write) !== 0
  task.expectedBytes = header.readUInt32BE(at + SCSI_COMMAND.expectedDataTransferLength)
  task.bidirectionalReadBytes = additional.bidirectionalReadBytes ?? 0
  connection.session.tasks.set(task.initiatorTaskTag | 0, task)
  beginDataOut(task, pdu, (flags & SCSI_COMMAND_FLAG.final) !== 0)
  return task
}

/** Settle which unsolicited data the command brings and still owes (RFC 7143 13.10, 13.11, 13.14). */
function beginDataOut(task: Task, pdu: Pdu, isFinal: boolean): void {
  const { immediateData, initialR2T, firstBurstLength } = task.connection.session.parameters
  const unsolicitedMax = Math.min(firstBurstLength, task.dataOutCapacityBytes)
  task.isUnsolicitedDataDue = !isFinal
  if (!isFinal) task.unsolicitedActiveMs = task.connection.lastReceivedMs
  task.unsolicitedEndBytes = isFinal ? pdu.dataBytes : unsolicitedMax
  task.solicitedEndBytes = task.unsolicitedEndBytes
  if ((pdu.dataBytes > 0 && !immediateData) || (!isFinal && initialR2T)) {
    task.failureSense = ISCSI_SENSE.unexpectedUnsolicitedData
  } else if (pdu.dataBytes > unsolicitedMax) {
    task.failureSense = ISCSI_SENSE.incorrectAmountOfData
  } else {
    takeImmediateData(task, pdu)
  }
}

/** The task's turn in CmdSN order has come. */
function startTask(task: Task): void {
  if (task.failureSense !== null) {
    task.phase = 'responding'
    respondWhenDataIsIn(task)
  } else {
    task.connection.session.queue.dispatch(task)
  }
}
