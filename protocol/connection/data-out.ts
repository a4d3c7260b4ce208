/**
 * Data-Out of a task (RFC 7143 11.7, 11.8, 4.2.5.2): immediate, unsolicited and solicited data, R2Ts within
 * MaxOutstandingR2T and MaxBurstLength, and what happens when an initiator does not keep to them. Data sequences and the
 * PDUs in them come in order (we always answer DataSequenceInOrder and DataPDUInOrder with Yes).
 *
 * A transfer that went wrong ends its command with sense data of its own, but only after the initiator has sent
 * everything that it is bound to send (RFC 7143 11.4.2); until then its data is taken and dropped.
 */

import { RESERVED_TAG } from '../constants.ts'
import { REJECT_REASON } from '../errors.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import type { Timer } from '../node-context.ts'
import { FINAL_BIT } from '../pdu/bhs.ts'
import { DATA_OUT } from '../pdu/data.ts'
import { writeR2T } from '../pdu/r2t.ts'
import type { DataOutReceiver, Task } from '../session/task.ts'
import type { Connection } from './connection.ts'
import { ISCSI_SENSE } from './iscsi-sense.ts'
import { failTask, respondWhenDataIsIn } from './task-lifecycle.ts'

/** An R2T that is out. Its tag stays valid until the initiator has answered it, whatever becomes of the task. */
export interface ReadyToTransfer {
  readonly tag: number
  readonly initiatorTaskTag: number
  /** The LUN field of the command, 8 bytes. */
  readonly lun: Buffer
  /** Null when the task has ended: what still comes is dropped. */
  task: Task | null
  readonly bufferOffset: number
  readonly lengthBytes: number
  receivedBytes: number
  dataSN: number
  /** When it went out or was last answered, for the time-out. */
  activeMs: number
}

/** Somebody who waits until the initiator has answered some transfers to the end. */
export interface TransferWaiter {
  readonly open: Set<ReadyToTransfer>
  readonly ended: () => void
  readonly timer: Timer
}

/**
 * Call `ended` when every one of `transfers` has been answered to the end, or after `timeoutMs`: at once when that is so
 * already, never when the connection ends first.
 */
export function whenTransfersEnd(
  connection: Connection,
  transfers: readonly ReadyToTransfer[],
  timeoutMs: number,
  ended: () => void,
): void {
  const open = new Set(transfers.filter(({ tag }) => connection.readyToTransfers.has(tag)))
  if (open.size === 0) {
    ended()
    return
  }
  const timer = connection.setTimer(timeoutMs, () => {
    connection.transferWaiters.delete(waiter)
    ended()
  })
  const waiter: TransferWaiter = { open, ended, timer }
  connection.transferWaiters.add(waiter)
}

/**
 * Have the first `byteCount` bytes of the command's data delivered to `receiver`: what came already at once, the rest as
 * R2Ts bring it. The slices stay valid until `dataOutConsumed`.
 */
export function receiveDataOut(task: Task, byteCount: number, receiver: DataOutReceiver): void {
  if (task.failureSense !== null) return
  task.wantedBytes = Math.min(byteCount, task.dataOutCapacityBytes)
  task.receiver = receiver
  const { inbound } = task.connection
  for (const { slices, bufferOffsetBytes, byteCount } of task.earlyData.splice(0)) {
    task.earlyBytes = Math.max(0, task.earlyBytes - byteCount)
    inbound.arrived(byteCount)
    deliver(task, slices, bufferOffsetBytes, byteCount)
  }
  solicit(task)
}

/** The SCSI layer is done with `byteCount` bytes that it received: room for further R2Ts. */
export function dataOutConsumed(task: Task, byteCount: number): void {
  task.unconsumedBytes -= byteCount
  if (task.unconsumedBytes === 0 && task.earlyBytes === 0) releaseHolds(task)
  task.connection.inbound.release(byteCount)
}

/** The memory of a PDU's data stays with the task, until nothing of what came is unconsumed. */
function holdData(task: Task, pdu: Pdu): void {
  for (const hold of pdu.takeHolds()) task.holds.push(hold)
}

function releaseHolds(task: Task): void {
  for (const hold of task.holds) hold.release()
  task.holds.length = 0
}

/** Take the immediate data of a SCSI Command PDU. */
export function takeImmediateData(task: Task, pdu: Pdu): void {
  if (pdu.dataBytes === 0) return
  holdData(task, pdu)
  arrived(task, pdu.data, 0, pdu.dataBytes)
}

