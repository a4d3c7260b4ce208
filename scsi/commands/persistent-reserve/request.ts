/**
 * What a PERSISTENT RESERVE OUT command asks for, decoded from its CDB and parameter list (SPC-4 6.16; SPC-3 6.12), and
 * what a service action may answer. The service actions are pure functions from the current state and a request to an
 * outcome; `persistent-reserve-out.ts` makes the requests and carries the outcomes out.
 */

import type { TargetPort } from '../../nexus.ts'
import type { ReservationChange } from '../../persistent-reservations.ts'
import { type NexusId, nexusId, type Registration, type ReservationState } from '../../reservation-state.ts'
import type { SenseData } from '../../sense.ts'
import type { SenseCondition } from '../../sense-codes.ts'
import type { TransportId } from '../../transport-id.ts'

/** An I_T nexus by its ports. */
export interface PortPair {
  readonly initiatorPortName: string
  readonly targetPort: TargetPort
}

/** What the logical unit and the target know beside the reservations. */
export interface KnownPorts {
  /** All ports of the SCSI target device that the command came through. */
  readonly targetPorts: readonly TargetPort[]
  /** The initiator ports of a device that have a nexus to the logical unit. */
  initiatorPortsOf(initiatorDeviceName: string): readonly string[]
}

interface CommonFields {
  /** The I_T nexus that the command came on. */
  readonly issuer: PortPair
  readonly known: KnownPorts
  readonly scope: number
  readonly typeCode: number
  readonly reservationKey: bigint
  readonly serviceActionReservationKey: bigint
  /** APTPL. */
  readonly persistsThroughPowerLoss: boolean
  /** NUAR of the Control mode page: RELEASE is told to nobody. */
  readonly isReleaseSilent: boolean
}

/** With the basic parameter list (SPC-4 6.16.3; SPC-3 6.12.3). */
export interface BasicRequest extends CommonFields {
  /** Null where SPEC_I_PT is zero. */
  readonly specifiedInitiatorPorts: readonly TransportId[] | null
  /** ALL_TG_PT. */
  readonly isForAllTargetPorts: boolean
}

/** With the parameter list of REGISTER AND MOVE (SPC-4 6.16.4; SPC-3 6.12.4). */
export interface MoveRequest extends CommonFields {
  /** UNREG. */
  readonly isIssuerUnregistered: boolean
  readonly relativeTargetPort: number
  readonly destination: TransportId
}

/** RESERVATION CONFLICT, CHECK CONDITION, or what becomes of the state, after which the command ends with GOOD. */
export type ServiceActionOutcome = 'conflict' | SenseData | ReservationChange

export function idOf({ initiatorPortName, targetPort }: PortPair): NexusId {
  return nexusId(initiatorPortName, targetPort.name)
}

/** The registration of the nexus that the command came on if it states its key, as most service actions demand. */
export function authenticate(
  { registrations }: ReservationState,
  { issuer, reservationKey }: Pick<CommonFields, 'issuer' | 'reservationKey'>,
): Registration | null {
  const registration = registrations.get(idOf(issuer))
  return registration?.key === reservationKey ? registration : null
}

/** A change that tells and preempts those that are given, or nobody. */
export function changeTo(
  next: ReservationState,
  unitAttentions: ReadonlyMap<NexusId, SenseCondition> = new Map(),
  preempted: ReadonlySet<NexusId> = new Set(),
): ReservationChange {
  return { next, unitAttentions, preempted }
}

/** The same condition for all of these nexuses except the issuer's. */
export function tell(
  ids: Iterable<NexusId>,
  condition: SenseCondition,
  issuer: PortPair,
): Map<NexusId, SenseCondition> {
  const told = new Map([...ids].map((id) => [id, condition]))
  told.delete(idOf(issuer))
  return told
}

/** PRGENERATION after a service action that counts (SPC-4 6.15.2; SPC-3 6.11.2). */
export function nextGeneration({ generation }: ReservationState): number {
  return (generation + 1) >>> 0
}
