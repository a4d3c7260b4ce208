/**
 * A task between two connections (RFC 7143 7.2.2): its connection is gone, and until another one takes it over nothing of
 * it is sent or asked for. What the SCSI layer brings in the meantime is kept. Connection recovery calls this, at error
 * recovery level 2.
 */

import type { Connection } from '../connection/connection.ts'
import { solicit } from '../connection/data-out.ts'
import { heldBytesOf } from '../connection/data-out-memory.ts'
import { respondWhenDataIsIn } from '../connection/task-lifecycle.ts'
import { SCSI_RESPONSE } from '../pdu/scsi-command.ts'
import type { Task } from '../session/task.ts'
import { voidTransfer, voidUnsolicited } from './lost-data-out.ts'
import type { StatusEntry } from './status-ledger.ts'

/**
 * The task's connection is lost: its R2T is void, and what it asked for counts as lost. Safe to call for a task in any
 * phase, and again.
 */
export function suspendTransfers(task: Task): void {
  if (task.isSuspended) return
  const { connection, readyToTransfers } = task
  task.isSuspended = true
  task.sentDataIn?.suspended()
  task.voidedR2TSN = readyToTransfers[0]?.r2tSN ?? null
  for (const transfer of [...readyToTransfers]) voidTransfer(connection, transfer)
  if (task.isUnsolicitedDataDue) voidUnsolicited(task)
  connection.inbound.forget(task)
}

/**
 * The task goes on on `connection`: Data-In that is not acknowledged is sent there, in its segments, Data-Out that is
 * missing is asked for, and the status is sent, under a new StatSN when it had been sent before. `expDataSN`: of TASK
 * REASSIGN, what the initiator has received; 0, or a value that cannot be, leaves that as it is (RFC 7143 11.5.6).
 */
export function resumeTransfers(task: Task, connection: Connection, expDataSN: number): void {
  suspendTransfers(task)
  const lost = task.connection
  const { sentStatus } = task
  if (sentStatus !== null) lost.statuses.ledger?.releaseTask(task)
  moveAccounting(task, lost, connection)
  renumberR2Ts(task, expDataSN)
  task.snackTag = 0
  task.fruitlessR2TCount = 0
  task.connection = connection
  task.sentDataIn?.moved(lost, expDataSN)
  task.isSuspended = false
  if (sentStatus !== null) {
    const hasSense = lost.statuses.unacknowledgedSense.take(task.upper)
    resendStatus(task, sentStatus)
    if (hasSense) connection.statuses.unacknowledgedSense.sent(task.upper, connection.statuses.nextStatSN)
    return
  }
  task.sentDataIn?.proceed()
  if (task.receiver !== null) solicit(task)
  respondWhenDataIsIn(task)
}

function moveAccounting(task: Task, from: Connection, to: Connection): void {
  const heldBytes = heldBytesOf(task)
  from.inbound.release(heldBytes)
  to.inbound.arrived(heldBytes)
  const borrowedBytes = task.borrowedSlot?.data.length ?? 0
  from.outbound.returned(borrowedBytes)
  to.outbound.borrowed(borrowedBytes)
}

/**
 * What the void R2T asked for is asked for again under its own number, which the initiator may not have seen, unless
 * `expDataSN` says that it has. In bidirectional commands with Data-In both are numbered anew together.
 */
function renumberR2Ts(task: Task, expDataSN: number): void {
  const { voidedR2TSN } = task
  task.voidedR2TSN = null
  if (voidedR2TSN === null || task.sentDataIn !== null) return
  const nextSN = expDataSN === voidedR2TSN + 1 ? expDataSN : voidedR2TSN
  if (task.isBidirectional) task.dataSN = nextSN
  else task.r2tSN = nextSN
}

function resendStatus(task: Task, { header, data }: StatusEntry): void {
  const { connection } = task
  const fresh = connection.writer.takeHeader()
  header.copy(fresh)
  fresh.writeUInt32BE(task.snackTag, SCSI_RESPONSE.snackTag)
  fresh.writeUInt32BE(task.expDataSN, SCSI_RESPONSE.expDataSN)
  connection.statuses.send(fresh, data)
  connection.statuses.ledger?.keepTask(task)
  connection.session.fence.sentAgain(connection)
}