/** A Data-Out PDU came. */
export function handleDataOut(connection: Connection, pdu: Pdu): void {
  const { header, at } = pdu
  const targetTransferTag = header.readUInt32BE(at + DATA_OUT.targetTransferTag)
  const initiatorTaskTag = header.readUInt32BE(at + DATA_OUT.initiatorTaskTag)
  const isFinal = (header[at + DATA_OUT.flags]! & FINAL_BIT) !== 0
  if (pdu.hasDataDigestError) connection.reject(pdu, REJECT_REASON.DATA_DIGEST_ERROR)
  if (targetTransferTag === RESERVED_TAG) {
    const task = connection.session.tasks.get(initiatorTaskTag | 0)
    // The tail of a command that was ignored or has ended: its data is taken and dropped.
    if (task?.isUnsolicitedDataDue) handleUnsolicited(task, pdu, isFinal)
    return
  }
  const readyToTransfer = connection.readyToTransfers.get(targetTransferTag)
  if (readyToTransfer === undefined || readyToTransfer.initiatorTaskTag !== initiatorTaskTag) {
    if (!pdu.hasDataDigestError) connection.reject(pdu, REJECT_REASON.INVALID_PDU_FIELD)
    return
  }
  handleSolicited(connection, readyToTransfer, pdu, isFinal)
}

/**
 * The task ends: its R2Ts are nobody's now, what the initiator still sends for them is dropped as it comes and needs no
 * room, and what the SCSI layer did not report as consumed, it does not need any more.
 */
export function abandonTransfers(task: Task): void {
  const { inbound } = task.connection
  inbound.forget(task)
  let freedBytes = task.unconsumedBytes
  for (const readyToTransfer of task.readyToTransfers) {
    freedBytes += readyToTransfer.lengthBytes - readyToTransfer.receivedBytes
    readyToTransfer.task = null
  }
  forgetOldestAbandoned(task.connection)
  task.unconsumedBytes = 0
  task.readyToTransfers.length = 0
  task.earlyData.length = 0
  task.earlyBytes = 0
  releaseHolds(task)
  task.receiver = null
  if (freedBytes > 0) inbound.release(freedBytes)
}

/** An initiator that begins and aborts writes without end leaves no more tags than these behind. */
function forgetOldestAbandoned(connection: Connection): void {
  const { readyToTransfers, context } = connection
  for (const [tag, transfer] of readyToTransfers) {
    if (readyToTransfers.size <= context.limits.transferTagsMax) return
    if (transfer.task === null && !isAwaited(connection, transfer)) readyToTransfers.delete(tag)
  }
}

/**
 * How long the initiator has owed data for an R2T, in milliseconds; the longest of all. An R2T whose task has ended and
 * for which nobody waits is owed nothing: initiators that abort a write forget its R2Ts. Its tag is freed after
 * `forgetAfterMs`.
 */
export function dataOutOverdueMs(connection: Connection, nowMs: number, forgetAfterMs: number): number {
  let longestMs = 0
  for (const transfer of connection.readyToTransfers.values()) {
    const overdueMs = nowMs - transfer.activeMs
    if (transfer.task !== null || isAwaited(connection, transfer)) longestMs = Math.max(longestMs, overdueMs)
    else if (overdueMs >= forgetAfterMs) connection.readyToTransfers.delete(transfer.tag)
  }
  return longestMs
}

function isAwaited(connection: Connection, transfer: ReadyToTransfer): boolean {
  for (const waiter of connection.transferWaiters) if (waiter.open.has(transfer)) return true
  return false
}

/** Send R2Ts for what is wanted and not asked for, as far as the limits let it. */
export function solicit(task: Task): void {
  const { connection } = task
  if (!connection.isSending) return
  const { maxOutstandingR2T, maxBurstLength } = connection.session.parameters
  if (task.isUnsolicitedDataDue || task.failureSense !== null || task.phase !== 'executing') return
  while (task.solicitedEndBytes < task.wantedBytes && task.readyToTransfers.length < maxOutstandingR2T) {
    const lengthBytes = Math.min(maxBurstLength, task.wantedBytes - task.solicitedEndBytes)
    if (!connection.inbound.reserve(lengthBytes)) {
      connection.inbound.wait(task)
      return
    }
    const readyToTransfer: ReadyToTransfer = {
      tag: connection.session.takeTransferTag(),
      initiatorTaskTag: task.initiatorTaskTag,
      lun: Buffer.from(task.lun),
      task,
      bufferOffset: task.solicitedEndBytes,
      lengthBytes,
      receivedBytes: 0,
      dataSN: 0,
      activeMs: connection.nowMs(),
    }
    task.readyToTransfers.push(readyToTransfer)
    connection.readyToTransfers.set(readyToTransfer.tag, readyToTransfer)
    task.solicitedEndBytes += lengthBytes
    const header = connection.writer.takeHeader()
    const { tag, bufferOffset } = readyToTransfer
    writeR2T(header, task.lun, task.initiatorTaskTag, tag, task.r2tSN++, bufferOffset, lengthBytes)
    connection.stamp(header)
    connection.writer.pushPdu(null)
    connection.requestFlush()
  }
}

