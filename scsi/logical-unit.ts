/**
 * A logical unit (SAM-5): what it is, the store that holds its blocks, its task set, its reservation, and the
 * I_T_L nexuses that can reach it. One logical unit may be mapped into several targets; what happens to it through
 * one is told to the nexuses of all.
 */

import type { BackingStore } from './backing/backing-store.ts'
import type { Command } from './command.ts'
import { startCommand } from './device-server.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnitIdentity, LogicalUnitProperties } from './logical-unit-properties.ts'
import type { Nexus } from './nexus.ts'
import { Reservation } from './reservations.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'
import { TaskSet } from './task-set.ts'

export interface LogicalUnitOptions {
  readonly identity: LogicalUnitIdentity
  /** 512 or 4096. Bytes of the store beyond the last whole block are never touched. */
  readonly blockLengthBytes: number
  /** Write protected towards initiators even if the store could write. */
  readonly isReadOnly: boolean
  /** Commands of all nexuses at a time; one more ends with TASK SET FULL. */
  readonly commandsMax?: number
}

/** As many as 128 sessions of the usual command window have. */
const COMMANDS_MAX = 16 * 1024

export class LogicalUnit {
  readonly properties: LogicalUnitProperties
  readonly store: BackingStore
  readonly taskSet: TaskSet
  readonly reservation = new Reservation()
  readonly #itlNexuses = new Set<ItlNexus>()

  constructor(options: LogicalUnitOptions, store: BackingStore) {
    const { identity, blockLengthBytes, isReadOnly, commandsMax = COMMANDS_MAX } = options
    if (blockLengthBytes !== 512 && blockLengthBytes !== 4096) {
      throw new RangeError(`logical block length ${blockLengthBytes} is neither 512 nor 4096`)
    }
    const blockCount = Math.floor(store.sizeBytes / blockLengthBytes)
    if (blockCount === 0) throw new RangeError(`a store of ${store.sizeBytes} bytes does not hold one logical block`)
    this.store = store
    this.taskSet = new TaskSet(startCommand, commandsMax)
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

  /** ABORT TASK SET (SAM-5): the commands of one nexus, or those of them that `covers` picks. */
  abortTaskSet(itlNexus: ItlNexus, done: () => void, covers: (command: Command) => boolean = everyCommand): void {
    this.taskSet.abort((command) => command.itlNexus === itlNexus && covers(command), done)
  }

  /**
   * CLEAR TASK SET (SAM-5): the commands of all nexuses, of `itlNexus` itself those that `covers` picks. The others are
   * told when they lose some.
   */
  clearTaskSet(itlNexus: ItlNexus, done: () => void, covers: (command: Command) => boolean = everyCommand): void {
    const selects = (command: Command) => command.itlNexus !== itlNexus || covers(command)
    for (const loser of this.#announceAbort(selects, itlNexus.nexus)) {
      loser.unitAttentions.establish(SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    }
    this.taskSet.abort(selects, done)
  }

  /** LOGICAL UNIT RESET (SAM-5) that `issuer` asked for: commands and reservation go, every nexus is told. */
  reset(issuer: Nexus, condition: SenseCondition, done: () => void): void {
    this.reservation.clear()
    this.establishUnitAttention(condition)
    this.#announceAbort(everyCommand, issuer)
    this.taskSet.abort(everyCommand, done)
  }

  /** Tell every nexus of a condition, once. */
  establishUnitAttention(condition: SenseCondition): void {
    for (const itlNexus of this.#itlNexuses) itlNexus.unitAttentions.establish(condition)
  }

  /** Tell the transports of the nexuses that lose commands to `issuer`. Returns these nexuses. */
  #announceAbort(selects: (command: Command) => boolean, issuer: Nexus): readonly ItlNexus[] {
    const lost = this.taskSet.select((command) => command.nexus !== issuer && selects(command))
    const losers = Map.groupBy(lost, (command) => command.itlNexus!)
    for (const [{ observer }, commands] of losers) observer.commandsClearedByAnother(commands)
    return [...losers.keys()]
  }
}

function everyCommand(): boolean {
  return true
}
