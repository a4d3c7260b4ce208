/**
 * The medium of a logical unit and the tray that it lies in (SPC-4, SBC-3, MMC-5): load and eject, who prevents removal
 * (SPC-3 6.13), and what the I_T nexuses are told. A medium that is not removable is always there.
 *
 * Invariant: a medium leaves only when nobody works on it. From the wish to eject on, commands that need the medium are
 * refused; those that have begun and the copies end, what was written is flushed, and only then is the tray open. So no
 * command that was meant for one medium reaches another.
 */

import { backingError } from './backing/backing-errors.ts'
import type { BackingError, BackingStore } from './backing/backing-store.ts'
import { NO_MEDIUM } from './backing/no-medium.ts'
import type { Command } from './command.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SELF_TEST_RESULT } from './self-test.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

/** What GET EVENT STATUS NOTIFICATION tells of the medium, once to each I_T nexus. */
export type MediumEvent = 'ejectRequest' | 'newMedia' | 'mediaRemoval'

/** How an eject ended: the tray is open, somebody prevents removal, or cached data could not be written out. */
export type EjectOutcome = 'ejected' | 'prevented' | BackingError
export type EjectDone = (outcome: EjectOutcome) => void

export class RemovableMedium {
  /** Commands that need the medium are refused: read before every command. */
  isAbsent = false
  readonly #logicalUnit: LogicalUnit
  /** In the drive, or in the open tray; null for none. */
  #store: BackingStore | null
  #isTrayOpen = false
  readonly #preventers = new Set<ItlNexus>()
  readonly #events = new WeakMap<ItlNexus, MediumEvent>()
  /** Those who wait for an eject that is under way; null when none is. */
  #ejecting: EjectDone[] | null = null

  constructor(logicalUnit: LogicalUnit, store: BackingStore | null) {
    this.#logicalUnit = logicalUnit
    this.#store = store
    this.isAbsent = store === null
  }

  get isTrayOpen(): boolean {
    return this.#isTrayOpen
  }

  /** An initiator prevents removal. */
  get isRemovalPrevented(): boolean {
    return this.#preventers.size > 0
  }

  /** What a command that needs the medium is told while there is none. */
  get refusal(): SenseCondition {
    const isOpen = this.#isTrayOpen || this.#ejecting !== null
    return isOpen ? SENSE.MEDIUM_NOT_PRESENT_TRAY_OPEN : SENSE.MEDIUM_NOT_PRESENT_TRAY_CLOSED
  }

  prevent(itlNexus: ItlNexus): void {
    this.#preventers.add(itlNexus)
  }

  /** The nexus allows removal, is lost, or was preempted. */
  allow(itlNexus: ItlNexus): void {
    this.#preventers.delete(itlNexus)
  }

  /** A reset: nobody prevents removal any more. */
  allowAll(): void {
    this.#preventers.clear()
  }

  /** The event that the nexus has not heard of, which it then has; or null. */
  takeEvent(itlNexus: ItlNexus): MediumEvent | null {
    const event = this.#events.get(itlNexus) ?? null
    this.#events.delete(itlNexus)
    return event
  }

  /**
   * Open the tray, for the command `issuer` or, with null, for the operator; the medium stays in the tray. `done` comes
   * when that has happened or cannot, possibly at once. An operator's wish that is prevented is passed on to the
   * initiators; with `isForced` it is done nevertheless, but never while the server itself works on the medium.
   * Errors: throws for a medium that is not removable.
   */
  eject(issuer: Command | null, isForced: boolean, done: EjectDone): void {
    this.#assertRemovable()
    const { isMediumHeld } = this.#logicalUnit
    if (isMediumHeld) {
      done(backingError('unsupported', 'the medium is being formatted, sanitized or resized, or has to be made good'))
      return
    }
    if (this.isRemovalPrevented && !isForced) {
      if (issuer === null) this.#passOnEjectRequest()
      done('prevented')
    } else if (this.#ejecting !== null) {
      this.#ejecting.push(done)
    } else if (this.isAbsent) {
      this.#isTrayOpen = true
      done('ejected')
    } else {
      this.#beginEject(issuer, done)
    }
  }

  /**
   * Close the tray; a medium in it is ready then. Every nexus but `issuer` hears of it.
   * Errors: throws while an eject is under way.
   */
  load(issuer: ItlNexus | null): void {
    if (this.#ejecting !== null) throw new Error('the medium is on its way out')
    if (this.#isTrayOpen && this.#store !== null) {
      this.isAbsent = false
      this.#logicalUnit.mount(this.#store)
      this.#announce('newMedia')
      this.#logicalUnit.establishUnitAttention(SENSE.NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED, issuer)
    }
    this.#isTrayOpen = false
  }

  /** Take the medium out of the open tray; null when none lies in it. It belongs to the caller from now on. */
  take(): BackingStore | null {
    if (!this.#isTrayOpen) return null
    const store = this.#store
    this.#store = null
    return store
  }

  /**
   * Put a medium into the empty drive and close the tray.
   * Errors: throws when there is a medium already, when none can be exchanged, or for one that holds no logical block.
   */
  insert(store: BackingStore): void {
    this.#assertRemovable()
    if (this.#store !== null) throw new Error('there is a medium in the drive: eject and take it first')
    this.#logicalUnit.assertHoldsBlocks(store)
    this.#store = store
    this.#isTrayOpen = true
    this.load(null)
  }

  #assertRemovable(): void {
    if (!this.#logicalUnit.properties.isRemovable) throw new Error('the medium of this logical unit is not removable')
  }

  #passOnEjectRequest(): void {
    this.#announce('ejectRequest')
    this.#logicalUnit.establishUnitAttention(SENSE.OPERATOR_MEDIUM_REMOVAL_REQUEST)
  }

  #beginEject(issuer: Command | null, done: EjectDone): void {
    const { taskSet, copies, selfTests } = this.#logicalUnit
    this.#ejecting = [done]
    this.isAbsent = true
    selfTests.abort(SELF_TEST_RESULT.ABORTED_OTHERWISE)
    const usesMedium = (command: Command) => command !== issuer && command.definition?.needsMedium === true
    taskSet.whenEnded(usesMedium, () =>
      copies.cancel(
        () => true,
        () => this.#flushAndOpen(),
      ),
    )
  }

  #flushAndOpen(): void {
    const { store } = this.#logicalUnit
    if (!store.capabilities.volatileWriteCache) this.#endEject(null)
    else store.flush((error) => this.#endEject(error))
  }

  /** What could not be written out must not leave: then the medium is there again. */
  #endEject(error: BackingError | null): void {
    const waiting = this.#ejecting!
    this.#ejecting = null
    if (error === null) {
      this.#logicalUnit.copies.watch.revokeAll()
      this.#logicalUnit.mount(NO_MEDIUM)
      this.#isTrayOpen = true
      this.#announce('mediaRemoval')
    } else {
      this.isAbsent = false
    }
    for (const done of waiting) done(error ?? 'ejected')
  }

  #announce(event: MediumEvent): void {
    for (const itlNexus of this.#logicalUnit.itlNexuses) this.#events.set(itlNexus, event)
  }
}
