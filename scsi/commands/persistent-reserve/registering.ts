/**
 * The service actions that make and remove registrations: REGISTER, REGISTER AND IGNORE EXISTING KEY (SPC-4 5.13.7 and
 * 5.13.11.2.3; SPC-3 5.6.6 and 5.6.10.3) and REGISTER AND MOVE (SPC-4 5.13.8; SPC-3 5.6.7).
 */

import type { TargetPort } from '../../nexus.ts'
import { isHolder, type NexusId, type Registration, type ReservationState } from '../../reservation-state.ts'
import { invalidFieldInCdb, invalidFieldInParameterList, type SenseData, senseOf } from '../../sense.ts'
import { SENSE, type SenseCondition } from '../../sense-codes.ts'
import type { TransportId } from '../../transport-id.ts'
import { BASIC_LIST, MOVE_LIST } from './parameter-lists.ts'
import {
  type BasicRequest,
  changeTo,
  idOf,
  type KnownPorts,
  type MoveRequest,
  nextGeneration,
  type PortPair,
  type ServiceActionOutcome,
  tell,
} from './request.ts'

/**
 * Registrations that a logical unit has room for. With names of usual length READ FULL STATUS of all of them fits
 * the 64 KiB that an initiator can ask for at a time.
 */
export const REGISTRATIONS_MAX = 512

/** REGISTER: on each nexus, RESERVATION KEY must be the key registered there, or zero where there is none. */
export function register(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  const registration = state.registrations.get(idOf(request.issuer))
  if ((registration?.key ?? 0n) !== request.reservationKey) return 'conflict'
  if (registration === undefined && request.serviceActionReservationKey === 0n) return changeTo(state)
  if (request.specifiedInitiatorPorts === null) {
    return registerNexuses(state, request, [request.issuer.initiatorPortName], request.reservationKey)
  }
  // Only while it is not registered itself may a nexus register others (SPC-3 table 33).
  if (registration !== undefined) return invalidFieldInCdb(1, 4)
  const specified = initiatorPorts(request.specifiedInitiatorPorts, request.known, BASIC_LIST.transportIdsAt)
  if ('condition' in specified) return specified
  const names = [...new Set([request.issuer.initiatorPortName, ...specified])]
  const targetPorts = registeredTargetPorts(request)
  const isTaken = nexusesOf(names.slice(1), targetPorts).some((nexus) => state.registrations.has(idOf(nexus)))
  return isTaken ? invalidFieldInCdb(1, 4) : registerNexuses(state, request, names, 0n)
}

/** REGISTER AND IGNORE EXISTING KEY: whatever the nexus had. */
export function registerAndIgnoreExistingKey(state: ReservationState, request: BasicRequest): ServiceActionOutcome {
  const isRegistered = state.registrations.has(idOf(request.issuer))
  if (!isRegistered && request.serviceActionReservationKey === 0n) return changeTo(state)
  return registerNexuses(state, request, [request.issuer.initiatorPortName], null)
}

