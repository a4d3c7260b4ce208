/**
 * What the four types of SNACK do at error recovery level 1 and higher (RFC 7143 11.16): statuses, R2Ts and Data-In are
 * sent again from what is kept, or Data-In is acknowledged. Called by the handler of SNACK Requests.
 */

import type { Connection } from '../connection/connection.ts'
import { sendR2T } from '../connection/ready-to-transfer.ts'
import { rejectPdu } from '../connection/reject.ts'
import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { SCSI_RESPONSE } from '../pdu/scsi-command.ts'
import { SNACK_REQUEST } from '../pdu/snack.ts'
import type { Task } from '../session/task.ts'
import { sendReplica } from './replica.ts'

/** Type 1: statuses. Those that have not been sent, or are acknowledged, cannot be had. */
export function resendStatuses(connection: Connection, pdu: Pdu): void {
  const { begRun, runLength } = runOf(pdu)
  if (!connection.statuses.ledger!.resend(begRun, runLength)) rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
}

/** Type 0: Data-In and R2Ts of one task, as they were. */
export function resendDataOrR2Ts(connection: Connection, pdu: Pdu): void {
  const task = findTask(connection, pdu)
  if (task === null) {
    const isUnnamed = readTag(pdu) === RESERVED_TAG
    rejectPdu(connection, pdu, isUnnamed ? REJECT_REASON.INVALID_PDU_FIELD : REJECT_REASON.PROTOCOL_ERROR)
    return
  }
  const nextSN = task.isRead ? task.dataSN : task.r2tSN
  const { begRun, runLength } = runOf(pdu)
  const isAll = begRun === 0 && runLength === 0
  const end = runLength === 0 ? nextSN : begRun + runLength
  const isKept = begRun < nextSN && end <= nextSN && countKept(task, begRun, end) === end - begRun
  // Segments that the initiator does not take any more are to be had with an R-Data SNACK only (RFC 7143 11.16.3).
  const { initiatorMaxRecvDataSegmentLength } = connection.parameters
  const isTooLong = (task.sentDataIn?.longestBytes ?? 0) > initiatorMaxRecvDataSegmentLength
  if (isTooLong || !(isAll || isKept)) {
    rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR, nextSN)
    return
  }
  task.sentDataIn?.resend(begRun, end)
  for (const transfer of task.readyToTransfers) {
    if (transfer.r2tSN < begRun || transfer.r2tSN >= end) continue
    transfer.activeMs = connection.nowMs()
    sendR2T(connection, transfer)
  }
}

/**
 * Type 2: all Data-In of a task before BegRun has been received. For a task that is over, its status has acknowledged all
 * that already, possibly with this very request.
 */
export function acknowledgeData(connection: Connection, pdu: Pdu): void {
  const { begRun, runLength } = runOf(pdu)
  const { header, at } = pdu
  const tag = header.readUInt32BE(at + SNACK_REQUEST.targetTransferTagOrSnackTag)
  const task = keptTasks(connection).find(({ sentDataIn }) => sentDataIn?.acknowledgementTag === tag)
  const isOfTask = task?.lun.equals(header.subarray(at + SNACK_REQUEST.lun, at + SNACK_REQUEST.lun + task.lun.length))
  if (task === undefined && connection.session.hasIssuedTransferTag(tag)) return
  if (!isOfTask || runLength !== 0 || !task?.sentDataIn?.acknowledge(begRun)) {
    rejectPdu(connection, pdu, REJECT_REASON.INVALID_DATA_ACK)
  }
}

/** Type 3: everything of a read that is not acknowledged, in segments that the initiator takes now. */
export function resegmentData(connection: Connection, pdu: Pdu): void {
  const { begRun, runLength } = runOf(pdu)
  const snackTag = pdu.header.readUInt32BE(pdu.at + SNACK_REQUEST.targetTransferTagOrSnackTag)
  const task = findTask(connection, pdu)
  if (begRun !== 0 || runLength !== 0 || snackTag === 0 || snackTag === RESERVED_TAG) {
    rejectPdu(connection, pdu, REJECT_REASON.INVALID_PDU_FIELD)
  } else if (task === null || !task.isRead) {
    rejectPdu(connection, pdu, REJECT_REASON.PROTOCOL_ERROR)
  } else {
    task.snackTag = snackTag
    task.sentDataIn?.resegment()
    if (task.sentStatus !== null) resendResponse(connection, task, task.sentStatus)
  }
}

/** The answer that was sent already, with the tag of the last R-Data SNACK and the count of what was sent for it. */
function resendResponse(connection: Connection, task: Task, { header, data }: { header: Buffer; data: Buffer | null }) {
  header.writeUInt32BE(task.snackTag, SCSI_RESPONSE.snackTag)
  header.writeUInt32BE(task.expDataSN, SCSI_RESPONSE.expDataSN)
  sendReplica(connection, header, data)
}

/** The task that a SNACK names: one under way on this connection, or one whose status is not acknowledged. */
function findTask(connection: Connection, pdu: Pdu): Task | null {
  const tag = readTag(pdu)
  if (tag === RESERVED_TAG) return null
  const task = connection.session.tasks.get(tag | 0)
  return task?.connection === connection ? task : connection.statuses.ledger!.findTask(tag)
}

/** The tasks of this connection whose Data-In may be kept. */
function keptTasks(connection: Connection): Task[] {
  const underWay = [...connection.session.tasks.values()].filter((task) => task.connection === connection)
  return [...underWay, ...connection.statuses.ledger!.tasks()]
}

/** How many PDUs with numbers from `begin` up to, not including, `end` can be sent again. */
function countKept(task: Task, begin: number, end: number): number {
  const r2tCount = task.readyToTransfers.filter(({ r2tSN }) => r2tSN >= begin && r2tSN < end).length
  return r2tCount + (task.sentDataIn?.countKept(begin, end) ?? 0)
}

function runOf({ header, at }: Pdu): { readonly begRun: number; readonly runLength: number } {
  return {
    begRun: header.readUInt32BE(at + SNACK_REQUEST.begRun),
    runLength: header.readUInt32BE(at + SNACK_REQUEST.runLength),
  }
}

function readTag({ header, at }: Pdu): number {
  return header.readUInt32BE(at + SNACK_REQUEST.initiatorTaskTag)
}
