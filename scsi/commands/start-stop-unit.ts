/**
 * START STOP UNIT (SBC-3). A disk in a file has nothing to spin down, and one initiator's stop must not take it away from
 * the others: stopping it writes its cache to the medium, as every stop has to, and leaves it ready. Power conditions are
 * entered and reported. A removable medium is loaded and ejected; where there is none, requests for that are refused.
 * Devices with removable media come under standards with power conditions of their own (SLEEP of MMC-5 is one), and
 * hosts ask any of them for it: there a code that SBC-3 reserves is accepted and changes nothing.
 */

import { bit, bits, cdb, invalidField, isSet, readField } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood, endAborted } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { POWER_CONDITIONS, type PowerConditionName } from '../power-condition.ts'
import type { EjectOutcome } from '../removable-medium.ts'
import { senseOfBackingError } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { FlushOperation } from './synchronize-cache.ts'

/** POWER CONDITION: those that name conditions, and which POWER CONDITION MODIFIER tells apart. */
const CONDITIONS: Readonly<Record<number, readonly PowerConditionName[]>> = {
  /** ACTIVE */
  1: ['active'],
  /** IDLE */
  2: ['idle_a', 'idle_b', 'idle_c'],
  /** STANDBY */
  3: ['standby_z', 'standby_y'],
  /** LU_CONTROL: the logical unit manages its power condition itself, and is active. */
  7: ['active'],
  /** FORCE_IDLE_0 */
  10: ['idle_a', 'idle_b', 'idle_c'],
  /** FORCE_STANDBY_0 */
  11: ['standby_z', 'standby_y'],
}

/** POWER CONDITION: START and LOEJ say what to do. */
const START_VALID = 0

const CDB = cdb(6, {
  immed: bit(1, 0),
  powerConditionModifier: bits(3, 3, 0),
  powerCondition: bits(4, 7, 4),
  noFlush: bit(4, 2),
  loej: bit(4, 1),
  start: bit(4, 0),
})
const { powerCondition, powerConditionModifier, noFlush, loej, start } = CDB.fields

const START_STOP_UNIT = defineCommand({
  name: 'START STOP UNIT',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x1b,
  standard: 'SBC-3',
  cdb: CDB,
  data: 'none',
  // Starting takes nothing away from whoever holds a reservation (SBC-4 4.17).
  reservationClass: (cdbBytes) =>
    isSet(cdbBytes, start) && readField(cdbBytes, powerCondition) === START_VALID ? 'status' : 'configuration',
  taskClass: 'configuration',
  execute: startStopUnit,
})

export const START_STOP_UNIT_COMMANDS = [START_STOP_UNIT]

function startStopUnit(command: Command, logicalUnit: LogicalUnit): void {
  const requested = readField(command.cdb, powerCondition)
  const modifier = readField(command.cdb, powerConditionModifier)
  if (requested === START_VALID) {
    if (modifier !== 0) checkCondition(command, invalidField(powerConditionModifier))
    else startOrStop(command, logicalUnit)
    return
  }
  const conditions = CONDITIONS[requested]
  const condition = conditions?.find((name) => POWER_CONDITIONS[name].modifier === modifier)
  if (conditions === undefined) {
    if (logicalUnit.properties.isRemovable) completeGood(command)
    else checkCondition(command, invalidField(powerCondition))
  } else if (condition === undefined) {
    checkCondition(command, invalidField(powerConditionModifier))
  } else {
    logicalUnit.powerCondition.enter(condition)
    if (condition.startsWith('standby')) flushUnlessForbidden(command, logicalUnit)
    else completeGood(command)
  }
}

function startOrStop(command: Command, logicalUnit: LogicalUnit): void {
  const { medium, properties } = logicalUnit
  const isStart = isSet(command.cdb, start)
  if (isSet(command.cdb, loej) && !properties.isRemovable) {
    checkCondition(command, invalidField(loej))
    return
  }
  logicalUnit.powerCondition.enter('active')
  if (isSet(command.cdb, loej) && !isStart) {
    eject(command, logicalUnit)
    return
  }
  if (isStart) {
    const mustClose = isSet(command.cdb, loej) && medium.isTrayOpen
    // A tray that is locked does not move, in either direction.
    if (mustClose && medium.isRemovalPrevented) {
      checkCondition(command, SENSE.MEDIUM_REMOVAL_PREVENTED)
      return
    }
    if (mustClose) medium.load(command.itlNexus)
    if (medium.isAbsent) checkCondition(command, medium.refusal)
    else completeGood(command)
    return
  }
  logicalUnit.statistics.startStopCycles++
  flushUnlessForbidden(command, logicalUnit)
}

/**
 * An eject that has begun does not need the command and goes on when that is aborted: it may wait for commands that an auto
 * contingent allegiance blocks, and CLEAR ACA aborts the command first.
 */
function eject(command: Command, { medium }: LogicalUnit): void {
  command.operation = { abort: () => endAborted(command) }
  medium.eject(command, false, (outcome: EjectOutcome) => {
    if (command.isAborted) return
    if (outcome === 'ejected') completeGood(command)
    else if (outcome === 'prevented') checkCondition(command, SENSE.MEDIUM_REMOVAL_PREVENTED)
    else checkCondition(command, senseOfBackingError(outcome, 'write'))
  })
}

/**
 * IMMED changes nothing: a flush that failed after its status was sent would have no command left to be reported with, and
 * the operating system tells of it only once.
 */
function flushUnlessForbidden(command: Command, logicalUnit: LogicalUnit): void {
  const hasCache = logicalUnit.properties.capabilities.volatileWriteCache
  if (hasCache && !isSet(command.cdb, noFlush)) new FlushOperation(command, logicalUnit).start()
  else completeGood(command)
}
