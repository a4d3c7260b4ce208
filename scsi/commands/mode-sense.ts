/**
 * MODE SENSE (6) and (10) (SPC-4, SPC-3 6.9 and 6.10): the mode pages that PAGE CODE and SUBPAGE CODE ask for, with the
 * values that PC asks for, behind a header and, unless DBD forbids it, a block descriptor.
 */

import { bit, bits, type CdbField, cdb, invalidField, isSet, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { modePagesOf, selectModePages } from '../pages/mode-pages.ts'
import { type BlockDescriptorFormat, modeParameterList6, modeParameterList10 } from '../pages/mode-parameters.ts'
import { sendParameterData } from '../parameter-data.ts'

const PAGE_FIELDS = { dbd: bit(1, 3), pageControl: bits(2, 7, 6), pageCode: bits(2, 5, 0), subpageCode: uint(3, 1) }
const { dbd, pageControl, pageCode, subpageCode } = PAGE_FIELDS

const CDB_6 = cdb(6, { ...PAGE_FIELDS, allocationLength: uint(4, 1) })
const CDB_10 = cdb(10, { ...PAGE_FIELDS, llbaa: bit(1, 4), allocationLength: uint(7, 2) })

const MODE_SENSE_6 = defineCommand({
  name: 'MODE SENSE (6)',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x1a,
  standard: 'SPC-4',
  cdb: CDB_6,
  data: 'in',
  reservationClass: 'read',
  accessClass: 'settings',
  taskClass: 'information',
  execute: (command, logicalUnit, itlNexus) =>
    sendModeParameters(command, logicalUnit, itlNexus, modeParameterList6, 'short'),
})

const MODE_SENSE_10 = defineCommand({
  name: 'MODE SENSE (10)',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x5a,
  standard: 'SPC-4',
  cdb: CDB_10,
  data: 'in',
  reservationClass: 'read',
  accessClass: 'settings',
  taskClass: 'information',
  execute: (command, logicalUnit, itlNexus) =>
    sendModeParameters(
      command,
      logicalUnit,
      itlNexus,
      modeParameterList10,
      isSet(command.cdb, CDB_10.fields.llbaa) ? 'long' : 'short',
    ),
})

export const MODE_SENSE_COMMANDS = [MODE_SENSE_6, MODE_SENSE_10]

type ModeParameterList<Format extends BlockDescriptorFormat> = (
  unit: LogicalUnitProperties,
  format: Format | 'none',
  pages: readonly Buffer[],
) => Buffer

function sendModeParameters<Format extends BlockDescriptorFormat>(
  command: Command,
  { properties, modeSettings }: LogicalUnit,
  itlNexus: ItlNexus,
  modeParameterList: ModeParameterList<Format>,
  format: Format,
): void {
  const code = readField(command.cdb, pageCode)
  const pages = selectModePages(code, readField(command.cdb, subpageCode), modePagesOf(properties))
  if (typeof pages === 'string') {
    checkCondition(command, invalidField(UNKNOWN_PAGE_FIELD[pages]))
    return
  }
  const control = readField(command.cdb, pageControl)
  const data = pages.map((page) => modeSettings.read(page, control))
  // MMC-5 knows no block descriptors.
  const hasNoDescriptor = isSet(command.cdb, dbd) || properties.deviceType === 'cdDvd'
  // WP says what this initiator finds.
  const unit = itlNexus.isReadOnly ? { ...properties, isReadOnly: true } : properties
  sendParameterData(command, modeParameterList(unit, hasNoDescriptor ? 'none' : format, data))
}

const UNKNOWN_PAGE_FIELD: Readonly<Record<'unknownPage' | 'unknownSubpage', CdbField>> = {
  unknownPage: pageCode,
  unknownSubpage: subpageCode,
}
