/**
 * Time-outs of Data-Out (RFC 7143 7.1.4.1): what an initiator owes and does not send. At error recovery level 0 that ends
 * the connection; at higher levels the data is asked for again. Called by the connection's own timer.
 */

import { recoverOverdueData } from '../recovery/overdue-data-out.ts'
import type { Connection } from './connection.ts'
import { isAwaited } from './ready-to-transfer.ts'

/** See to overdue data. Says what is wrong when the connection cannot go on, null when it can. */
export function checkDataOut(connection: Connection, nowMs: number): string | null {
  if (connection.statuses.ledger !== null) {
    recoverOverdueData(connection, nowMs)
    return null
  }
  const { dataOutTimeoutMs } = connection.context.limits
  if (transferOverdueMs(connection, nowMs, dataOutTimeoutMs) >= dataOutTimeoutMs) {
    return `data that an R2T asked for did not come within ${dataOutTimeoutMs} ms`
  }
  if (unsolicitedOverdueMs(connection, nowMs) >= dataOutTimeoutMs) {
    return `unsolicited data that a command announced did not come within ${dataOutTimeoutMs} ms`
  }
  return null
}

/**
 * How long the initiator has owed data for an R2T and sent none at all, in milliseconds; the longest of all. An R2T whose
 * task has ended and for which nobody waits is owed nothing: initiators that abort a write forget its R2Ts. Its tag is
 * freed after `forgetAfterMs`.
 */
function transferOverdueMs(connection: Connection, nowMs: number, forgetAfterMs: number): number {
  let longestMs = 0
  for (const transfer of connection.readyToTransfers.values()) {
    if (transfer.task !== null || isAwaited(connection, transfer)) {
      longestMs = Math.max(longestMs, nowMs - Math.max(transfer.activeMs, connection.inbound.activeMs))
    } else if (nowMs - transfer.activeMs >= forgetAfterMs) {
      connection.readyToTransfers.delete(transfer.tag)
    }
  }
  return longestMs
}

function unsolicitedOverdueMs(connection: Connection, nowMs: number): number {
  let longestMs = 0
  for (const task of connection.session.tasks.values()) {
    if (task.connection !== connection || !task.isUnsolicitedDataDue) continue
    longestMs = Math.max(longestMs, nowMs - task.unsolicitedActiveMs)
  }
  return longestMs
}
