/**
 * The reservation of a logical unit by RESERVE and RELEASE (SPC-2): one I_T nexus at a time, gone with the nexus
 * or a reset. What a reservation stops is decided by the `reservationClass` of the command's row.
 */

import type { ReservationClass } from './define-command.ts'
import type { ItlNexus } from './itl-nexus.ts'

/** The classes that go on while another nexus holds a reservation made by RESERVE (SPC-2). */
const ALLOWED_DURING_RESERVE: readonly ReservationClass[] = ['exempt']

export class Reservation {
  #holder: ItlNexus | null = null

  /** Whether a reservation held by another nexus stops a command of this class from `itlNexus`. */
  conflictsWith(itlNexus: ItlNexus, reservationClass: ReservationClass): boolean {
    if (this.#holder === null || this.#holder === itlNexus) return false
    return !ALLOWED_DURING_RESERVE.includes(reservationClass)
  }

  /** RESERVE: `conflictsWith` has let it through, so the reservation is free or this nexus's own already. */
  reserve(itlNexus: ItlNexus): void {
    this.#holder = itlNexus
  }

  /** RELEASE, or the loss of the nexus: does nothing when another nexus holds the reservation, or none. */
  release(itlNexus: ItlNexus): void {
    if (this.#holder === itlNexus) this.#holder = null
  }

  /** A reset. */
  clear(): void {
    this.#holder = null
  }
}
