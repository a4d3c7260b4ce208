/**
 * The device server's entry (SAM-5): takes a command that its task set enabled through the checks that every
 * command passes, in the order of SAM-5, and hands it to the handler of its row. An exception in a handler
 * ends that command with INTERNAL TARGET FAILURE and nothing else.
 */

import type { TargetPortGroupAccess } from './access-states.ts'
import { findReservedBit, VARIABLE_LENGTH } from './cdb.ts'
import { type Command, STATUS, TASK_ATTRIBUTE } from './command.ts'
import { COMMAND_SETS, type CommandSet } from './command-table.ts'
import { checkCondition, completeWithStatus, endAborted } from './completion.ts'
import { type CommandDefinition, SERVICE_ACTION } from './define-command.ts'
import type { Erasure } from './erasure.ts'
import { isForWriters } from './initiator-access.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { findReservationRefusal } from './reservation-conflict.ts'
import { invalidFieldInCdb, invalidOperationCode, type SenseData, senseOf } from './sense.ts'
import { SENSE } from './sense-codes.ts'

/** Run a command that is in its task set and enabled. Never throws. */
export function startCommand(command: Command): void {
  const itlNexus = command.itlNexus!
  try {
    const { logicalUnit } = itlNexus
    const definition = (logicalUnit === null ? COMMAND_SETS.disk : logicalUnit.commandSet).find(command.cdb)
    command.definition = definition
    if (logicalUnit === null) dispatchAbsent(command, definition, itlNexus)
    else dispatch(command, definition, itlNexus, logicalUnit)
  } catch (error) {
    failInternally(command, itlNexus, error)
  }
}

/**
 * A fault of our own: report it, and end the command if that has not happened.
 * Called where nothing of the command is in flight.
 */
function failInternally(command: Command, itlNexus: ItlNexus, error: unknown): void {
  itlNexus.target.onInternalError(error, command)
  if (!itlNexus.taskSet.has(command)) return
  try {
    checkCondition(command, SENSE.INTERNAL_TARGET_FAILURE)
  } catch (transportError) {
    itlNexus.target.onInternalError(transportError, command)
  }
}

function dispatch(
  command: Command,
  definition: CommandDefinition | null,
  itlNexus: ItlNexus,
  logicalUnit: LogicalUnit,
): void {
  const { unitAttentions } = itlNexus
  const reportsUnitAttention = !unitAttentions.isEmpty && (definition === null || !definition.ignoresUnitAttention)
  const reservationRefusal =
    logicalUnit.isReserved && definition !== null
      ? findReservationRefusal(command.cdb, definition, itlNexus, logicalUnit)
      : null
  if (reportsUnitAttention && unitAttentions.isResetPending) {
    checkCondition(command, itlNexus.reportUnitAttention(command)!)
  } else if (reservationRefusal === 'conflict') {
    completeWithStatus(command, STATUS.RESERVATION_CONFLICT)
  } else if (reservationRefusal === 'informationLost') {
    checkCondition(command, SENSE.PERSISTENT_RESERVATION_INFORMATION_LOST)
  } else if (reportsUnitAttention) {
    checkCondition(command, itlNexus.reportUnitAttention(command)!)
  } else if (definition === null) {
    checkCondition(command, unknownCommand(command.cdb, logicalUnit.commandSet))
  } else if (itlNexus.access.isRestricted && !isAnsweredIn(itlNexus.access, command, definition)) {
    checkCondition(command, itlNexus.access.refusal!)
  } else if (logicalUnit.erasure.isBlocking && !isAnsweredDespite(logicalUnit.erasure, definition)) {
    checkCondition(command, logicalUnit.erasure.refusal!)
  } else {
    if (logicalUnit.powerCondition.isLow) leaveLowPower(definition, logicalUnit)
    const refusal = checkCdb(command, definition)
    if (refusal !== null) checkCondition(command, refusal)
    else if (itlNexus.isReadOnly && isForWriters(definition, command.cdb))
      checkCondition(command, SENSE.WRITE_PROTECTED)
    else if (logicalUnit.medium.isAbsent && definition.needsMedium) checkCondition(command, logicalUnit.medium.refusal)
    else if (logicalUnit.rangeLocks.size > 0 && logicalUnit.rangeLocks.holdsUp(command))
      waitForBlocks(command, definition)
    else definition.execute(command, logicalUnit, itlNexus)
  }
}

