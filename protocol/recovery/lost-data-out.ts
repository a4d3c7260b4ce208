/**
 * Data-Out that an initiator sent and that got lost (RFC 7143 7.8, 7.9, 7.1.4.1): remembered by range, and asked for again
 * with recovery R2Ts at error recovery level 1 and higher. What came behind it is kept. A recovery R2T goes out when the
 * sequence that it repairs has ended, so that no more R2Ts are outstanding than were agreed on.
 */

import type { Connection } from '../connection/connection.ts'
import { ISCSI_SENSE } from '../connection/iscsi-sense.ts'
import { endTransfer, type ReadyToTransfer, requestTransfer } from '../connection/ready-to-transfer.ts'
import { failTask } from '../connection/task-lifecycle.ts'
import type { ByteRange, Task } from '../session/task.ts'

/** Bytes from `startBytes` up to, not including, `endBytes` did not come; possibly none. */
export function addLostRange(task: Task, startBytes: number, endBytes: number): void {
  if (startBytes >= endBytes) return
  const { lostRanges } = task
  lostRanges.push({ startBytes, endBytes })
  lostRanges.sort((left, right) => left.startBytes - right.startBytes)
  const merged: ByteRange[] = []
  for (const range of lostRanges) {
    const last = merged.at(-1)
    if (last === undefined || last.endBytes < range.startBytes) merged.push(range)
    else merged[merged.length - 1] = { startBytes: last.startBytes, endBytes: Math.max(last.endBytes, range.endBytes) }
  }
  lostRanges.splice(0, lostRanges.length, ...merged)
}

/**
 * Ask again for what was lost, as far as the limits let it, and fail the task when that has been fruitless too often. Says
 * whether nothing is left to ask for.
 */
export function solicitLostData(task: Task): boolean {
  const { connection, lostRanges } = task
  const { maxOutstandingR2T, maxBurstLength } = connection.session.parameters
  for (;;) {
    const range = lostRanges[0]
    if (range === undefined || range.startBytes >= task.wantedBytes) return true
    if (task.readyToTransfers.length >= maxOutstandingR2T) return false
    if (task.fruitlessR2TCount >= connection.context.limits.recoveryR2TsMax) {
      failTask(task, ISCSI_SENSE.protocolServiceCrcError)
      return false
    }
    const endBytes = Math.min(range.endBytes, task.wantedBytes, range.startBytes + maxBurstLength)
    if (!requestTransfer(task, range.startBytes, endBytes - range.startBytes)) return false
    task.fruitlessR2TCount++
    if (endBytes < range.endBytes) lostRanges[0] = { startBytes: endBytes, endBytes: range.endBytes }
    else lostRanges.shift()
  }
}

/** The unsolicited data that is due will not come any more. */
export function voidUnsolicited(task: Task): void {
  task.isUnsolicitedDataDue = false
  addLostRange(task, task.unsolicitedOffsetBytes, task.unsolicitedEndBytes)
}

/** The data that an R2T asked for will not come any more, and neither will anything for its tag. */
export function voidTransfer(connection: Connection, transfer: ReadyToTransfer): void {
  const { task, bufferOffset, answeredBytes, lengthBytes } = transfer
  endTransfer(connection, transfer)
  if (task !== null) addLostRange(task, bufferOffset + answeredBytes, bufferOffset + lengthBytes)
}
