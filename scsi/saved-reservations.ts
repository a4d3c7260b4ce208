/**
 * How a persistent reservation and its registrations are kept through power loss (SPC-4 5.13.5.1; SPC-3 5.6.4.1): as
 * JSON, with keys in hexadecimal. What the standard wants preserved is there: the names of both ports, the key, the
 * target port, the type and the holder. PRGENERATION starts at zero after a power on and is not kept.
 */

import { nexusId, type PersistentReservation, type Registration, type ReservationState } from './reservation-state.ts'
import { findReservationType } from './reservation-types.ts'

interface SavedRegistration {
  readonly initiatorPortName: string
  readonly targetPortName: string
  readonly relativeTargetPort: number
  readonly key: string
}

interface SavedReservations {
  readonly registrations: readonly SavedRegistration[]
  /** `holder` is an index into `registrations`, null where all registrants hold it. */
  readonly reservation: { readonly type: number; readonly holder: number | null } | null
}

/** What to keep of a state; equal for equal states. */
export function encodeReservations({ registrations, reservation }: ReservationState): Buffer {
  const ids = [...registrations.keys()]
  const saved: SavedReservations = {
    registrations: [...registrations.values()].map(({ initiatorPortName, targetPort, key }) => ({
      initiatorPortName,
      targetPortName: targetPort.name,
      relativeTargetPort: targetPort.relativeTargetPort,
      key: key.toString(16),
    })),
    reservation: reservation && {
      type: reservation.type.code,
      holder: reservation.holder === null ? null : ids.indexOf(reservation.holder),
    },
  }
  return Buffer.from(JSON.stringify(saved))
}

/** The state that was kept; null when the bytes are none that `encodeReservations` makes. */
export function decodeReservations(bytes: Buffer): ReservationState | null {
  try {
    return stateOf(JSON.parse(bytes.toString('utf8')))
  } catch {
    return null
  }
}

/** Errors: throws for anything that is no saved state. */
function stateOf(saved: SavedReservations): ReservationState {
  const registrations = saved.registrations.map(registrationOf)
  const byNexus = new Map(registrations.map((registration) => [idOf(registration), registration]))
  if (byNexus.size !== registrations.length) throw new Error('an I_T nexus is registered twice')
  return {
    registrations: byNexus,
    reservation: saved.reservation === null ? null : reservationOf(saved.reservation, registrations),
    persistsThroughPowerLoss: true,
    generation: 0,
  }
}

function registrationOf(saved: SavedRegistration): Registration {
  const { initiatorPortName, targetPortName, relativeTargetPort } = saved
  if (typeof initiatorPortName !== 'string' || typeof targetPortName !== 'string') throw new Error('no port name')
  if (!Number.isInteger(relativeTargetPort)) throw new Error('no relative target port')
  const key = BigInt(`0x${saved.key}`)
  if (key <= 0n || key >= 1n << 64n) throw new Error('no reservation key')
  return { initiatorPortName, targetPort: { name: targetPortName, relativeTargetPort }, key }
}

function reservationOf(
  saved: NonNullable<SavedReservations['reservation']>,
  registrations: readonly Registration[],
): PersistentReservation {
  const type = findReservationType(saved.type)
  if (type === null) throw new Error('no reservation type')
  if (type.isAllRegistrants) {
    if (registrations.length === 0) throw new Error('a reservation of all registrants without any')
    return { type, holder: null }
  }
  const holder = saved.holder === null ? undefined : registrations[saved.holder]
  if (holder === undefined) throw new Error('a holder that is not registered')
  return { type, holder: idOf(holder) }
}

function idOf({ initiatorPortName, targetPort }: Registration): string {
  return nexusId(initiatorPortName, targetPort.name)
}
