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

/** Memory from the socket that a task may hold: so much, and so many times what lies in it and is not consumed. */
const HELD_MEMORY_BYTES_FREE = 512 * 1024
const HELD_MEMORY_FACTOR = 4

/**
 * The memory of a PDU's data stays with the task, until nothing of what came is unconsumed. Returns the data: a copy when
 * much more memory is held than data, as when an initiator sends it in tiny pieces among other things.
 */
export function holdData(task: Task, pdu: Pdu): readonly Buffer[] {
  const heldDataBytes = task.unconsumedBytes + task.earlyBytes
  if (task.heldMemoryBytes > HELD_MEMORY_BYTES_FREE + HELD_MEMORY_FACTOR * heldDataBytes) {
    return [Buffer.concat(pdu.data, pdu.dataBytes)]
  }
  const { holds } = task
  for (const hold of pdu.takeHolds()) {
    if (holds.at(-1) === hold) {
      hold.release()
    } else {
      holds.push(hold)
      task.heldMemoryBytes += hold.memory.length
    }
  }
  return pdu.data
}

function releaseHolds(task: Task): void {
  for (const hold of task.holds) hold.release()
  empty(task.holds)
  task.heldMemoryBytes = 0
}

/** Setting the length of an array costs as much when it is empty, as these usually are at the end of every command. */
function empty(array: unknown[]): void {
  if (array.length > 0) array.length = 0
}

/**
 * The task ends: its R2Ts are nobody's now, what the initiator still sends for them is dropped as it comes and needs no
 * room, and what the SCSI layer did not report as consumed, it does not need any more. Empties all that a task has of
 * Data-Out, so that it can be used again.
 */
export function abandonTransfers(task: Task): void {
  task.receiver = null
  // A task without a Data-Out buffer never has any of this.
  if (!task.isWrite) return
  const { inbound } = task.connection
  inbound.forget(task)
  let freedBytes = heldBytesOf(task)
  for (const transfer of task.readyToTransfers) {
    freedBytes += transfer.lengthBytes - transfer.answeredBytes
    transfer.task = null
  }
  forgetOldestAbandoned(task.connection)
  task.unconsumedBytes = 0
  task.earlyBytes = 0
  empty(task.readyToTransfers)
  empty(task.earlyData)
  empty(task.lostRanges)
  releaseHolds(task)
  if (freedBytes > 0) inbound.release(freedBytes)
}

/** What came for the task, is not consumed, and counts at the inbound gate, in bytes. */
export function heldBytesOf(task: Task): number {
  let bytes = task.unconsumedBytes
  for (const { byteCount, isCounted } of task.earlyData) if (isCounted) bytes += byteCount
  return bytes
}
