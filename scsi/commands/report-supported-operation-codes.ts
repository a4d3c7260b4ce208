/**
 * REPORT SUPPORTED OPERATION CODES (SPC-4; SPC-3 6.23): the command table, as an initiator may ask for it.
 * Nothing here is stated twice; all of it is read from the rows.
 */

import { bit, bits, cdb, invalidField, isSet, readField, uint, VARIABLE_LENGTH } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { type CommandDefinition, cdbUsageData, defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import { sendParameterData } from '../parameter-data.ts'
import type { SenseData } from '../sense.ts'

const CDB = cdb(12, {
  rctd: bit(2, 7),
  reportingOptions: bits(2, 2, 0),
  requestedOperationCode: uint(3, 1),
  requestedServiceAction: uint(4, 2),
  allocationLength: uint(6, 4),
})
const { rctd, reportingOptions, requestedOperationCode, requestedServiceAction } = CDB.fields

/** SPC-4; SPC-3 table 154 lacks the last. */
const REPORTING_OPTIONS = {
  ALL_COMMANDS: 0b000,
  OPERATION_CODE: 0b001,
  SERVICE_ACTION: 0b010,
  OPERATION_CODE_OR_SERVICE_ACTION: 0b011,
} as const

/** SUPPORT field (SPC-3 table 158). */
const SUPPORT = { NOT_SUPPORTED: 0b001, AS_STANDARD: 0b011 } as const

/** The row, and the commands that it and its siblings describe: all rows of the table, by the time it is asked. */
export function reportSupportedOperationCodes(rows: () => readonly CommandDefinition[]): CommandDefinition {
  return defineCommand({
    name: 'REPORT SUPPORTED OPERATION CODES',
    deviceTypes: EVERY_DEVICE_TYPE,
    operationCode: 0xa3,
    serviceAction: 0x0c,
    standard: 'SPC-4',
    cdb: CDB,
    data: 'in',
    reservationClass: 'read',
    taskClass: 'information',
    erasureClass: 'always',
    execute: (command, { properties }) =>
      execute(
        command,
        rows().filter((row) => row.isSupportedBy(properties)),
      ),
  })
}

function execute(command: Command, rows: readonly CommandDefinition[]): void {
  const withTimeouts = isSet(command.cdb, rctd)
  const option = readField(command.cdb, reportingOptions)
  if (option === REPORTING_OPTIONS.ALL_COMMANDS) {
    sendParameterData(command, allCommands(rows, withTimeouts))
    return
  }
  const operationCode = readField(command.cdb, requestedOperationCode)
  const serviceAction = readField(command.cdb, requestedServiceAction)
  const siblings = rows.filter((row) => row.operationCode === operationCode)
  const refusal = checkOption(option, siblings)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  const row = siblings.find((candidate) => (candidate.serviceAction ?? 0) === (option === 1 ? 0 : serviceAction))
  sendParameterData(command, oneCommand(row ?? null, withTimeouts))
}

/** The option must fit whether the operation code has service actions; one that we do not know fits any option. */
function checkOption(option: number, siblings: readonly CommandDefinition[]): SenseData | null {
  const hasServiceActions = siblings.some((row) => row.serviceAction !== null)
  switch (option) {
    case REPORTING_OPTIONS.OPERATION_CODE:
      return hasServiceActions ? invalidField(requestedOperationCode) : null
    case REPORTING_OPTIONS.SERVICE_ACTION:
      return siblings.length > 0 && !hasServiceActions ? invalidField(requestedOperationCode) : null
    case REPORTING_OPTIONS.OPERATION_CODE_OR_SERVICE_ACTION:
      return null
    default:
      return invalidField(reportingOptions)
  }
}

/**
 * all_commands parameter data (SPC-3 table 155), without the CDBs of variable length: initiators (libiscsi for one) go
 * through the list asking for the usage map of each command, and have room for 16 bytes. Asked for by its service action,
 * a command of 32 bytes is answered in full.
 */
function allCommands(rows: readonly CommandDefinition[], withTimeouts: boolean): Buffer {
  const listed = rows.filter((row) => row.operationCode !== VARIABLE_LENGTH.operationCode)
  const descriptors = listed.map((row) => commandDescriptor(row, withTimeouts))
  const header = Buffer.alloc(4)
  const data = Buffer.concat([header, ...descriptors])
  data.writeUInt32BE(data.length - header.length, 0)
  return data
}

/** Command descriptor (SPC-3 table 156, to which SPC-4 adds CTDP). */
function commandDescriptor(row: CommandDefinition, withTimeouts: boolean): Buffer {
  const CTDP = 0x02
  const SERVACTV = 0x01
  const descriptor = Buffer.alloc(8)
  descriptor[0] = row.operationCode
  descriptor.writeUInt16BE(row.serviceAction ?? 0, 2)
  descriptor[5] = (withTimeouts ? CTDP : 0) | (row.serviceAction === null ? 0 : SERVACTV)
  descriptor.writeUInt16BE(row.cdb.lengthBytes, 6)
  return withTimeouts ? Buffer.concat([descriptor, timeoutsDescriptor()]) : descriptor
}

/** one_command parameter data (SPC-3 table 157); `row` is null for a command that is not supported. */
function oneCommand(row: CommandDefinition | null, withTimeouts: boolean): Buffer {
  const CTDP = 0x80
  const header = Buffer.alloc(4)
  if (row === null) {
    header[1] = SUPPORT.NOT_SUPPORTED
    return header
  }
  const usage = cdbUsageData(row)
  header[1] = SUPPORT.AS_STANDARD | (withTimeouts ? CTDP : 0)
  header.writeUInt16BE(usage.length, 2)
  return Buffer.concat(withTimeouts ? [header, usage, timeoutsDescriptor()] : [header, usage])
}

/** Command timeouts descriptor (SPC-4) with zero in both timeouts, which says that none is specified. */
function timeoutsDescriptor(): Buffer {
  const LENGTH_BYTES = 12
  const descriptor = Buffer.alloc(LENGTH_BYTES)
  descriptor.writeUInt16BE(LENGTH_BYTES - 2, 0)
  return descriptor
}
