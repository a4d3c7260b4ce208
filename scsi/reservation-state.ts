/**
 * The persistent reservation of a logical unit and its registrations (SPC-4 5.13; SPC-3 5.6), as values. Service actions
 * make a new state from an old one and nothing changes a state in place, so that a change that cannot be kept has not
 * happened. An I_T nexus is known by the names of its two ports, because it is the same nexus when a session comes back.
 */

import type { Nexus, TargetPort } from './nexus.ts'
import type { ReservationType } from './reservation-types.ts'

/** Names an I_T nexus by its ports: equal for equal pairs of names. */
export type NexusId = string

export interface Registration {
  readonly initiatorPortName: string
  readonly targetPort: TargetPort
  /** Never zero. */
  readonly key: bigint
}

export interface PersistentReservation {
  readonly type: ReservationType
  /** Registered; null for the all registrants types, which every registered nexus holds. */
  readonly holder: NexusId | null
}

export interface ReservationState {
  /** In the order in which they were made. */
  readonly registrations: ReadonlyMap<NexusId, Registration>
  readonly reservation: PersistentReservation | null
  /** The most recent APTPL: all of this survives a loss of power, except the generation. */
  readonly persistsThroughPowerLoss: boolean
  /** PRGENERATION (SPC-4 6.15.2; SPC-3 6.11.2), a counter of 32 bits. */
  readonly generation: number
}

/** Nothing is registered. */
export const NO_RESERVATIONS: ReservationState = {
  registrations: new Map(),
  reservation: null,
  persistsThroughPowerLoss: false,
  generation: 0,
}

/** Neither name has a space in it. */
export function nexusId(initiatorPortName: string, targetPortName: string): NexusId {
  return `${initiatorPortName} ${targetPortName}`
}

export function nexusIdOf({ initiatorPortName, targetPortName }: Nexus): NexusId {
  return nexusId(initiatorPortName, targetPortName)
}

/** Whether the nexus is a persistent reservation holder (SPC-4 5.13.10; SPC-3 5.6.9). */
export function isHolder({ registrations, reservation }: ReservationState, id: NexusId): boolean {
  if (reservation === null) return false
  return reservation.type.isAllRegistrants ? registrations.has(id) : reservation.holder === id
}
