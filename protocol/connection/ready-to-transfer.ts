/**
 * Ready To Transfer (RFC 7143 11.8, 4.2.5.2): the R2Ts that are out on a connection, sending them, and who waits for their
 * end. A Target Transfer Tag stays valid until the initiator has answered it, whatever becomes of the task.
 */

import type { Timer } from '../node-context.ts'
import { writeR2T } from '../pdu/r2t.ts'
import type { Task } from '../session/task.ts'
import type { Connection } from './connection.ts'

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
  readonly r2tSN: number
  /** How far the initiator has come with its answer, lost data included. */
  answeredBytes: number
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
 * Call `ended` when every one of `transfers` that is open on this connection has been answered to the end, or after
 * `timeoutMs`, or when the connection ends: at once when that is so already.
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

/** The connection has ended: nobody waits for its transfers any more. */
export function endTransferWaiters({ transferWaiters }: Connection): void {
  const waiters = [...transferWaiters]
  transferWaiters.clear()
  for (const waiter of waiters) {
    waiter.timer.cancel()
    waiter.ended()
  }
}

/**
 * Ask for `lengthBytes` from `bufferOffset` on, if the inbound gate has room; otherwise the task waits for it. Says whether
 * the R2T went out.
 */
export function requestTransfer(task: Task, bufferOffset: number, lengthBytes: number): boolean {
  const { connection } = task
  if (!connection.inbound.reserve(lengthBytes)) {
    connection.inbound.wait(task)
    return false
  }
  const transfer: ReadyToTransfer = {
    tag: connection.session.takeTransferTag(),
    initiatorTaskTag: task.initiatorTaskTag,
    lun: Buffer.from(task.lun),
    task,
    bufferOffset,
    lengthBytes,
    r2tSN: task.isBidirectional ? task.dataSN++ : task.r2tSN,
    answeredBytes: 0,
    dataSN: 0,
    activeMs: connection.nowMs(),
  }
  task.r2tSN++
  task.readyToTransfers.push(transfer)
  connection.readyToTransfers.set(transfer.tag, transfer)
  sendR2T(connection, transfer)
  return true
}

/** Send the R2T of a transfer, possibly once more. */
export function sendR2T(connection: Connection, transfer: ReadyToTransfer): void {
  const { lun, initiatorTaskTag, tag, r2tSN, bufferOffset, lengthBytes } = transfer
  const header = connection.writer.takeHeader()
  writeR2T(header, lun, initiatorTaskTag, tag, r2tSN, bufferOffset, lengthBytes)
  connection.statuses.stamp(header)
  connection.writer.pushPdu(null)
  connection.requestFlush()
}

/** The initiator has set the final bit: the tag is free, and what it did not send is not awaited any more. */
export function endTransfer(connection: Connection, transfer: ReadyToTransfer): void {
  connection.readyToTransfers.delete(transfer.tag)
  if (transfer.task !== null) connection.inbound.release(transfer.lengthBytes - transfer.answeredBytes)
  for (const waiter of connection.transferWaiters) {
    if (!waiter.open.delete(transfer) || waiter.open.size > 0) continue
    connection.transferWaiters.delete(waiter)
    waiter.timer.cancel()
    waiter.ended()
  }
  forgetTransfer(transfer)
}

/** The transfer is not its task's any more. */
function forgetTransfer(transfer: ReadyToTransfer): void {
  const index = transfer.task?.readyToTransfers.indexOf(transfer) ?? -1
  if (index >= 0) transfer.task!.readyToTransfers.splice(index, 1)
}

/** Nobody takes what still comes for this transfer, and it needs no room; its tag stays. */
export function abandonTransfer(connection: Connection, transfer: ReadyToTransfer): void {
  forgetTransfer(transfer)
  transfer.task = null
  forgetOldestAbandoned(connection)
  connection.inbound.release(transfer.lengthBytes - transfer.answeredBytes)
}

/** An initiator that begins and aborts writes without end leaves no more tags than these behind. */
export function forgetOldestAbandoned(connection: Connection): void {
  const { readyToTransfers, context } = connection
  for (const [tag, transfer] of readyToTransfers) {
    if (readyToTransfers.size <= context.limits.transferTagsMax) return
    if (transfer.task === null && !isAwaited(connection, transfer)) readyToTransfers.delete(tag)
  }
}

/** Somebody waits for the end of this transfer. */
export function isAwaited(connection: Connection, transfer: ReadyToTransfer): boolean {
  for (const waiter of connection.transferWaiters) if (waiter.open.has(transfer)) return true
  return false
}
