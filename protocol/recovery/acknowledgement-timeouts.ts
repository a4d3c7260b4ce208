/**
 * Acknowledgements that do not come (RFC 7143 7.1.4.2), at error recovery level 1 and higher: when the initiator is
 * reminded of a status, and when somebody has waited for it long enough. Called by the connection's own timer.
 */

import type { Connection } from '../connection/connection.ts'

/** A status has been unacknowledged for so long that it may have got lost; said once of each. */
export function takeStatusReminder({ ledger, context }: Connection, nowMs: number): boolean {
  return ledger?.takeReminder(nowMs, context.limits.statusReminderMs) ?? false
}

/** Says what is wrong when the connection cannot go on, null when it can. */
export function checkAcknowledgements(connection: Connection, nowMs: number): string | null {
  const { ledger, outbound, context, session } = connection
  if (ledger === null || !outbound.isRetentionFull) return null
  const { acknowledgementTimeoutMs } = context.limits
  const sinceMs = [ledger.oldestMs]
  for (const task of session.tasks.values()) {
    if (task.connection === connection && task.sentDataIn !== null) sinceMs.push(task.sentDataIn.waitingSinceMs)
  }
  const isOverdue = sinceMs.some((since) => since !== null && nowMs - since >= acknowledgementTimeoutMs)
  return isOverdue ? `Data-In was not acknowledged within ${acknowledgementTimeoutMs} ms` : null
}
