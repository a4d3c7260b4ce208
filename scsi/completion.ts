/**
 * How a command ends (SAM-5): each handler calls exactly one of these functions, once, as its last
 * step. All of them leave through `leaveTaskSet`, which takes the command out of its task set before the transport
 * hears of it, so that whatever waits for it never sees a command that has ended.
 */

import type { EndCommand } from './auto-contingent-allegiance.ts'
import { hasNaca } from './cdb.ts'
import { type Command, STATUS, type Status, TASK_ATTRIBUTE } from './command.ts'
import { encodeSense, type SenseData, senseOf } from './sense.ts'
import type { SenseCondition } from './sense-codes.ts'

/** End with GOOD. `presentedDataBytes` says by now how much the CDB transfers. */
export function completeGood(command: Command): void {
  command.status = STATUS.GOOD
  endCommand(command)
}

/**
 * End with a status that carries no sense data, e.g. RESERVATION CONFLICT.
 * Units: `transferredBytes` is what was transferred before; the residual derives from it.
 */
export function completeWithStatus(command: Command, status: Status, transferredBytes = 0): void {
  command.status = status
  command.presentedDataBytes = transferredBytes
  command.itlNexus?.statusReturned(status)
  endCommand(command)
}

/**
 * End with CHECK CONDITION.
 * Units: `transferredBytes` is what was transferred before the condition arose; the residual derives from it.
 */
export function checkCondition(command: Command, sense: SenseData | SenseCondition, transferredBytes = 0): void {
  const { itlNexus } = command
  const logicalUnit = itlNexus?.logicalUnit ?? null
  const format = logicalUnit?.modeSettings.senseFormat ?? 'fixed'
  const senseData = 'condition' in sense ? sense : senseOf(sense)
  logicalUnit?.statistics.errorReported(command, senseData.condition)
  command.status = STATUS.CHECK_CONDITION
  command.sense = encodeSense(senseData, format)
  command.presentedDataBytes = transferredBytes
  reportError(command)
}

/** End a command that has its sense data, and do what CHECK CONDITION status does to others (SAM-5). */
function reportError(command: Command): void {
  if (isHeldBack(command, reportError)) return
  const { itlNexus } = command
  const logicalUnit = itlNexus?.logicalUnit ?? null
  const establishesAca = logicalUnit !== null && hasNaca(command.cdb)
  if (establishesAca) {
    // Before others can start or end in its stead.
    logicalUnit.taskSet.establishAca(command)
    command.needsFence = true
  }
  leaveTaskSet(command)
  if (itlNexus === null || logicalUnit === null) return
  logicalUnit.errorReported(itlNexus)
  if (command.taskAttribute === TASK_ATTRIBUTE.ACA && !establishesAca) logicalUnit.taskSet.clearAca(itlNexus)
}

/** SAM-5 STATUS QUALIFIER of TASK SET FULL: scope of one logical unit, and 100 ms to wait unless a command ends sooner. */
const RETRY_AFTER_100_MS = 0x0001

/** Refuse a command with TASK SET FULL; it has not entered the task set. */
export function refuseTaskSetFull(command: Command): void {
  command.status = STATUS.TASK_SET_FULL
  command.statusQualifier = RETRY_AFTER_100_MS
  command.itlNexus?.statusReturned(command.status)
  command.transport.sendCommandComplete(command)
}

/** Refuse a command because of an auto contingent allegiance; it has not entered the task set. */
export function refuseInAca(command: Command, status: Status): void {
  command.status = status
  command.itlNexus?.statusReturned(status)
  command.transport.sendCommandComplete(command)
}

/** End a command that was aborted: the initiator gets nothing, or TASK ABORTED where that is to be reported. */
export function endAborted(command: Command): void {
  if (command.isAbortReported) {
    command.status = STATUS.TASK_ABORTED
    command.sense = null
    command.presentedDataBytes = 0
    command.presentedReadBytes = 0
  }
  endCommand(command)
}

function endCommand(command: Command): void {
  if (!isHeldBack(command, endCommand)) leaveTaskSet(command)
}

/** Whether an auto contingent allegiance blocks the command, which then calls `end` when that is over. */
function isHeldBack(command: Command, end: EndCommand): boolean {
  const taskSet = command.itlNexus?.taskSet ?? null
  return taskSet?.hasAca === true && taskSet.holdBack(command, end, endAborted)
}

/** Leave the task set and tell the transport; an aborted command ends without a response, unless TAS asks for one. */
function leaveTaskSet(command: Command): void {
  const taskSet = command.itlNexus?.taskSet ?? null
  if (taskSet === null || !taskSet.remove(command)) throw new Error('a command ended that is in no task set')
  command.operation = null
  try {
    if (command.isAborted && !command.isAbortReported) {
      command.transport.commandAborted(command)
    } else {
      command.itlNexus!.logicalUnit?.statistics.commandEnded(command)
      command.transport.sendCommandComplete(command)
    }
  } finally {
    taskSet.commandEnded(command)
  }
}
