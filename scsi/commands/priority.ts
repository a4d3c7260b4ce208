/**
 * REPORT PRIORITY and SET PRIORITY (SPC-4; SPC-3 6.22 and 6.30): the priority of commands that state none themselves, by
 * the nexus that they come through.
 */

import { bits, cdb, invalidField, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { Nexus } from '../nexus.ts'
import { sendParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { decodeTransportIds, encodeTransportId, type TransportId } from '../transport-id.ts'

/** PRIORITY REPORTED (SPC-3 table 150). */
const PRIORITY_REPORTED = { THIS_NEXUS: 0b00, ALL_THAT_WERE_SET: 0b01 } as const
/** I_T_L NEXUS TO SET (SPC-3 table 175). */
const NEXUS_TO_SET = { THIS_NEXUS: 0b00, NAMED_NEXUS: 0b01, ALL_TO_INITIAL: 0b10 } as const

/** What comes before the TransportID, in the parameter list and in a descriptor (SPC-3 tables 152 and 176). */
const PRIORITY_BYTE = { byte: 0, mask: 0x0f }
const RELATIVE_TARGET_PORT_AT = 2
const ADDITIONAL_LENGTH_AT = 6
const TRANSPORT_ID_AT = 8

const REPORT_CDB = cdb(12, { priorityReported: bits(2, 7, 6), allocationLength: uint(6, 4) })
const SET_CDB = cdb(12, { itlNexusToSet: bits(2, 7, 6), parameterListLength: uint(6, 4) })

const REPORT_PRIORITY = defineCommand({
  name: 'REPORT PRIORITY',
  operationCode: 0xa3,
  serviceAction: 0x0e,
  standard: 'SPC-4',
  cdb: REPORT_CDB,
  data: 'in',
  reservationClass: 'status',
  taskClass: 'information',
  execute: reportPriority,
})

const SET_PRIORITY = defineCommand({
  name: 'SET PRIORITY',
  operationCode: 0xa4,
  serviceAction: 0x0e,
  standard: 'SPC-4',
  cdb: SET_CDB,
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: setPriority,
})

export const PRIORITY_COMMANDS = [REPORT_PRIORITY, SET_PRIORITY]

function reportPriority(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  const field = REPORT_CDB.fields.priorityReported
  switch (readField(command.cdb, field)) {
    case PRIORITY_REPORTED.THIS_NEXUS:
      sendParameterData(command, priorityData(logicalUnit, [itlNexus]))
      break
    case PRIORITY_REPORTED.ALL_THAT_WERE_SET:
      sendParameterData(
        command,
        priorityData(
          logicalUnit,
          [...logicalUnit.itlNexuses].filter(({ nexus }) => logicalUnit.assignedPriorities.of(nexus) !== 0),
        ),
      )
      break
    default:
      checkCondition(command, invalidField(field))
  }
}

function priorityData({ assignedPriorities }: LogicalUnit, itlNexuses: readonly ItlNexus[]): Buffer {
  const descriptors = itlNexuses.map(({ nexus }) => priorityDescriptor(nexus, assignedPriorities.of(nexus)))
  const data = Buffer.concat([Buffer.alloc(4), ...descriptors])
  data.writeUInt32BE(data.length - 4, 0)
  return data
}

function priorityDescriptor(nexus: Nexus, priority: number): Buffer {
  const header = Buffer.alloc(TRANSPORT_ID_AT)
  const transportId = encodeTransportId(nexus.initiatorPortName)
  header[PRIORITY_BYTE.byte] = priority
  header.writeUInt16BE(nexus.relativeTargetPort, RELATIVE_TARGET_PORT_AT)
  header.writeUInt16BE(transportId.length, ADDITIONAL_LENGTH_AT)
  return Buffer.concat([header, transportId])
}

function setPriority(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  const { itlNexusToSet, parameterListLength } = SET_CDB.fields
  const which = readField(command.cdb, itlNexusToSet)
  switch (which) {
    case NEXUS_TO_SET.ALL_TO_INITIAL:
      logicalUnit.assignedPriorities.clear()
      logicalUnit.establishUnitAttention(SENSE.PRIORITY_CHANGED, itlNexus)
      receiveParameterList(command, logicalUnit, () => null)
      break
    case NEXUS_TO_SET.THIS_NEXUS:
    case NEXUS_TO_SET.NAMED_NEXUS:
      if (readField(command.cdb, parameterListLength) === 0) {
        checkCondition(command, SENSE.PARAMETER_LIST_LENGTH_ERROR)
        return
      }
      receiveParameterList(command, logicalUnit, (list) =>
        which === NEXUS_TO_SET.THIS_NEXUS
          ? setOwnPriority(logicalUnit, itlNexus, list)
          : setNamedPriority(logicalUnit, list),
      )
      break
    default:
      checkCondition(command, invalidField(itlNexusToSet))
  }
}

function setOwnPriority({ assignedPriorities }: LogicalUnit, { nexus }: ItlNexus, list: Buffer): null {
  assignedPriorities.assign(nexus, priorityToSet(list))
  return null
}

function setNamedPriority(logicalUnit: LogicalUnit, list: Buffer): SenseData | null {
  if (list.length < TRANSPORT_ID_AT) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const end = TRANSPORT_ID_AT + list.readUInt16BE(ADDITIONAL_LENGTH_AT)
  if (list.length < end) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const transportIds = decodeTransportIds(list, TRANSPORT_ID_AT, end)
  if (!Array.isArray(transportIds)) return transportIds as SenseData
  const relativeTargetPort = list.readUInt16BE(RELATIVE_TARGET_PORT_AT)
  const named = [...logicalUnit.itlNexuses].filter(
    ({ nexus }) => nexus.relativeTargetPort === relativeTargetPort && isNamedBy(nexus, transportIds),
  )
  if (transportIds.length !== 1 || named.length === 0) return invalidFieldInParameterList(TRANSPORT_ID_AT)
  for (const itlNexus of named) {
    logicalUnit.assignedPriorities.assign(itlNexus.nexus, priorityToSet(list))
    itlNexus.unitAttentions.establish(SENSE.PRIORITY_CHANGED)
  }
  return null
}

function isNamedBy({ initiatorPortName }: Nexus, transportIds: readonly TransportId[]): boolean {
  return transportIds.some((id) => id.kind === 'port' && id.initiatorPortName === initiatorPortName)
}

function priorityToSet(list: Buffer): number {
  return list[PRIORITY_BYTE.byte]! & PRIORITY_BYTE.mask
}
