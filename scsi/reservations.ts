/**
 * The reservation of a logical unit by RESERVE and RELEASE (SPC-2): one I_T nexus at a time, gone with the nexus
 * or a reset. What it stops is decided in `reservation-conflict.ts`.
 */

import type { ItlNexus } from './itl-nexus.ts'

export class Reservation {
  #holder: ItlNexus | null = null

  get isHeld(): boolean {
    return this.#holder !== null
  }

  isHeldBy(itlNexus: ItlNexus): boolean {
    return this.#holder === itlNexus
  }

  /** RESERVE: the check for conflicts has let it through, so the reservation is free or this nexus's own already. */
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
