/**
 * Data-Out that is due and does not come (RFC 7143 7.1.4.1 b), at error recovery level 1 and higher: it is asked for again.
 * Called by the time-outs of a connection.
 */

import type { Connection } from '../connection/connection.ts'
import { solicit } from '../connection/data-out.ts'
import { abandonTransfer, isAwaited, type ReadyToTransfer, sendR2T } from '../connection/ready-to-transfer.ts'
import { respondWhenDataIsIn } from '../connection/task-lifecycle.ts'
import { isSerialLess } from '../serial.ts'
import type { Task } from '../session/task.ts'
import { addLostRange, voidUnsolicited } from './lost-data-out.ts'

/** Ask again for what is overdue on `connection`. */
export function recoverOverdueData(connection: Connection, nowMs: number): void {
  const { sequenceTimeoutMs, dataOutTimeoutMs } = connection.context.limits
  for (const transfer of [...connection.readyToTransfers.values()]) {
    const { task } = transfer
    if (task === null) {
      const isForgotten = nowMs - transfer.activeMs >= dataOutTimeoutMs && !isAwaited(connection, transfer)
      if (isForgotten) connection.readyToTransfers.delete(transfer.tag)
    } else if (nowMs - progressMs(connection, transfer) >= sequenceTimeoutMs) {
      recoverTransfer(task, transfer)
    }
  }
  for (const task of [...connection.session.tasks.values()]) {
    const isDue = task.connection === connection && task.isUnsolicitedDataDue
    if (!isDue || nowMs - task.unsolicitedActiveMs < sequenceTimeoutMs) continue
    voidUnsolicited(task)
    goOn(task)
  }
}

/**
 * An R2T that brought nothing at all has not been seen: it goes out once more as it was, and who has seen it drops the
 * duplicate (RFC 7143 7.9). One whose answer stopped half-way is void, and the rest is asked for anew.
 */
function recoverTransfer(task: Task, transfer: ReadyToTransfer): void {
  const { connection } = task
  const { bufferOffset, answeredBytes, lengthBytes, dataSN } = transfer
  if (dataSN === 0 && task.fruitlessR2TCount < connection.context.limits.recoveryR2TsMax) {
    task.fruitlessR2TCount++
    transfer.activeMs = connection.nowMs()
    sendR2T(connection, transfer)
    return
  }
  abandonTransfer(connection, transfer)
  addLostRange(task, bufferOffset + answeredBytes, bufferOffset + lengthBytes)
  goOn(task)
}

/** When a transfer last went on; while data flows, one that has not been passed over just waits for its turn. */
function progressMs({ inbound }: Connection, { activeMs, tag }: ReadyToTransfer): number {
  return isSerialLess(tag, inbound.activeTag) ? activeMs : Math.max(activeMs, inbound.activeMs)
}

function goOn(task: Task): void {
  if (task.receiver !== null) solicit(task)
  respondWhenDataIsIn(task)
}
