/**
 * Tasks that a FastAbort multi-task abort ends on connections that did not ask for it (RFC 7143 4.2.3.4 d and g,
 * 4.2.3.5): the initiator is told by Asynchronous Message, and the Target Transfer Tags of the tasks stay valid until its
 * NOP-Out says that it sends nothing more for them. Only for sessions that negotiated TaskReporting=FastAbort.
 */

import { sendTaskTermination } from '../connection/async-messages.ts'
import type { Connection } from '../connection/connection.ts'
import type { ReadyToTransfer } from '../connection/ready-to-transfer.ts'
import { isSerialLess } from '../serial.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import { forgetAsReceived } from './affected-tasks.ts'

/** Transfers whose tasks were terminated, until the initiator has acknowledged hearing of it. */
export interface TerminatedTransfers {
  /** The ExpStatSN that acknowledges the Asynchronous Message. */
  readonly expStatSN: number
  readonly transfers: readonly ReadyToTransfer[]
  readonly sentMs: number
}

/**
 * A function of another nexus is about to end `tasks`, all of one logical unit. A session without FastAbort hears
 * nothing; in one with it, the tasks of that logical unit which the SCSI layer does not have end too, because the
 * message speaks of all of them.
 */
export function tasksClearedByAnother(session: Session, tasks: readonly Task[]): void {
  // What their transfers did wrong is of no interest any more: they end without a response.
  for (const task of tasks) task.failureSense = null
  if (session.parameters.taskReporting !== 'FastAbort' || tasks.length === 0) return
  announceTermination(tasks)
  const connections = new Set(tasks.map(({ connection }) => connection))
  const logicalUnit = session.nexus.logicalUnitOf(tasks[0]!.lun)
  for (const task of [...session.tasks.values()]) {
    const isTold = connections.has(task.connection) && session.nexus.logicalUnitOf(task.lun) === logicalUnit
    if (isTold && task.phase !== 'executing') forgetAsReceived(task)
  }
}

/** Tell each connection that has one of these tasks, once for each logical unit. */
export function announceTermination(tasks: readonly Task[]): void {
  for (const [connection, ofConnection] of groupedBy(tasks, (task) => task.connection)) {
    for (const ofLogicalUnit of groupedBy(ofConnection, (task) => task.lun.toString('hex')).values()) {
      if (!connection.isSending) continue
      sendTaskTermination(connection, ofLogicalUnit[0]!.lun)
      const transfers = ofLogicalUnit.flatMap((task) => task.readyToTransfers)
      if (transfers.length > 0) keepTransfers(connection, transfers)
    }
  }
}

/** A NOP-Out came: free the tags whose message it acknowledges. */
export function releaseTerminated(connection: Connection): void {
  const { terminations } = connection
  while (terminations.length > 0 && !isSerialLess(connection.statuses.ackedStatSN, terminations[0]!.expStatSN)) {
    for (const transfer of terminations.shift()!.transfers) {
      if (transfer.task === null) connection.readyToTransfers.delete(transfer.tag)
    }
  }
}

/** How long the oldest such message has waited for its acknowledgement, in milliseconds. */
export function terminationOverdueMs({ terminations }: Connection, nowMs: number): number {
  return terminations.length === 0 ? 0 : nowMs - terminations[0]!.sentMs
}

function keepTransfers(connection: Connection, transfers: readonly ReadyToTransfer[]): void {
  connection.terminations.push({ expStatSN: connection.statuses.nextStatSN, transfers, sentMs: connection.nowMs() })
  if (connection.terminations.length > connection.context.limits.transferTagsMax) connection.terminations.shift()
}

function groupedBy<Key>(tasks: readonly Task[], keyOf: (task: Task) => Key): Map<Key, Task[]> {
  return Map.groupBy(tasks, keyOf)
}
