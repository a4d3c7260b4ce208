/**
 * REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4; SPC-3 6.24). The functions are those that a transport can ask of
 * `target.ts`; QUERY TASK and QUERY TASK SET are answered by the transport, which knows its tasks.
 */

import { bit, cdb, invalidField, isSet, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import { bit as dataBit, uint as dataUint, writeFields } from '../pages/parameter-fields.ts'
import { sendParameterData } from '../parameter-data.ts'

const CDB = cdb(12, { repd: bit(2, 7), allocationLength: uint(6, 4) })

/** The basic format has four bytes, the extended one of REPD sixteen, with timeouts that are zero: not specified. */
const BASIC_BYTES = 4
const EXTENDED_BYTES = 16

const FIELDS = {
  ATS: dataBit(0, 7),
  ATSS: dataBit(0, 6),
  CACAS: dataBit(0, 5),
  CTSS: dataBit(0, 4),
  LURS: dataBit(0, 3),
  QTS: dataBit(0, 2),
  TRS: dataBit(0, 1),
  WAKES: dataBit(0, 0),
  QAES: dataBit(1, 2),
  QTSS: dataBit(1, 1),
  ITNRS: dataBit(1, 0),
  ADDITIONAL_DATA_LENGTH: dataUint(3, 1),
} as const

const SUPPORTED = {
  ATS: true,
  ATSS: true,
  CACAS: true,
  CTSS: true,
  LURS: true,
  QTS: true,
  TRS: true,
  QAES: true,
  QTSS: true,
  ITNRS: true,
}

const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = defineCommand({
  name: 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0xa3,
  serviceAction: 0x0d,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  erasureClass: 'always',
  execute: report,
})

export const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS_COMMANDS = [REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS]

function report(command: Command): void {
  const { repd, allocationLength } = CDB.fields
  if (readField(command.cdb, allocationLength) < BASIC_BYTES) {
    checkCondition(command, invalidField(allocationLength))
    return
  }
  const isExtended = isSet(command.cdb, repd)
  const data = Buffer.alloc(isExtended ? EXTENDED_BYTES : BASIC_BYTES)
  writeFields(data, FIELDS, { ...SUPPORTED, ADDITIONAL_DATA_LENGTH: data.length - BASIC_BYTES })
  sendParameterData(command, data)
}
