/**
 * A logical unit (SAM-5): what it is, the store that holds its blocks, its task set, its reservation, and the
 * I_T_L nexuses that can reach it. One logical unit may be mapped into several targets; what happens to it through
 * one is told to the nexuses of all.
 */

import type { BackingStore } from './backing/backing-store.ts'
import { startCommand } from './device-server.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnitIdentity, LogicalUnitProperties } from './logical-unit-properties.ts'
import { Reservation } from './reservations.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'
import { TaskSet } from './task-set.ts'

export interface LogicalUnitOptions {
  readonly identity: LogicalUnitIdentity
  /** 512 or 4096. Bytes of the store beyond the last whole block are never touched. */
  readonly blockLengthBytes: number
  /** Write protected towards initiators even if the store could write. */
  readonly isReadOnly: boolean
}

export class LogicalUnit {
  readonly properties: LogicalUnitProperties
  readonly store: BackingStore
  readonly taskSet = new TaskSet(startCommand)
  readonly reservation = new Reservation()
  readonly #itlNexuses = new Set<ItlNexus>()

  constructor({ identity, blockLengthBytes, isReadOnly }: LogicalUnitOptions, store: BackingStore) {
    if (blockLengthBytes !== 512 && blockLengthBytes !== 4096) {
      throw new RangeError(`logical block length ${blockLengthBytes} is neither 512 nor 4096`)
    }
    const blockCount = Math.floor(store.sizeBytes / blockLengthBytes)
    if (blockCount === 0) throw new RangeError(`a store of ${store.sizeBytes} bytes does not hold one logical block`)
    this.store = store
    this.properties = {
      identity,
      blockLengthBytes,
      blockCount,
      capabilities: store.capabilities,
      isReadOnly: isReadOnly || store.capabilities.readOnly,
    }
  }

  /** A nexus can reach this logical unit from now on, and is told of what happens to it. */
  attach(itlNexus: ItlNexus): void {
    this.#itlNexuses.add(itlNexus)
  }

  /** The nexus is gone, and with it its reservation and its commands; `done` comes when the last one has ended. */
  detach(itlNexus: ItlNexus, done: () => void): void {
    this.#itlNexuses.delete(itlNexus)
    this.reservation.release(itlNexus)
    this.abortTaskSet(itlNexus, done)
  }

  /** ABORT TASK SET (SAM-5): the commands of one nexus. */
  abortTaskSet(itlNexus: ItlNexus, done: () => void): void {
    this.taskSet.abort((command) => command.itlNexus === itlNexus, done)
  }

  /** CLEAR TASK SET (SAM-5): the commands of all nexuses; those that lose some to another nexus are told. */
  clearTaskSet(itlNexus: ItlNexus, done: () => void): void {
    const aborted = this.taskSet.abort(() => true, done)
    const losers = new Set(aborted.map((command) => command.itlNexus))
    for (const loser of losers) {
      if (loser !== itlNexus) loser?.unitAttentions.establish(SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    }
  }

  /** LOGICAL UNIT RESET (SAM-5): commands and reservation go, every nexus is told. */
  reset(done: () => void): void {
    this.reservation.clear()
    this.establishUnitAttention(SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED)
    this.taskSet.abort(() => true, done)
  }

  /** Tell every nexus of a condition, once. */
  establishUnitAttention(condition: SenseCondition): void {
    for (const itlNexus of this.#itlNexuses) itlNexus.unitAttentions.establish(condition)
  }
}
