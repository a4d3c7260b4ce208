/**
 * INQUIRY (SPC-4, SPC-3 6.4): standard data or a vital product data page. Answered whatever the state of the logical unit
 * is, and also where none is mapped: that is how initiators learn that a logical unit number is empty.
 */

import { bit, cdb, invalidField, isSet, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import { absentUnitInquiryData, standardInquiryData } from '../pages/standard-inquiry-data.ts'
import { absentUnitVpdPage, QUALIFIER_NOT_CONNECTED, vpdPage } from '../pages/vpd-pages.ts'
import { sendParameterData } from '../parameter-data.ts'

const CDB = cdb(6, {
  cmdDt: unsupported(1, 1, 1),
  evpd: bit(1, 0),
  pageCode: uint(2, 1),
  allocationLength: uint(3, 2),
})
const { evpd, pageCode } = CDB.fields

const INQUIRY = defineCommand({
  name: 'INQUIRY',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x12,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'exempt',
  taskClass: 'information',
  execute: (command, { properties }, { access, target }) =>
    sendInquiryData(
      command,
      () => standardInquiryData(properties, command.nexus, target.targetPorts().length),
      (code) => vpdPage(code, properties, command.nexus, target.targetPorts()),
      access.isDisconnected ? QUALIFIER_NOT_CONNECTED : 0,
    ),
  executeAbsent: (command) => sendInquiryData(command, () => absentUnitInquiryData(command.nexus), absentUnitVpdPage),
})

export const INQUIRY_COMMANDS = [INQUIRY]

function sendInquiryData(
  command: Command,
  standardData: () => Buffer,
  vpdPageOf: (pageCode: number) => Buffer | null,
  qualifier = 0,
): void {
  const code = readField(command.cdb, pageCode)
  const data = isSet(command.cdb, evpd) ? vpdPageOf(code) : code === 0 ? standardData() : null
  if (data === null) {
    checkCondition(command, invalidField(pageCode))
  } else {
    data[0]! |= qualifier
    sendParameterData(command, data)
  }
}
