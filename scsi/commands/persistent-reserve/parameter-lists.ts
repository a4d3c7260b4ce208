/**
 * The parameter lists of PERSISTENT RESERVE OUT: the basic one (SPC-4 6.16.3; SPC-3 6.12.3), which SPEC_I_PT lengthens
 * by TransportIDs, and that of REGISTER AND MOVE (SPC-4 6.16.4; SPC-3 6.12.4). Obsolete and reserved fields are not
 * looked at.
 */

import { invalidFieldInParameterList, type SenseData, senseOf } from '../../sense.ts'
import { SENSE } from '../../sense-codes.ts'
import { decodeTransportIds } from '../../transport-id.ts'
import type { BasicRequest, MoveRequest } from './request.ts'

const KEYS = { reservationKeyAt: 0, serviceActionReservationKeyAt: 8 } as const

export const BASIC_LIST = {
  ...KEYS,
  flagsAt: 20,
  flagBits: { specIPt: 3, allTgPt: 2, aptpl: 0 },
  /** With SPEC_I_PT zero the list ends here. */
  lengthBytes: 24,
  transportIdLengthAt: 24,
  transportIdsAt: 28,
} as const

export const MOVE_LIST = {
  ...KEYS,
  flagsAt: 17,
  flagBits: { unreg: 1, aptpl: 0 },
  relativeTargetPortAt: 18,
  transportIdLengthAt: 20,
  transportIdAt: 24,
} as const

/** A list shorter than either form is no parameter list at all. */
export const LIST_BYTES_MIN = BASIC_LIST.lengthBytes

export type BasicParameters = Pick<
  BasicRequest,
  | 'reservationKey'
  | 'serviceActionReservationKey'
  | 'persistsThroughPowerLoss'
  | 'specifiedInitiatorPorts'
  | 'isForAllTargetPorts'
>

export type MoveParameters = Pick<
  MoveRequest,
  | 'reservationKey'
  | 'serviceActionReservationKey'
  | 'persistsThroughPowerLoss'
  | 'isIssuerUnregistered'
  | 'relativeTargetPort'
  | 'destination'
>

/**
 * Decode a basic parameter list of at least `LIST_BYTES_MIN` bytes.
 * Errors: a length that SPEC_I_PT contradicts; SPEC_I_PT where `maySpecifyInitiatorPorts` is false.
 */
export function decodeBasicList(list: Buffer, maySpecifyInitiatorPorts: boolean): BasicParameters | SenseData {
  const { flagsAt, flagBits } = BASIC_LIST
  const isSet = (bit: number) => (list[flagsAt]! & (1 << bit)) !== 0
  const basic = {
    ...decodeKeys(list),
    persistsThroughPowerLoss: isSet(flagBits.aptpl),
    isForAllTargetPorts: isSet(flagBits.allTgPt),
  }
  if (!isSet(flagBits.specIPt)) {
    if (list.length !== BASIC_LIST.lengthBytes) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    return { ...basic, specifiedInitiatorPorts: null }
  }
  if (!maySpecifyInitiatorPorts) return invalidFieldInParameterList(flagsAt, flagBits.specIPt)
  if (list.length < BASIC_LIST.transportIdsAt) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const end = BASIC_LIST.transportIdsAt + list.readUInt32BE(BASIC_LIST.transportIdLengthAt)
  if (end > list.length) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const transportIds = decodeTransportIds(list, BASIC_LIST.transportIdsAt, end)
  return 'condition' in transportIds ? transportIds : { ...basic, specifiedInitiatorPorts: transportIds }
}

/** Decode a REGISTER AND MOVE parameter list of at least `LIST_BYTES_MIN` bytes: exactly one TransportID. */
export function decodeMoveList(list: Buffer): MoveParameters | SenseData {
  const { flagsAt, flagBits, transportIdLengthAt, transportIdAt } = MOVE_LIST
  const isSet = (bit: number) => (list[flagsAt]! & (1 << bit)) !== 0
  const end = transportIdAt + list.readUInt32BE(transportIdLengthAt)
  if (end > list.length) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const transportIds = decodeTransportIds(list, transportIdAt, end)
  if ('condition' in transportIds) return transportIds
  const [destination] = transportIds
  if (destination === undefined || transportIds.length > 1) return invalidFieldInParameterList(transportIdLengthAt)
  return {
    ...decodeKeys(list),
    persistsThroughPowerLoss: isSet(flagBits.aptpl),
    isIssuerUnregistered: isSet(flagBits.unreg),
    relativeTargetPort: list.readUInt16BE(MOVE_LIST.relativeTargetPortAt),
    destination,
  }
}

function decodeKeys(list: Buffer) {
  return {
    reservationKey: list.readBigUInt64BE(KEYS.reservationKeyAt),
    serviceActionReservationKey: list.readBigUInt64BE(KEYS.serviceActionReservationKeyAt),
  }
}
