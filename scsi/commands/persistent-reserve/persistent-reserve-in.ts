/**
 * PERSISTENT RESERVE IN (SPC-4 6.15; SPC-3 6.11): the reservation, the registrations, and what this device server can do
 * with them, one row for each service action.
 */

import { type CdbLayout, cdb, uint } from '../../cdb.ts'
import { defineCommand } from '../../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../../device-type.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { isHolder, type NexusId, type Registration, type ReservationState } from '../../reservation-state.ts'
import { LU_SCOPE, RESERVATION_TYPES, type ReservationType } from '../../reservation-types.ts'
import { encodeTransportId } from '../../transport-id.ts'

const CDB: CdbLayout = cdb(10, { allocationLength: uint(7, 2) })

const HEADER_BYTES = 8
const KEY_BYTES = 8

export const PERSISTENT_RESERVE_IN_COMMANDS = [
  defineServiceAction('READ KEYS', 0x00, readKeys),
  defineServiceAction('READ RESERVATION', 0x01, readReservation),
  defineServiceAction('REPORT CAPABILITIES', 0x02, reportCapabilities),
  defineServiceAction('READ FULL STATUS', 0x03, readFullStatus),
]

function defineServiceAction(name: string, serviceAction: number, report: (state: ReservationState) => Buffer) {
  return defineCommand({
    name: `PERSISTENT RESERVE IN (${name})`,
    operationCode: 0x5e,
    serviceAction,
    standard: 'SPC-4',
    cdb: CDB,
    data: 'in',
    reservationClass: 'persistentReserve',
    accessClass: 'settings',
    taskClass: 'information',
    deviceTypes: EVERY_DEVICE_TYPE,
    execute: (command, { persistentReservations }) => sendParameterData(command, report(persistentReservations.state)),
  })
}

/** SPC-3 table 102. */
function readKeys(state: ReservationState): Buffer {
  return withHeader(
    state,
    [...state.registrations.values()].map(({ key }) => encodeKey(key)),
  )
}

/** SPC-3 tables 103 and 104. A reservation that all registrants hold is held under no key of its own. */
function readReservation(state: ReservationState): Buffer {
  const { reservation, registrations } = state
  if (reservation === null) return withHeader(state, [])
  const holder = reservation.holder === null ? undefined : registrations.get(reservation.holder)
  const descriptor = Buffer.alloc(16)
  encodeKey(holder?.key ?? 0n).copy(descriptor)
  descriptor[13] = scopeAndType(reservation.type)
  return withHeader(state, [descriptor])
}

/** SPC-3 table 107, to which SPC-4 6.15.4 adds RLR_C and ALLOW COMMANDS. */
function reportCapabilities({ persistsThroughPowerLoss }: ReservationState): Buffer {
  const [RLR_C, CRH, SIP_C, ATP_C, PTPL_C] = [0x80, 0x10, 0x08, 0x04, 0x01]
  const [TMV, PTPL_A] = [0x80, 0x01]
  /** SPC-4 table 208, 100b: everything that the table lists is allowed, as the command table has it. */
  const ALLOW_COMMANDS = 0b100 << 4
  const data = Buffer.alloc(8)
  data.writeUInt16BE(data.length, 0)
  data[2] = RLR_C | CRH | SIP_C | ATP_C | PTPL_C
  data[3] = TMV | ALLOW_COMMANDS | (persistsThroughPowerLoss ? PTPL_A : 0)
  // Type n has bit n, counted from the lowest bit of byte 4 through byte 5.
  data.writeUInt16LE(
    RESERVATION_TYPES.reduce((mask, { code }) => mask | (1 << code), 0),
    4,
  )
  return data
}

/** SPC-3 table 109. */
function readFullStatus(state: ReservationState): Buffer {
  return withHeader(
    state,
    [...state.registrations].map(([id, registration]) => fullStatusDescriptor(state, id, registration)),
  )
}

/** SPC-3 table 110: one for each nexus, so ALL_TG_PT stays zero. */
function fullStatusDescriptor(
  state: ReservationState,
  id: NexusId,
  { initiatorPortName, targetPort, key }: Registration,
): Buffer {
  const R_HOLDER = 0x01
  const header = Buffer.alloc(24)
  const transportId = encodeTransportId(initiatorPortName)
  encodeKey(key).copy(header)
  if (isHolder(state, id)) {
    header[12] = R_HOLDER
    header[13] = scopeAndType(state.reservation!.type)
  }
  header.writeUInt16BE(targetPort.relativeTargetPort, 18)
  header.writeUInt32BE(transportId.length, 20)
  return Buffer.concat([header, transportId])
}

/** PRGENERATION and ADDITIONAL LENGTH in front of what follows them. */
function withHeader({ generation }: ReservationState, parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  const data = Buffer.concat([header, ...parts])
  data.writeUInt32BE(generation, 0)
  data.writeUInt32BE(data.length - HEADER_BYTES, 4)
  return data
}

function encodeKey(key: bigint): Buffer {
  const bytes = Buffer.alloc(KEY_BYTES)
  bytes.writeBigUInt64BE(key)
  return bytes
}

function scopeAndType({ code }: ReservationType): number {
  return (LU_SCOPE << 4) | code
}
