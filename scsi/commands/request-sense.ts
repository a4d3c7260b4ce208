/**
 * REQUEST SENSE (SPC-4, SPC-3 6.27): sense data as parameter data, with GOOD status. Errors are reported with the command
 * that met them, so what can be waiting here is a unit attention, which is then no longer pending; without one, how far a
 * format or sanitize operation is, a missing medium, a test device failure that is reported on request, or the power
 * condition.
 */

import { bit, cdb, isSet, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { EXCEPTION_REPORTING } from '../pages/mode-pages.ts'
import { sendParameterData } from '../parameter-data.ts'
import { encodeSense, type SenseData, senseOf } from '../sense.ts'
import { SENSE, SENSE_KEY, type SenseCondition } from '../sense-codes.ts'

const CDB = cdb(6, { desc: bit(1, 0), allocationLength: uint(4, 1) })

const REQUEST_SENSE = defineCommand({
  name: 'REQUEST SENSE',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x03,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'exempt',
  taskClass: 'information',
  execute: (command, logicalUnit, itlNexus) => {
    const unitAttention = itlNexus.takeUnitAttention(command)
    if (unitAttention !== null) sendSenseData(command, senseOf(unitAttention))
    else sendSenseData(command, logicalUnit.erasure.refusal ?? senseOf(conditionOf(logicalUnit)))
  },
  executeAbsent: (command) => sendSenseData(command, senseOf(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)),
})

export const REQUEST_SENSE_COMMANDS = [REQUEST_SENSE]

const TESTED_FAILURE: SenseCondition = {
  ...SENSE.FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE,
  key: SENSE_KEY.NO_SENSE,
}

function conditionOf({ medium, modeSettings, powerCondition }: LogicalUnit): SenseCondition {
  const { isFailureTested, exceptionReporting } = modeSettings
  if (medium.isAbsent) return medium.refusal
  if (isFailureTested && exceptionReporting === EXCEPTION_REPORTING.ON_REQUEST) return TESTED_FAILURE
  return powerCondition.sense
}

function sendSenseData(command: Command, sense: SenseData): void {
  const format = isSet(command.cdb, CDB.fields.desc) ? 'descriptor' : 'fixed'
  sendParameterData(command, encodeSense(sense, format))
}
