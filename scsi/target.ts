/**
 * A SCSI target device (SAM-5): the task router from nexus and LUN to a logical unit, and the task management
 * functions. The transport opens a nexus, sends commands through it, and closes it; the application maps and unmaps
 * logical units, also while commands run.
 *
 * Every function that ends commands calls `done` only when none of them can reach the medium any more.
 */

import type { Command } from './command.ts'
import { ItlNexus, type TargetView } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { assertMappableLun, decodeLun } from './lun.ts'
import type { Nexus } from './nexus.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

/** The service response of a task management function (SAM-5). */
export type TaskManagementOutcome = 'functionComplete' | 'incorrectLogicalUnitNumber' | 'functionRejected'
export type TaskManagementDone = (outcome: TaskManagementOutcome) => void

export interface ScsiTargetOptions {
  /** Logical units by number, 0 to 16383. */
  readonly logicalUnits: ReadonlyMap<number, LogicalUnit>
  /** A fault of our own while handling a command, which the command does not survive and all else does. */
  readonly onInternalError: (error: unknown, command: Command) => void
}

/** What one nexus can reach. */
interface Reach {
  readonly byLun: Map<number, ItlNexus>
  /** Stands for every number where nothing is mapped. */
  readonly absent: ItlNexus
}

/** Initiator ports that are remembered as having lost their nexus; an older one is greeted like a new one. */
const LOST_PORTS_MAX = 1024

export class ScsiTarget implements TargetView {
  readonly onInternalError: (error: unknown, command: Command) => void
  readonly #logicalUnits: Map<number, LogicalUnit>
  readonly #nexuses = new Map<Nexus, Reach>()
  readonly #lostPortNames = new Set<string>()
  #logicalUnitNumbers: readonly number[] = []

  constructor({ logicalUnits, onInternalError }: ScsiTargetOptions) {
    for (const lun of logicalUnits.keys()) assertMappableLun(lun)
    this.onInternalError = onInternalError
    this.#logicalUnits = new Map(logicalUnits)
    this.#updateLogicalUnitNumbers()
  }

  logicalUnitNumbers(): readonly number[] {
    return this.#logicalUnitNumbers
  }

