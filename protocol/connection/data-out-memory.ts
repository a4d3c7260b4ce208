/**
 * What a task holds of its Data-Out: the memory that came from the socket, and its share of the inbound gate. Taken when
 * data comes, given back when the SCSI layer has consumed it or the task ends.
 */

import type { Pdu } from '../framing/pdu-reader.ts'
import type { Task } from '../session/task.ts'
import { forgetOldestAbandoned } from './ready-to-transfer.ts'

/** The SCSI layer is done with `byteCount` bytes that it received: room for further R2Ts. */
export function dataOutConsumed(task: Task, byteCount: number): void {
  task.unconsumedBytes -= byteCount
  if (task.unconsumedBytes === 0 && task.earlyBytes === 0) releaseHolds(task)
  task.connection.inbound.release(byteCount)
}

/** The memory of a PDU's data stays with the task, until nothing of what came is unconsumed. */
export function holdData(task: Task, pdu: Pdu): void {
  for (const hold of pdu.takeHolds()) task.holds.push(hold)
}

function releaseHolds(task: Task): void {
  for (const hold of task.holds) hold.release()
  task.holds.length = 0
}

/**
 * The task ends: its R2Ts are nobody's now, what the initiator still sends for them is dropped as it comes and needs no
 * room, and what the SCSI layer did not report as consumed, it does not need any more.
 */
export function abandonTransfers(task: Task): void {
  const { inbound } = task.connection
  inbound.forget(task)
  let freedBytes = heldBytesOf(task)
  for (const transfer of task.readyToTransfers) {
    freedBytes += transfer.lengthBytes - transfer.answeredBytes
    transfer.task = null
  }
  forgetOldestAbandoned(task.connection)
  task.unconsumedBytes = 0
  task.readyToTransfers.length = 0
  task.earlyData.length = 0
  task.earlyBytes = 0
  task.lostRanges.length = 0
  releaseHolds(task)
  task.receiver = null
  if (freedBytes > 0) inbound.release(freedBytes)
}

/** What came for the task, is not consumed, and counts at the inbound gate, in bytes. */
export function heldBytesOf(task: Task): number {
  let bytes = task.unconsumedBytes
  for (const { byteCount, isCounted } of task.earlyData) if (isCounted) bytes += byteCount
  return bytes
}
