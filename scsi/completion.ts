/**
 * How a command ends (SAM-5): each handler calls exactly one of these functions, once, as its last
 * step. All of them leave through `endCommand`, which takes the command out of its task set before the transport
 * hears of it, so that whatever waits for it never sees a command that has ended.
 */

import { type Command, STATUS, type Status } from './command.ts'
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
  endCommand(command)
  if (itlNexus !== null) logicalUnit?.errorReported(itlNexus)
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

/** End a command that was aborted: the initiator gets nothing. */
export function endAborted(command: Command): void {
  endCommand(command)
}

/** Leave the task set and tell the transport; an aborted command ends without a response. */
function endCommand(command: Command): void {
  const taskSet = command.itlNexus?.taskSet ?? null
  if (taskSet === null || !taskSet.remove(command)) throw new Error('a command ended that is in no task set')
  command.operation = null
  try {
    if (command.isAborted) {
      command.transport.commandAborted(command)
    } else {
      command.itlNexus!.logicalUnit?.statistics.commandEnded(command)
      command.transport.sendCommandComplete(command)
    }
  } finally {
    taskSet.commandEnded(command)
  }
}
