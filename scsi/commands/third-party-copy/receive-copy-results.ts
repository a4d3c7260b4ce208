/**
 * What became of copy operations (SPC-4; SPC-3 6.17 has the LID1 forms as service actions of RECEIVE COPY RESULTS), and
 * what the copy manager can do: RECEIVE COPY STATUS (LID1) and (LID4), RECEIVE COPY DATA (LID1), RECEIVE COPY OPERATING
 * PARAMETERS, RECEIVE COPY FAILURE DETAILS (LID1), RECEIVE ROD TOKEN INFORMATION, REPORT ALL ROD TOKENS. An outcome that
 * was fetched whole is forgotten.
 */

import { type CdbField, cdb, invalidField, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import {
  COPY_OPERATIONS_PER_NEXUS_MAX,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  SEGMENT_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
  STATUS_UPDATE_DELAY_MS,
} from '../../copy/copy-limits.ts'
import type { CopyOperationState } from '../../copy/copy-operations.ts'
import { THIRD_PARTY_COPY_IN, THIRD_PARTY_COPY_OUT } from '../../copy/copy-service-actions.ts'
import { IDENTIFICATION_CSCD } from '../../copy/cscd-descriptor.ts'
import { ROD_MANAGEMENT_TOKEN_BYTES, ROD_TOKEN_BYTES } from '../../copy/rod-token.ts'
import { SEGMENT_TYPE } from '../../copy/segment-descriptor.ts'
import { type CommandDefinition, defineCommand, type ExecuteCommand } from '../../define-command.ts'
import type { ItlNexus } from '../../itl-nexus.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { encodeSense } from '../../sense.ts'

const LID1_CDB = cdb(16, { listIdentifier: uint(2, 1), allocationLength: uint(10, 4) })
const LID4_CDB = cdb(16, { listIdentifier: uint(2, 4), allocationLength: uint(10, 4) })
const PLAIN_CDB = cdb(16, { allocationLength: uint(10, 4) })

const IN = THIRD_PARTY_COPY_IN.serviceActions

/** AVAILABLE DATA counts the bytes behind itself. */
const AVAILABLE_DATA_BYTES = 4

function receiveCommand(
  name: string,
  serviceAction: number,
  layout: CommandDefinition['cdb'],
  execute: ExecuteCommand,
): CommandDefinition {
  return defineCommand({
    name,
    operationCode: THIRD_PARTY_COPY_IN.operationCode,
    serviceAction,
    standard: 'SPC-4',
    cdb: layout,
    data: 'in',
    reservationClass: 'status',
    taskClass: 'information',
    execute,
  })
}

export const RECEIVE_COPY_COMMANDS: readonly CommandDefinition[] = [
  receiveCommand(
    'RECEIVE COPY STATUS (LID1)',
    IN.RECEIVE_COPY_STATUS_LID1,
    LID1_CDB,
    receiving(LID1_CDB.fields.listIdentifier, statusLid1),
  ),
  receiveCommand(
    'RECEIVE COPY DATA (LID1)',
    IN.RECEIVE_COPY_DATA_LID1,
    LID1_CDB,
    receiving(LID1_CDB.fields.listIdentifier, heldData),
  ),
  receiveCommand('RECEIVE COPY OPERATING PARAMETERS', IN.RECEIVE_COPY_OPERATING_PARAMETERS, PLAIN_CDB, (command) =>
    sendParameterData(command, operatingParameters()),
  ),
  receiveCommand(
    'RECEIVE COPY FAILURE DETAILS (LID1)',
    IN.RECEIVE_COPY_FAILURE_DETAILS_LID1,
    LID1_CDB,
    receiving(LID1_CDB.fields.listIdentifier, failureDetails),
  ),
  receiveCommand(
    'RECEIVE COPY STATUS (LID4)',
    IN.RECEIVE_COPY_STATUS_LID4,
    LID4_CDB,
    receiving(LID4_CDB.fields.listIdentifier, statusLid4),
  ),
  receiveCommand(
    'RECEIVE ROD TOKEN INFORMATION',
    IN.RECEIVE_ROD_TOKEN_INFORMATION,
    LID4_CDB,
    receiving(LID4_CDB.fields.listIdentifier, rodTokenInformation),
  ),
  receiveCommand('REPORT ALL ROD TOKENS', IN.REPORT_ALL_ROD_TOKENS, PLAIN_CDB, (command, logicalUnit) =>
    sendParameterData(command, allRodTokens(logicalUnit)),
  ),
]

/** The parameter data about an operation; null refuses the list identifier. */
type Report = (operation: CopyOperationState, logicalUnit: LogicalUnit) => Buffer | null

/** A handler that reports on the operation that the CDB names. */
function receiving(listIdentifierField: CdbField, report: Report): ExecuteCommand {
  return (command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus) => {
    const listIdentifier = readField(command.cdb, listIdentifierField)
    const operations = logicalUnit.copies.operationsOf(itlNexus)
    const operation = operations.find(listIdentifier)
    const data = operation === null ? null : report(operation, logicalUnit)
    if (operation === null || data === null) {
      checkCondition(command, invalidField(listIdentifierField))
      return
    }
    operation.lookCount = (operation.lookCount + 1) % 0x10000
    const takenBytes = Math.min(
      readField(command.cdb, command.definition!.cdb.allocationLength!),
      command.dataInCapacityBytes,
    )
    if (operation.status !== 'running' && takenBytes >= data.length) operations.forget(listIdentifier)
    sendParameterData(command, data)
  }
}

/** COPY MANAGER STATUS (SPC-3 6.17.2). */
const STATUS_LID1 = { running: 0x00, completed: 0x01, failed: 0x02, terminated: 0x02 } as const

function statusLid1(operation: CopyOperationState): Buffer {
  const data = Buffer.alloc(12)
  writeAvailableData(data)
  data[4] = STATUS_LID1[operation.status]
  data.writeUInt16BE(operation.segmentsProcessed, 5)
  // TRANSFER COUNT has 32 bits: the smallest unit in which it fits, each 1024 times the one before.
  const BYTES = 0
  let units = BYTES
  let count = operation.transferredBytes
  for (; count > 0xffffffff; units++) count = Math.floor(count / 1024)
  data[7] = units
  data.writeUInt32BE(count, 8)
  return data
}

/** No supported segment holds data for the application client. */
function heldData(operation: CopyOperationState): Buffer | null {
  return operation.status === 'running' ? null : Buffer.alloc(AVAILABLE_DATA_BYTES)
}

/** RECEIVE COPY FAILURE DETAILS (SPC-3 6.17.5): of a copy that did not fail there are none. */
function failureDetails(operation: CopyOperationState, logicalUnit: LogicalUnit): Buffer | null {
  if (operation.status === 'running') return null
  if (operation.sense === null) return Buffer.alloc(AVAILABLE_DATA_BYTES)
  const sense = encodedSense(operation, logicalUnit)
  const header = Buffer.alloc(60)
  header[56] = STATUS_LID1[operation.status]
  header.writeUInt16BE(sense.length, 58)
  return writeAvailableData(Buffer.concat([header, sense]))
}

/** COPY OPERATION STATUS (SPC-4) of an operation that has ended. */
const ENDED_STATUS_LID4 = { completed: 0x01, failed: 0x02, terminated: 0x60 } as const
const RUNNING_STATUS_LID4 = { foreground: 0x11, background: 0x12 } as const
/** TRANSFER COUNT UNITS (SPC-4). */
const TRANSFER_COUNT_UNITS = { BYTES: 0x00, LOGICAL_BLOCKS: 0xf1 } as const
/** ESTIMATED STATUS UPDATE DELAY of what does not change any more. */
const NO_UPDATE = 0xffffffff

function statusLid4(operation: CopyOperationState, logicalUnit: LogicalUnit): Buffer {
  const { BYTES } = TRANSFER_COUNT_UNITS
  return writeAvailableData(copyStatus(operation, logicalUnit, BYTES, operation.transferredBytes))
}

/** The part that RECEIVE COPY STATUS (LID4) and RECEIVE ROD TOKEN INFORMATION have in common. */
function copyStatus(operation: CopyOperationState, logicalUnit: LogicalUnit, units: number, count: number): Buffer {
  const { status, isForeground } = operation
  const sense = encodedSense(operation, logicalUnit)
  const header = Buffer.alloc(32)
  header[4] = operation.serviceAction
  header[5] =
    status === 'running' ? RUNNING_STATUS_LID4[isForeground ? 'foreground' : 'background'] : ENDED_STATUS_LID4[status]
  header.writeUInt16BE(operation.lookCount, 6)
  header.writeUInt32BE(status === 'running' ? STATUS_UPDATE_DELAY_MS : NO_UPDATE, 8)
  header[13] = sense.length
  header[14] = sense.length
  header[15] = units
  header.writeBigUInt64BE(BigInt(count), 16)
  header.writeUInt16BE(operation.segmentsProcessed, 24)
  return Buffer.concat([header, sense])
}

const { POPULATE_TOKEN, WRITE_USING_TOKEN } = THIRD_PARTY_COPY_OUT.serviceActions
const TOKEN_SERVICE_ACTIONS: readonly number[] = [POPULATE_TOKEN, WRITE_USING_TOKEN]

/** RECEIVE ROD TOKEN INFORMATION (SPC-4, SBC-4): about POPULATE TOKEN and WRITE USING TOKEN only. */
function rodTokenInformation(operation: CopyOperationState, logicalUnit: LogicalUnit): Buffer | null {
  if (!TOKEN_SERVICE_ACTIONS.includes(operation.serviceAction)) return null
  const { blockLengthBytes } = logicalUnit.properties
  const blocks = operation.transferredBytes / blockLengthBytes
  const status = copyStatus(operation, logicalUnit, TRANSFER_COUNT_UNITS.LOGICAL_BLOCKS, blocks)
  return writeAvailableData(Buffer.concat([status, rodTokenDescriptors(operation)]))
}

/** ROD TOKEN DESCRIPTORS LENGTH, and a descriptor of two reserved bytes and the token if there is one. */
function rodTokenDescriptors({ token }: CopyOperationState): Buffer {
  const LENGTH_BYTES = 4
  if (token === null) return Buffer.alloc(LENGTH_BYTES)
  const descriptors = Buffer.alloc(LENGTH_BYTES + 2 + ROD_TOKEN_BYTES)
  descriptors.writeUInt32BE(2 + ROD_TOKEN_BYTES, 0)
  token.bytes.copy(descriptors, LENGTH_BYTES + 2)
  return descriptors
}

/** REPORT ALL ROD TOKENS (SPC-4): those that represent blocks of this logical unit. */
function allRodTokens(logicalUnit: LogicalUnit): Buffer {
  const tokens = logicalUnit.copies.manager.tokensOf(logicalUnit)
  const managementTokens = tokens.map(({ bytes }) => bytes.subarray(0, ROD_MANAGEMENT_TOKEN_BYTES))
  return writeAvailableData(Buffer.concat([Buffer.alloc(8), ...managementTokens]))
}

/** RECEIVE COPY OPERATING PARAMETERS (SPC-4; SPC-3 6.17.4). */
function operatingParameters(): Buffer {
  const SNLID = 0x01
  const descriptorTypes = Buffer.from([...Object.values(SEGMENT_TYPE), IDENTIFICATION_CSCD])
  const data = Buffer.alloc(44 + descriptorTypes.length)
  data[4] = SNLID
  data.writeUInt16BE(CSCD_DESCRIPTORS_MAX, 8)
  data.writeUInt16BE(SEGMENT_DESCRIPTORS_MAX, 10)
  data.writeUInt32BE(DESCRIPTOR_LIST_BYTES_MAX, 12)
  data.writeUInt32BE(SEGMENT_BYTES_MAX, 16)
  data.writeUInt16BE(COPY_OPERATIONS_PER_NEXUS_MAX, 34)
  data[36] = COPY_OPERATIONS_PER_NEXUS_MAX
  data[43] = descriptorTypes.length
  descriptorTypes.copy(data, 44)
  return writeAvailableData(data)
}

function encodedSense({ sense }: CopyOperationState, logicalUnit: LogicalUnit): Buffer {
  return sense === null ? Buffer.alloc(0) : encodeSense(sense, logicalUnit.modeSettings.senseFormat)
}

function writeAvailableData(data: Buffer): Buffer {
  data.writeUInt32BE(data.length - AVAILABLE_DATA_BYTES, 0)
  return data
}
