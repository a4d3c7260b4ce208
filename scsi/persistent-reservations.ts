/**
 * The persistent reservations of one logical unit (SPC-4 5.13; SPC-3 5.6): the current state, kept through power loss
 * when APTPL says so, and what of it the path of every command needs. Service actions hand their result to `commit`.
 *
 * Invariants: `isActive` is set while anything could be refused because of this state, and while it is not nobody needs
 * to look further. Each attached I_T_L nexus points at its registration, so that no command looks one up. Saved state is
 * written before a change takes effect.
 */

import type { ItlNexus } from './itl-nexus.ts'
import {
  type NexusId,
  NO_RESERVATIONS,
  nexusIdOf,
  type Registration,
  type ReservationState,
} from './reservation-state.ts'
import { decodeReservations, encodeReservations } from './saved-reservations.ts'
import type { SavedState } from './saved-state.ts'
import type { SenseCondition } from './sense-codes.ts'

const SAVED_STATE_KEY = 'persistent-reservations'

/** What a service action makes of the state it found. */
export interface ReservationChange {
  readonly next: ReservationState
  /** I_T nexuses that are to be told, and of what. */
  readonly unitAttentions: ReadonlyMap<NexusId, SenseCondition>
  /** I_T nexuses whose registration or reservation is preempted. */
  readonly preempted: ReadonlySet<NexusId>
}

export class PersistentReservations {
  /** There is a registration, or information is lost. */
  isActive = false
  /**
   * What was kept could not be understood: nobody knows who may come in (SPC-4 5.13.5.3). Lasts until REPLACE LOST
   * RESERVATION.
   */
  isLost = false
  readonly #savedState: SavedState
  readonly #itlNexuses: ReadonlySet<ItlNexus>
  #state: ReservationState = NO_RESERVATIONS
  /** The registration of the one nexus that holds the reservation. */
  #holder: Registration | null = null
  #saved: Buffer | null = null

  /** `itlNexuses` are those attached to the logical unit; a live view. */
  constructor(savedState: SavedState, itlNexuses: ReadonlySet<ItlNexus>) {
    this.#savedState = savedState
    this.#itlNexuses = itlNexuses
    this.powerOn()
  }

  get state(): ReservationState {
    return this.#state
  }

  /** Power on: only what was kept is left, and PRGENERATION is zero. */
  powerOn(): void {
    this.#saved = this.#savedState.read(SAVED_STATE_KEY)
    const kept = this.#saved === null ? NO_RESERVATIONS : decodeReservations(this.#saved)
    this.isLost = kept === null
    this.#enter(kept ?? NO_RESERVATIONS)
  }

  /** A nexus came to the logical unit: it finds the registration that its ports have. */
  recognise(itlNexus: ItlNexus): void {
    itlNexus.registration = this.#state.registrations.get(nexusIdOf(itlNexus.nexus)) ?? null
  }

  /** Whether the nexus holds the reservation; false when there is none. */
  isHeldBy(itlNexus: ItlNexus): boolean {
    const { registration } = itlNexus
    if (registration === null) return false
    return registration === this.#holder || this.#state.reservation?.type.isAllRegistrants === true
  }

  /** The attached nexuses that `selects` picks by their ports. */
  attached(selects: (id: NexusId) => boolean): ReadonlySet<ItlNexus> {
    return new Set([...this.#itlNexuses].filter(({ nexus }) => selects(nexusIdOf(nexus))))
  }

  /**
   * Make a change take effect, and tell the nexuses.
   * Errors: throws when it cannot be kept; then nothing has changed.
   */
  commit({ next, unitAttentions }: ReservationChange): void {
    this.#save(next)
    this.isLost = false
    this.#enter(next)
    for (const itlNexus of this.#itlNexuses) {
      const condition = unitAttentions.get(nexusIdOf(itlNexus.nexus))
      if (condition !== undefined) itlNexus.unitAttentions.establish(condition)
    }
  }

  #enter(state: ReservationState): void {
    const { registrations, reservation } = state
    this.#state = state
    const holder = reservation?.holder ?? null
    this.#holder = holder === null ? null : registrations.get(holder)!
    this.isActive = registrations.size > 0 || this.isLost
    for (const itlNexus of this.#itlNexuses) this.recognise(itlNexus)
  }

  #save(next: ReservationState): void {
    const value = next.persistsThroughPowerLoss ? encodeReservations(next) : null
    const isKept = value === null ? this.#saved === null : this.#saved?.equals(value)
    if (isKept) return
    this.#savedState.write(SAVED_STATE_KEY, value)
    this.#saved = value
  }
}