function handleUnsolicited(task: Task, pdu: Pdu, isFinal: boolean): void {
  const { header, at } = pdu
  // Whatever the data leads to may end the task: from there on it may not be changed any more.
  const dataSN = task.unsolicitedDataSN++
  if (isFinal) task.isUnsolicitedDataDue = false
  if (task.failureSense === null) {
    const bufferOffset = header.readUInt32BE(at + DATA_OUT.bufferOffset)
    const end = bufferOffset + pdu.dataBytes
    if (pdu.hasDataDigestError || header.readUInt32BE(at + DATA_OUT.dataSN) !== dataSN) {
      failTask(task, ISCSI_SENSE.protocolServiceCrcError)
    } else if (end > task.unsolicitedEndBytes || bufferOffset !== task.receivedBytes) {
      failTask(task, ISCSI_SENSE.incorrectAmountOfData)
    } else if (isFinal && end !== task.unsolicitedEndBytes) {
      failTask(task, ISCSI_SENSE.incorrectAmountOfData)
    } else if (pdu.dataBytes > 0) {
      holdData(task, pdu)
      arrived(task, pdu.data, bufferOffset, pdu.dataBytes)
    }
  }
  if (!isFinal) return
  if (task.receiver !== null) solicit(task)
  respondWhenDataIsIn(task)
}

function handleSolicited(connection: Connection, transfer: ReadyToTransfer, pdu: Pdu, isFinal: boolean): void {
  const { header, at } = pdu
  const { task } = transfer
  const expectedOffset = transfer.bufferOffset + transfer.receivedBytes
  const bufferOffset = header.readUInt32BE(at + DATA_OUT.bufferOffset)
  const dataSN = header.readUInt32BE(at + DATA_OUT.dataSN)
  const left = transfer.lengthBytes - transfer.receivedBytes
  const isTurn = task === null || task.readyToTransfers[0] === transfer
  const fits = pdu.dataBytes <= left && bufferOffset === expectedOffset && isTurn
  const isInSequence = dataSN === transfer.dataSN && !pdu.hasDataDigestError
  transfer.dataSN++
  transfer.activeMs = connection.nowMs()
  const taken = Math.min(pdu.dataBytes, left)
  transfer.receivedBytes += taken
  if (isFinal) endTransfer(connection, transfer)
  if (task === null) return
  if (task.failureSense !== null) {
    connection.inbound.release(taken)
  } else if (!isInSequence || !fits || (isFinal && pdu.dataBytes !== left)) {
    connection.inbound.release(taken)
    failTask(task, isInSequence ? ISCSI_SENSE.incorrectAmountOfData : ISCSI_SENSE.protocolServiceCrcError)
  } else {
    task.receivedBytes = bufferOffset + pdu.dataBytes
    if (pdu.dataBytes > 0) {
      holdData(task, pdu)
      deliver(task, pdu.data, bufferOffset, pdu.dataBytes)
    }
    if (isFinal) solicit(task)
  }
  if (isFinal) respondWhenDataIsIn(task)
}

/** The initiator has set the final bit: the tag is free, and what it did not send is not awaited any more. */
function endTransfer(connection: Connection, transfer: ReadyToTransfer): void {
  connection.readyToTransfers.delete(transfer.tag)
  if (transfer.task !== null) connection.inbound.release(transfer.lengthBytes - transfer.receivedBytes)
  for (const waiter of connection.transferWaiters) {
    if (!waiter.open.delete(transfer) || waiter.open.size > 0) continue
    connection.transferWaiters.delete(waiter)
    waiter.timer.cancel()
    waiter.ended()
  }
  const { task } = transfer
  if (task === null) return
  const index = task.readyToTransfers.indexOf(transfer)
  if (index >= 0) task.readyToTransfers.splice(index, 1)
}

/**
 * Unsolicited bytes have come. Before somebody asks for them they do not count at the gate: a command that waits for
 * those before it must not take the room that they need to end.
 */
function arrived(task: Task, slices: readonly Buffer[], bufferOffset: number, byteCount: number): void {
  task.receivedBytes = bufferOffset + byteCount
  if (task.receiver === null) {
    if (task.outcome !== null) return
    task.earlyData.push({ slices, bufferOffsetBytes: bufferOffset, byteCount })
    task.earlyBytes += byteCount
    return
  }
  task.connection.inbound.arrived(byteCount)
  deliver(task, slices, bufferOffset, byteCount)
}

/**
 * Hand on what the receiver wants of a piece that counts at the gate. It may have asked for less than the initiator has
 * sent, and a command that has ended wants nothing.
 */
function deliver(task: Task, slices: readonly Buffer[], bufferOffset: number, byteCount: number): void {
  const { receiver, connection } = task
  const wanted = receiver === null ? 0 : Math.max(Math.min(byteCount, task.wantedBytes - bufferOffset), 0)
  if (wanted < byteCount) connection.inbound.release(byteCount - wanted)
  if (receiver === null || wanted === 0) return
  task.unconsumedBytes += wanted
  receiver(wanted === byteCount ? slices : firstBytes(slices, wanted), bufferOffset, wanted)
}

function firstBytes(slices: readonly Buffer[], byteCount: number): readonly Buffer[] {
  const kept: Buffer[] = []
  let left = byteCount
  for (const slice of slices) {
    if (left === 0) break
    const part = slice.length <= left ? slice : slice.subarray(0, left)
    kept.push(part)
    left -= part.length
  }
  return kept
}
