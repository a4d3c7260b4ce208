/**
 * START STOP UNIT (SBC-3). A disk in a file has nothing to spin down, and one initiator's stop must not take it away from
 * the others: stopping it writes its cache to the medium, as every stop has to, and leaves it ready. It has no medium to
 * load or eject and no idle or standby power conditions, so requests for these are refused.
 */

import { bit, bits, cdb, invalidField, isSet, readField, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { FlushOperation } from './synchronize-cache.ts'

/** POWER CONDITION: those that a disk which is always active can be asked for. */
const POWER_CONDITION = {
  /** START and LOEJ say what to do. */
  START_VALID: 0x0,
  ACTIVE: 0x1,
  /** The logical unit manages its power condition itself. */
  LU_CONTROL: 0x7,
} as const

const CDB = cdb(6, {
  immed: bit(1, 0),
  powerConditionModifier: unsupported(3, 3, 0),
  powerCondition: bits(4, 7, 4),
  noFlush: bit(4, 2),
  loej: bit(4, 1),
  start: bit(4, 0),
})
const { powerCondition, noFlush, loej, start } = CDB.fields

const START_STOP_UNIT = defineCommand({
  name: 'START STOP UNIT',
  operationCode: 0x1b,
  standard: 'SBC-3',
  cdb: CDB,
  data: 'none',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: startStopUnit,
})

export const START_STOP_UNIT_COMMANDS = [START_STOP_UNIT]

function startStopUnit(command: Command, logicalUnit: LogicalUnit): void {
  switch (readField(command.cdb, powerCondition)) {
    case POWER_CONDITION.START_VALID:
      if (isSet(command.cdb, loej)) checkCondition(command, invalidField(loej))
      else if (isSet(command.cdb, start) || isSet(command.cdb, noFlush)) completeGood(command)
      else stop(command, logicalUnit)
      break
    case POWER_CONDITION.ACTIVE:
    case POWER_CONDITION.LU_CONTROL:
      completeGood(command)
      break
    default:
      checkCondition(command, invalidField(powerCondition))
  }
}

/**
 * IMMED changes nothing: a flush that failed after its status was sent would have no command left to be reported with, and
 * the operating system tells of it only once.
 */
function stop(command: Command, logicalUnit: LogicalUnit): void {
  if (logicalUnit.properties.capabilities.volatileWriteCache) new FlushOperation(command, logicalUnit).start()
  else completeGood(command)
}
