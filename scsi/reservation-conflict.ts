/**
 * Whether the reservations of a logical unit let a command through (SPC-4 5.13.1 and 5.13.3, SPC-3 5.6.1 and 5.6.3,
 * SBC-4 4.17, and SPC-2 for RESERVE and RELEASE). The standards' tables name commands; here each row of the command table
 * names its class, and this file knows the classes. Called by the device server for every command that begins while
 * anything is reserved or registered.
 */

import type { CommandDefinition, ReservationClass } from './define-command.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'

/** Which kind of refusal; null lets the command through. */
export type ReservationRefusal = 'conflict' | 'informationLost' | null

/** The classes that go on while another nexus holds a reservation made by RESERVE (SPC-2). */
const ALLOWED_DURING_RESERVE: readonly ReservationClass[] = ['exempt', 'release']

/** The classes that a persistent reservation never stops, or that answer for themselves once they know their keys. */
const ALWAYS_ALLOWED: readonly ReservationClass[] = ['exempt', 'status', 'persistentReserve']

/** What goes on while the logical unit has lost its persistent reservation (SPC-4 5.13.5.2 and 5.13.5.3.2). */
const ALLOWED_WHILE_INFORMATION_IS_LOST: readonly string[] = [
  'INQUIRY',
  'LOG SENSE',
  'PERSISTENT RESERVE OUT (REPLACE LOST RESERVATION)',
  'READ BUFFER (10)',
  'READ BUFFER (16)',
  'REPORT LUNS',
  'REPORT TARGET PORT GROUPS',
  'REQUEST SENSE',
  'WRITE BUFFER',
]

/** What the reservations make of a command of this nexus. `cdb` belongs to `definition`. */
export function findReservationRefusal(
  cdb: Buffer,
  definition: Pick<CommandDefinition, 'name' | 'reservationClass'>,
  itlNexus: ItlNexus,
  { reservation, persistentReservations }: LogicalUnit,
): ReservationRefusal {
  const { name, reservationClass } = definition
  const actualClass = typeof reservationClass === 'function' ? reservationClass(cdb) : reservationClass
  if (persistentReservations.isLost) {
    const isStart = name === 'START STOP UNIT' && actualClass === 'status'
    return isStart || ALLOWED_WHILE_INFORMATION_IS_LOST.includes(name) ? null : 'informationLost'
  }
  if (reservation.isHeld) return isStoppedByReserve(actualClass, reservation.isHeldBy(itlNexus)) ? 'conflict' : null
  return isStoppedByRegistrants(actualClass, itlNexus) ? 'conflict' : null
}

/** Either method of reserving shuts out the other, even for the same nexus (SPC-2). */
function isStoppedByReserve(reservationClass: ReservationClass, isOwn: boolean): boolean {
  if (reservationClass === 'persistentReserve') return true
  return !isOwn && !ALLOWED_DURING_RESERVE.includes(reservationClass)
}

/** Called while something is registered. */
function isStoppedByRegistrants(reservationClass: ReservationClass, itlNexus: ItlNexus): boolean {
  if (ALWAYS_ALLOWED.includes(reservationClass)) return false
  const { persistentReservations } = itlNexus.logicalUnit!
  const type = persistentReservations.state.reservation?.type ?? null
  const isRegistered = itlNexus.registration !== null
  const isAdmitted =
    type !== null &&
    (type.admits === 'registrants' ? isRegistered : isRegistered && persistentReservations.isHeldBy(itlNexus))
  if (reservationClass === 'reserve' || reservationClass === 'release') return !isAdmitted
  if (type === null || isAdmitted) return false
  return type.restricts === 'all' || reservationClass !== 'read'
}
