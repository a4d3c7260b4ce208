/**
 * The service actions that make, give up and take away the reservation: RESERVE, RELEASE, CLEAR, PREEMPT (and PREEMPT AND
 * ABORT, which is the same to the state) and REPLACE LOST RESERVATION (SPC-4 5.13.9 and 5.13.11; SPC-3 5.6.8 and 5.6.10).
 */

import {
  isHolder,
  type NexusId,
  NO_RESERVATIONS,
  type PersistentReservation,
  type ReservationState,
} from '../../reservation-state.ts'
import { findReservationType, LU_SCOPE } from '../../reservation-types.ts'
import { invalidFieldInCdb, invalidFieldInParameterList, type SenseData, senseOf } from '../../sense.ts'
import { SENSE, type SenseCondition } from '../../sense-codes.ts'
import { BASIC_LIST } from './parameter-lists.ts'
import { releaseIfUnheld } from './registering.ts'
import {
  authenticate,
  type BasicRequest,
  changeTo,
  idOf,
  nextGeneration,
  type ServiceActionOutcome,
  tell,
} from './request.ts'

/** RESERVE (SPC-4 5.13.9; SPC-3 5.6.8). */
export function reserve(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  const reservation = requestedReservation(request)
  if ('condition' in reservation) return reservation
  if (authenticate(state, request) === null) return 'conflict'
  if (state.reservation === null) return changeTo({ ...state, reservation })
  const isSame = isHolder(state, idOf(request.issuer)) && state.reservation.type === reservation.type
  return isSame ? changeTo(state) : 'conflict'
}

/** RELEASE (SPC-4 5.13.11.2.2; SPC-3 5.6.10.2). */
export function release(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  if (authenticate(state, request) === null) return 'conflict'
  if (state.reservation === null || !isHolder(state, idOf(request.issuer))) return changeTo(state)
  const { type } = state.reservation
  if (request.typeCode !== type.code || request.scope !== LU_SCOPE) {
    return senseOf(SENSE.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
  }
  const told = type.admits === 'registrants' && !request.isReleaseSilent ? state.registrations.keys() : []
  return changeTo({ ...state, reservation: null }, tell(told, SENSE.RESERVATIONS_RELEASED, request.issuer))
}

/** CLEAR (SPC-4 5.13.11.2.7; SPC-3 5.6.10.6). */
export function clear(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  if (authenticate(state, request) === null) return 'conflict'
  const { persistsThroughPowerLoss } = state
  const next = { ...NO_RESERVATIONS, persistsThroughPowerLoss, generation: nextGeneration(state) }
  return changeTo(next, tell(state.registrations.keys(), SENSE.RESERVATIONS_PREEMPTED, request.issuer))
}

/** PREEMPT and PREEMPT AND ABORT (SPC-4 5.13.11.2.4; SPC-3 5.6.10.4 with its figure 3). */
export function preempt(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  if (authenticate(state, request) === null) return 'conflict'
  const { registrations, reservation } = state
  const key = request.serviceActionReservationKey
  if (key === 0n && reservation !== null) {
    return reservation.type.isAllRegistrants
      ? preemptReservation(state, request, new Set(registrations.keys()))
      : invalidFieldInParameterList(BASIC_LIST.serviceActionReservationKeyAt)
  }
  const named = new Set([...registrations].filter(([, registration]) => registration.key === key).map(([id]) => id))
  if (named.size === 0) return 'conflict'
  const isHolderNamed = reservation !== null && reservation.holder !== null && named.has(reservation.holder)
  return isHolderNamed ? preemptReservation(state, request, named) : removeRegistrations(state, request, named)
}

/** The reservation passes to the issuer, whose registration stays even when it is named. */
function preemptReservation(
  state: ReservationState,
  request: BasicRequest,
  named: ReadonlySet<NexusId>,
): ServiceActionOutcome {
  const reservation = requestedReservation(request)
  if ('condition' in reservation) return reservation
  const issuerId = idOf(request.issuer)
  const registrations = new Map([...state.registrations].filter(([id]) => id === issuerId || !named.has(id)))
  const isTypeChanged = reservation.type !== state.reservation!.type
  const told = new Map<NexusId, SenseCondition>([
    ...(isTypeChanged ? tell(registrations.keys(), SENSE.RESERVATIONS_RELEASED, request.issuer) : []),
    ...tell(named, SENSE.REGISTRATIONS_PREEMPTED, request.issuer),
  ])
  return changeTo({ ...state, registrations, reservation, generation: nextGeneration(state) }, told, named)
}

/** The reservation stays, unless all of its holders are among those removed. */
function removeRegistrations(
  state: ReservationState,
  request: BasicRequest,
  named: ReadonlySet<NexusId>,
): ServiceActionOutcome {
  const registrations = new Map([...state.registrations].filter(([id]) => !named.has(id)))
  const next = releaseIfUnheld({ ...state, registrations, generation: nextGeneration(state) })
  return changeTo(next, tell(named, SENSE.REGISTRATIONS_PREEMPTED, request.issuer), named)
}

/** REPLACE LOST RESERVATION (SPC-4 5.13.11.3), while information is lost: everything before is forgotten. */
export function replaceLostReservation(request: BasicRequest): ServiceActionOutcome {
  const reservation = requestedReservation(request)
  if ('condition' in reservation) return reservation
  if (request.reservationKey !== 0n) return invalidFieldInParameterList(BASIC_LIST.reservationKeyAt)
  const key = request.serviceActionReservationKey
  if (key === 0n) return invalidFieldInParameterList(BASIC_LIST.serviceActionReservationKeyAt)
  if (request.isForAllTargetPorts) return invalidFieldInParameterList(BASIC_LIST.flagsAt, BASIC_LIST.flagBits.allTgPt)
  const { issuer, persistsThroughPowerLoss } = request
  const registrations = new Map([[idOf(issuer), { ...issuer, key }]])
  return changeTo({ ...NO_RESERVATIONS, registrations, reservation, persistsThroughPowerLoss })
}

/** What SCOPE and TYPE ask for, held by the issuer. */
function requestedReservation({ issuer, scope, typeCode }: BasicRequest): PersistentReservation | SenseData {
  if (scope !== LU_SCOPE) return invalidFieldInCdb(2, 7)
  const type = findReservationType(typeCode)
  if (type === null) return invalidFieldInCdb(2, 3)
  return { type, holder: type.isAllRegistrants ? null : idOf(issuer) }
}
