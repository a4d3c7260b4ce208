/**
 * Acknowledgements that do not come (RFC 7143 7.1.4.2), at error recovery level 1 and higher: when the initiator is
 * asked for one or reminded of a status, and when somebody has waited for it long enough. Called by the connection's own
 * timer, and by who waits.
 */

import type { Connection } from '../connection/connection.ts'
import { solicitAcknowledgement } from '../connection/nop-in.ts'

/** A status has been unacknowledged for so long that it may have got lost; said once of each. */
export function takeStatusReminder({ statuses, context }: Connection, nowMs: number): boolean {
  return statuses.ledger?.takeReminder(nowMs, context.limits.statusReminderMs) ?? false
}

/** Too much is kept, and answers are among it that the initiator has not acknowledged: it has not for long. */
export function isAwaitingAcknowledgement({ statuses, outbound }: Connection): boolean {
  const { ledger } = statuses
  return outbound.isRetentionFull && ledger !== null && ledger.oldestMs !== null
}

/**
 * So much is kept that commands wait: the initiator is asked at once how far it has received, once for each status that
 * is the oldest. One that has nothing to send would otherwise say so only when it is reminded.
 */
export function hastenAcknowledgement(connection: Connection): void {
  const { statuses, outbound } = connection
  const { ledger } = statuses
  if (ledger === null || !outbound.isRetentionFull) return
  if (ledger.takeReminder(connection.nowMs(), 0)) solicitAcknowledgement(connection)
}

/** Says what is wrong when the connection cannot go on, null when it can. */
export function checkAcknowledgements(connection: Connection, nowMs: number): string | null {
  const { statuses, outbound, context, session } = connection
  const { ledger } = statuses
  if (ledger === null || !outbound.isRetentionFull) return null
  const { acknowledgementTimeoutMs } = context.limits
  const sinceMs = [ledger.oldestMs]
  for (const task of session.tasks.values()) {
    if (task.connection === connection && task.sentDataIn !== null) sinceMs.push(task.sentDataIn.waitingSinceMs)
  }
  const isOverdue = sinceMs.some((since) => since !== null && nowMs - since >= acknowledgementTimeoutMs)
  return isOverdue ? `Data-In was not acknowledged within ${acknowledgementTimeoutMs} ms` : null
}