/** A command that needs the medium makes the logical unit active (SPC-4, SBC-3). */
function leaveLowPower({ taskClass }: CommandDefinition, { powerCondition }: LogicalUnit): void {
  if (taskClass !== 'information' && taskClass !== 'configuration') powerCondition.enter('active')
}

/** Whether a command is answered through a target port in this access state (SPC-4; SPC-3 5.8.2.4). */
function isAnsweredIn(access: TargetPortGroupAccess, { cdb }: Command, { accessClass }: CommandDefinition): boolean {
  return access.answers(typeof accessClass === 'function' ? accessClass(cdb) : accessClass)
}

/** Whether a command is answered although the medium is being erased, or that failed (SBC-4). */
function isAnsweredDespite({ failed }: Erasure, { erasureClass }: CommandDefinition): boolean {
  if (erasureClass === 'afterFormatFailure') return failed?.kind === 'format'
  return erasureClass === 'always' || (erasureClass === 'afterFailure' && failed !== null)
}

/** Others work on the command's blocks and must not be interrupted: it begins after them, or is aborted before. */
function waitForBlocks(command: Command, definition: CommandDefinition): void {
  const itlNexus = command.itlNexus!
  const logicalUnit = itlNexus.logicalUnit!
  const { rangeLocks } = logicalUnit
  command.operation = {
    abort() {
      rangeLocks.release(command)
      endAborted(command)
    },
  }
  rangeLocks.waitToBegin(command, () => {
    command.operation = null
    try {
      definition.execute(command, logicalUnit, itlNexus)
    } catch (error) {
      failInternally(command, itlNexus, error)
    }
  })
}

function dispatchAbsent(command: Command, definition: CommandDefinition | null, itlNexus: ItlNexus): void {
  if (definition === null || definition.executeAbsent === null) {
    checkCondition(command, SENSE.LOGICAL_UNIT_NOT_SUPPORTED)
    return
  }
  const refusal = checkCdb(command, definition)
  if (refusal !== null) checkCondition(command, refusal)
  else definition.executeAbsent(command, itlNexus)
}

/** What every CDB must satisfy, whatever the command. */
function checkCdb(command: Command, { operationCode, cdb: layout }: CommandDefinition): SenseData | null {
  // Without an ACA no command can belong to one (SAM-5).
  if (command.taskAttribute === TASK_ATTRIBUTE.ACA && !isInOwnAca(command)) return senseOf(SENSE.INVALID_MESSAGE_ERROR)
  if (command.cdb.length < layout.lengthBytes) return invalidFieldInCdb(command.cdb.length)
  if (operationCode === VARIABLE_LENGTH.operationCode && !statesItsLength(command.cdb, layout.lengthBytes)) {
    return invalidFieldInCdb(VARIABLE_LENGTH.additionalLengthByte)
  }
  const fieldPointer = findReservedBit(command.cdb, layout)
  return fieldPointer === null ? null : senseOf(SENSE.INVALID_FIELD_IN_CDB, { fieldPointer })
}

function isInOwnAca({ itlNexus }: Command): boolean {
  return itlNexus!.taskSet.isFaulted(itlNexus!)
}

/** ADDITIONAL CDB LENGTH counts the bytes behind the first eight (SPC-3 4.3.3). */
function statesItsLength(cdbBytes: Buffer, lengthBytes: number): boolean {
  return cdbBytes[VARIABLE_LENGTH.additionalLengthByte] === lengthBytes - (VARIABLE_LENGTH.additionalLengthByte + 1)
}

/** A known operation code with an unknown service action is a wrong field; an unknown one is no command at all. */
function unknownCommand(cdbBytes: Buffer, commandSet: CommandSet): SenseData {
  if (!commandSet.isOperationCodeSupported(cdbBytes[0]!)) return invalidOperationCode()
  if (cdbBytes[0] === VARIABLE_LENGTH.operationCode) return invalidFieldInCdb(VARIABLE_LENGTH.serviceActionByte)
  return invalidFieldInCdb(SERVICE_ACTION.byte, SERVICE_ACTION.high)
}