  /**
   * A new I_T nexus. Its first command on each logical unit is told of a power on, as by a disk that has never heard
   * of this initiator port, or of the nexus loss if it has (SAM-5).
   */
  openNexus(nexus: Nexus): void {
    if (this.#nexuses.has(nexus)) throw new Error(`nexus of ${nexus.initiatorPortName} is open already`)
    const condition = this.#lostPortNames.delete(nexus.initiatorPortName)
      ? SENSE.I_T_NEXUS_LOSS_OCCURRED
      : SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED
    const reach: Reach = { byLun: new Map(), absent: new ItlNexus(nexus, this, null) }
    this.#nexuses.set(nexus, reach)
    for (const [lun, logicalUnit] of this.#logicalUnits) this.#connect(nexus, reach, lun, logicalUnit, condition)
  }

  /** I_T nexus loss (SAM-5): the nexus's commands and reservations end; `ended` when the last command has. */
  closeNexus(nexus: Nexus, ended: () => void): void {
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) {
      ended()
      return
    }
    this.#nexuses.delete(nexus)
    this.#rememberLostPort(nexus.initiatorPortName)
    const { byLun, absent } = reach
    const oneEnded = afterAll(byLun.size + 1, ended)
    for (const itlNexus of byLun.values()) itlNexus.logicalUnit!.detach(itlNexus, oneEnded)
    absent.taskSet.abort(() => true, oneEnded)
  }

  /**
   * Send SCSI Command received (SAM-5).
   * Shape: `lun` is the 8-byte LUN field. A command of a nexus that is closed is aborted at once.
   */
  execute(lun: Buffer, command: Command): void {
    const reach = this.#nexuses.get(command.nexus)
    if (reach === undefined) {
      command.isAborted = true
      command.transport.commandAborted(command)
      return
    }
    const itlNexus = this.#route(reach, lun) ?? reach.absent
    command.itlNexus = itlNexus
    itlNexus.taskSet.insert(command)
  }

  /** ABORT TASK (SAM-5). A command that has ended already is no error. */
  abortTask(command: Command, done: TaskManagementDone): void {
    const complete = () => done('functionComplete')
    if (command.itlNexus === null) complete()
    else command.itlNexus.taskSet.abort((candidate) => candidate === command, complete)
  }

  /** ABORT TASK SET (SAM-5). */
  abortTaskSet(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    this.#manage(nexus, lun, done, (itlNexus, logicalUnit, complete) => logicalUnit.abortTaskSet(itlNexus, complete))
  }

  /** CLEAR TASK SET (SAM-5). */
  clearTaskSet(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    this.#manage(nexus, lun, done, (itlNexus, logicalUnit, complete) => logicalUnit.clearTaskSet(itlNexus, complete))
  }

  /** LOGICAL UNIT RESET (SAM-5). */
  logicalUnitReset(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    this.#manage(nexus, lun, done, (_itlNexus, logicalUnit, complete) => logicalUnit.reset(complete))
  }

  /** Target reset (RFC 7143 11.5.1, warm and cold alike on this side): a reset of every mapped logical unit. */
  targetReset(nexus: Nexus, done: TaskManagementDone): void {
    if (!this.#nexuses.has(nexus)) {
      done('functionRejected')
      return
    }
    const logicalUnits = new Set(this.#logicalUnits.values())
    const oneReset = afterAll(logicalUnits.size, () => done('functionComplete'))
    for (const logicalUnit of logicalUnits) logicalUnit.reset(oneReset)
  }

  /**
   * Map a logical unit under a free number; all nexuses are told that the LUNs changed.
   * Errors: throws for a number that is taken or cannot be addressed.
   */
  mapLogicalUnit(lun: number, logicalUnit: LogicalUnit): void {
    assertMappableLun(lun)
    if (this.#logicalUnits.has(lun)) throw new Error(`LUN ${lun} is mapped already`)
    this.#announceChangedLuns()
    this.#logicalUnits.set(lun, logicalUnit)
    this.#updateLogicalUnitNumbers()
    for (const [nexus, reach] of this.#nexuses) {
      this.#connect(nexus, reach, lun, logicalUnit, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
    }
  }

  /**
   * Take the number away: what came through it is aborted, the other nexuses and LUNs are told. `done` when the last
   * command has ended; then this target does not touch the logical unit any more.
   */
  unmapLogicalUnit(lun: number, done: () => void): void {
    if (!this.#logicalUnits.delete(lun)) throw new Error(`LUN ${lun} is not mapped`)
    this.#updateLogicalUnitNumbers()
    const oneDetached = afterAll(this.#nexuses.size, done)
    for (const { byLun } of this.#nexuses.values()) {
      const itlNexus = byLun.get(lun)!
      byLun.delete(lun)
      itlNexus.logicalUnit!.detach(itlNexus, oneDetached)
    }
    this.#announceChangedLuns()
  }

  #connect(nexus: Nexus, reach: Reach, lun: number, logicalUnit: LogicalUnit, condition: SenseCondition): void {
    const itlNexus = new ItlNexus(nexus, this, logicalUnit)
    itlNexus.unitAttentions.establish(condition)
    reach.byLun.set(lun, itlNexus)
    logicalUnit.attach(itlNexus)
  }

  #route(reach: Reach, lun: Buffer): ItlNexus | null {
    const number = decodeLun(lun)
    return number === null ? null : (reach.byLun.get(number) ?? null)
  }

  #manage(
    nexus: Nexus,
    lun: Buffer,
    done: TaskManagementDone,
    perform: (itlNexus: ItlNexus, logicalUnit: LogicalUnit, complete: () => void) => void,
  ): void {
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) {
      done('functionRejected')
      return
    }
    const itlNexus = this.#route(reach, lun)
    if (itlNexus === null || itlNexus.logicalUnit === null) done('incorrectLogicalUnitNumber')
    else perform(itlNexus, itlNexus.logicalUnit, () => done('functionComplete'))
  }

  #announceChangedLuns(): void {
    for (const { byLun } of this.#nexuses.values()) {
      for (const { unitAttentions } of byLun.values()) unitAttentions.establish(SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
    }
  }

  #updateLogicalUnitNumbers(): void {
    this.#logicalUnitNumbers = [...this.#logicalUnits.keys()].sort((a, b) => a - b)
  }

  /** Bounded, oldest forgotten first, because initiators may come under ever new names. */
  #rememberLostPort(initiatorPortName: string): void {
    this.#lostPortNames.add(initiatorPortName)
    for (const oldest of this.#lostPortNames) {
      if (this.#lostPortNames.size <= LOST_PORTS_MAX) break
      this.#lostPortNames.delete(oldest)
    }
  }
}

/** A function to be called `count` times; the last call calls `done`, and so does a count of zero at once. */
function afterAll(count: number, done: () => void): () => void {
  let remaining = count
  if (remaining === 0) done()
  return () => {
    remaining--
    if (remaining === 0) done()
  }
}
