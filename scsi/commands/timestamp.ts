/**
 * REPORT TIMESTAMP and SET TIMESTAMP (SPC-4; SPC-3 6.26 and 6.32). The Control Extension mode page allows both.
 */

import { cdb, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { defineCommand } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { sendParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

/** Both ways the data has twelve bytes with the timestamp in the same six (SPC-3 tables 168 and 182). */
const DATA_BYTES = 12
const TIMESTAMP = { byte: 4, byteCount: 6 } as const
const ORIGIN_BYTE = 2
/** A timestamp whose highest byte is above this one is refused. */
const TIMESTAMP_HIGH_BYTE_MAX = 0xf0

const REPORT_TIMESTAMP = defineCommand({
  name: 'REPORT TIMESTAMP',
  operationCode: 0xa3,
  serviceAction: 0x0f,
  standard: 'SPC-4',
  cdb: cdb(12, { allocationLength: uint(6, 4) }),
  data: 'in',
  reservationClass: 'status',
  taskClass: 'information',
  execute: reportTimestamp,
})

const SET_TIMESTAMP = defineCommand({
  name: 'SET TIMESTAMP',
  operationCode: 0xa4,
  serviceAction: 0x0f,
  standard: 'SPC-4',
  cdb: cdb(12, { parameterListLength: uint(6, 4) }),
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: (command, logicalUnit, itlNexus) =>
    receiveParameterList(command, logicalUnit, (list) => setTimestamp(logicalUnit, itlNexus, list)),
})

export const TIMESTAMP_COMMANDS = [REPORT_TIMESTAMP, SET_TIMESTAMP]

function reportTimestamp(command: Command, { clock }: LogicalUnit): void {
  const data = Buffer.alloc(DATA_BYTES)
  data.writeUInt16BE(DATA_BYTES - 2, 0)
  data[ORIGIN_BYTE] = clock.origin
  data.writeUIntBE(clock.timestampMs % 2 ** 48, TIMESTAMP.byte, TIMESTAMP.byteCount)
  sendParameterData(command, data)
}

function setTimestamp(logicalUnit: LogicalUnit, itlNexus: ItlNexus, list: Buffer): SenseData | null {
  if (list.length < DATA_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (list[TIMESTAMP.byte]! > TIMESTAMP_HIGH_BYTE_MAX) return invalidFieldInParameterList(TIMESTAMP.byte)
  logicalUnit.clock.set(list.readUIntBE(TIMESTAMP.byte, TIMESTAMP.byteCount))
  logicalUnit.establishUnitAttention(SENSE.TIMESTAMP_CHANGED, itlNexus)
  return null
}
