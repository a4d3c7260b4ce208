/**
 * REQUEST SENSE (SPC-4, SPC-3 6.27): sense data as parameter data, with GOOD status. Errors are reported with the command
 * that met them, so what can be waiting here is a unit attention,
 * which is then no longer pending; without one, a missing medium, how far a format or sanitize operation is, or the power
 * condition.
 */

import { bit, cdb, isSet, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import { sendParameterData } from '../parameter-data.ts'
import { encodeSense, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

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
  execute: (command, { erasure, medium, powerCondition }, itlNexus) => {
    const unitAttention = itlNexus.takeUnitAttention(command)
    const condition = medium.isAbsent ? medium.refusal : powerCondition.sense
    if (unitAttention !== null) sendSenseData(command, senseOf(unitAttention))
    else sendSenseData(command, erasure.refusal ?? senseOf(condition))
  },
  executeAbsent: (command) => sendSenseData(command, senseOf(SENSE.LOGICAL_UNIT_NOT_SUPPORTED)),
})

export const REQUEST_SENSE_COMMANDS = [REQUEST_SENSE]

function sendSenseData(command: Command, sense: SenseData): void {
  const format = isSet(command.cdb, CDB.fields.desc) ? 'descriptor' : 'fixed'
  sendParameterData(command, encodeSense(sense, format))
}