/** As if each nexus had sent its own request: all of them are registered, or unregistered, or none. */
function registerNexuses(
  state: ReservationState,
  request: BasicRequest,
  initiatorPortNames: readonly string[],
  expectedKey: bigint | null,
): ServiceActionOutcome {
  const registrations = new Map(state.registrations)
  const key = request.serviceActionReservationKey
  for (const nexus of nexusesOf(initiatorPortNames, registeredTargetPorts(request))) {
    const id = idOf(nexus)
    const existing = registrations.get(id)
    if (expectedKey !== null && key !== 0n && (existing?.key ?? 0n) !== expectedKey) return 'conflict'
    // Keys to remove that are not there, or not under the key that was stated, belong to no registration meant here.
    if (key !== 0n) registrations.set(id, { ...nexus, key })
    else if (expectedKey === null || existing?.key === expectedKey) registrations.delete(id)
  }
  if (registrations.size > REGISTRATIONS_MAX) return senseOf(SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
  const { persistsThroughPowerLoss } = request
  const next = { ...state, registrations, persistsThroughPowerLoss, generation: nextGeneration(state) }
  return changeTo(releaseIfUnheld(next), tellOfRelease(next, request.issuer))
}

/** REGISTER AND MOVE: only the one nexus that holds the reservation may. */
export function registerAndMove(state: ReservationState, request: MoveRequest): ServiceActionOutcome {
  const refusal = refuseMove(state, request)
  if (refusal !== null) return refusal
  const destination = destinationOf(request)
  if ('condition' in destination) return destination
  const registrations = new Map<NexusId, Registration>(state.registrations)
  registrations.set(idOf(destination), { ...destination, key: request.serviceActionReservationKey })
  if (request.isIssuerUnregistered) registrations.delete(idOf(request.issuer))
  if (registrations.size > REGISTRATIONS_MAX) return senseOf(SENSE.INSUFFICIENT_REGISTRATION_RESOURCES)
  return changeTo({
    registrations,
    reservation: { type: state.reservation!.type, holder: idOf(destination) },
    persistsThroughPowerLoss: request.persistsThroughPowerLoss,
    generation: nextGeneration(state),
  })
}

/** SPC-3 table 36, in its order. */
function refuseMove(state: ReservationState, request: MoveRequest): 'conflict' | SenseData | null {
  const { reservation, registrations } = state
  const id = idOf(request.issuer)
  if (reservation === null) return invalidFieldInCdb(1, 4)
  if (reservation.type.isAllRegistrants || !isHolder(state, id)) return 'conflict'
  if (registrations.get(id)!.key !== request.reservationKey) return 'conflict'
  return request.serviceActionReservationKey === 0n ? invalidFieldInCdb(1, 4) : null
}

function destinationOf({ known, issuer, destination, relativeTargetPort }: MoveRequest): PortPair | SenseData {
  const targetPort = known.targetPorts.find((port) => port.relativeTargetPort === relativeTargetPort)
  if (targetPort === undefined) return invalidFieldInParameterList(MOVE_LIST.relativeTargetPortAt)
  const names = initiatorPorts([destination], known, MOVE_LIST.transportIdAt)
  if ('condition' in names) return names
  // A device with several ports leaves open which of them is to hold the reservation.
  const [initiatorPortName] = names
  if (names.length !== 1 || initiatorPortName === undefined || initiatorPortName === issuer.initiatorPortName) {
    return invalidFieldInParameterList(MOVE_LIST.transportIdAt)
  }
  return { initiatorPortName, targetPort }
}

/**
 * The initiator ports that TransportIDs stand for.
 * Errors: for the name of a device none of whose ports is known, because nobody would be registered for it.
 */
function initiatorPorts(
  transportIds: readonly TransportId[],
  known: KnownPorts,
  listAt: number,
): readonly string[] | SenseData {
  const names: string[] = []
  for (const transportId of transportIds) {
    const ports =
      transportId.kind === 'port'
        ? [transportId.initiatorPortName]
        : known.initiatorPortsOf(transportId.initiatorDeviceName)
    if (ports.length === 0) return invalidFieldInParameterList(listAt)
    names.push(...ports)
  }
  return names
}

function registeredTargetPorts({ isForAllTargetPorts, known, issuer }: BasicRequest): readonly TargetPort[] {
  return isForAllTargetPorts ? known.targetPorts : [issuer.targetPort]
}

function nexusesOf(initiatorPortNames: readonly string[], targetPorts: readonly TargetPort[]): readonly PortPair[] {
  return initiatorPortNames.flatMap((initiatorPortName) =>
    targetPorts.map((targetPort) => ({ initiatorPortName, targetPort })),
  )
}

/** A reservation goes with the registration of its last holder (SPC-4 5.13.10; SPC-3 5.6.9). */
export function releaseIfUnheld(state: ReservationState): ReservationState {
  return isUnheld(state) ? { ...state, reservation: null } : state
}

function isUnheld({ registrations, reservation }: ReservationState): boolean {
  if (reservation === null) return false
  return reservation.type.isAllRegistrants ? registrations.size === 0 : !registrations.has(reservation.holder!)
}

/** Those who are still registered lose the protection that a registrants only reservation gave them. */
function tellOfRelease(state: ReservationState, issuer: PortPair): ReadonlyMap<NexusId, SenseCondition> {
  const isTold = isUnheld(state) && state.reservation!.type.admits === 'registrants'
  return isTold ? tell(state.registrations.keys(), SENSE.RESERVATIONS_RELEASED, issuer) : new Map()
}
