/**
 * REPORT LUNS (SPC-4; SPC-3 6.21): the logical unit numbers of the target that the command came through. Answered on
 * every LUN, and it settles a pending REPORTED LUNS DATA HAS CHANGED for the nexus and LUN that it came on.
 */

import { cdb, invalidField, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import { LUN_BYTES, writeLun } from '../lun.ts'
import { sendParameterData } from '../parameter-data.ts'
import { SENSE } from '../sense-codes.ts'

const CDB = cdb(12, { selectReport: uint(2, 1), allocationLength: uint(6, 4) })
const { selectReport } = CDB.fields

/** Which logical units are asked for (SPC-3 table 147). There are no well known ones here. */
const SELECT_REPORT = { ADDRESSABLE: 0x00, WELL_KNOWN: 0x01, ALL: 0x02 } as const

const HEADER_BYTES = 8

const REPORT_LUNS = defineCommand({
  name: 'REPORT LUNS',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0xa0,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'in',
  reservationClass: 'exempt',
  taskClass: 'information',
  execute: (command, _logicalUnit, itlNexus) => executeReportLuns(command, itlNexus),
  executeAbsent: executeReportLuns,
})

export const REPORT_LUNS_COMMANDS = [REPORT_LUNS]

function executeReportLuns(command: Command, itlNexus: ItlNexus): void {
  const luns = lunsToReport(readField(command.cdb, selectReport), itlNexus)
  if (luns === null) {
    checkCondition(command, invalidField(selectReport))
  } else {
    itlNexus.unitAttentions.clear(SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
    sendParameterData(command, encodeLunList(luns))
  }
}

/** Those that the nexus sees. LUN 0 is always listed: it is where initiators ask, and it answers even when nothing is mapped there. */
function lunsToReport(select: number, itlNexus: ItlNexus): readonly number[] | null {
  switch (select) {
    case SELECT_REPORT.ADDRESSABLE:
    case SELECT_REPORT.ALL: {
      const luns = itlNexus.target.logicalUnitNumbersOf(itlNexus.nexus)
      return luns[0] === 0 ? luns : [0, ...luns]
    }
    case SELECT_REPORT.WELL_KNOWN:
      return []
    default:
      return null
  }
}

function encodeLunList(luns: readonly number[]): Buffer {
  const data = Buffer.alloc(HEADER_BYTES + luns.length * LUN_BYTES)
  data.writeUInt32BE(luns.length * LUN_BYTES, 0)
  luns.forEach((lun, i) => {
    writeLun(lun, data, HEADER_BYTES + i * LUN_BYTES)
  })
  return data
}
