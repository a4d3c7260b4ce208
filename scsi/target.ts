/**
 * A SCSI target device (SAM-5): the task router from nexus and LUN to a logical unit, and the task management
 * functions. The transport opens a nexus, sends commands through it, and closes it; the application maps and unmaps
 * logical units, also while commands run.
 *
 * Every function that ends commands calls `done` only when none of them can reach the medium any more.
 */

import type { Command } from './command.ts'
import { refuseInAca, refuseTaskSetFull } from './completion.ts'
import { ItlNexus, type TargetView } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { assertMappableLun, decodeLun } from './lun.ts'
import type { Nexus, NexusObserver, TargetPort } from './nexus.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

/** The service response of a task management function (SAM-5). */
export type TaskManagementOutcome =
  | 'functionComplete'
  | 'functionSucceeded'
  | 'incorrectLogicalUnitNumber'
  | 'functionRejected'
/** `additionalResponseInformation` has three bytes and comes with QUERY ASYNCHRONOUS EVENT only. */
export type TaskManagementDone = (outcome: TaskManagementOutcome, additionalResponseInformation?: Buffer | null) => void

export interface ScsiTargetOptions {
  /** Logical units by number, 0 to 16383. */
  readonly logicalUnits: ReadonlyMap<number, LogicalUnit>
  /** The ports that it has before anybody came through them. */
  readonly targetPorts?: readonly TargetPort[]
  /** A fault of our own while handling a command, which the command does not survive and all else does. */
  readonly onInternalError: (error: unknown, command: Command) => void
}

/** What one nexus can reach. */
interface Reach {
  readonly observer: NexusObserver
  readonly byLun: Map<number, ItlNexus>
  /** Stands for every number where nothing is mapped. */
  readonly absent: ItlNexus
  /** The target was powered on since: the port is not told of a nexus loss when it comes back. */
  isPoweredOn: boolean
}

/** For transports that tell nobody. */
const NO_OBSERVER: NexusObserver = { commandsClearedByAnother: () => {} }

/** Initiator ports that are remembered as having lost their nexus; an older one is greeted like a new one. */
const LOST_PORTS_MAX = 1024

export class ScsiTarget implements TargetView {
  readonly onInternalError: (error: unknown, command: Command) => void
  readonly #logicalUnits: Map<number, LogicalUnit>
  readonly #nexuses = new Map<Nexus, Reach>()
  readonly #targetPorts = new Map<string, TargetPort>()
  readonly #lostPortNames = new Set<string>()
  /** I_T_L nexuses that are gone but have commands which come to rest, and who waits for that. */
  readonly #leaving = new Map<ItlNexus, (() => void)[]>()
  #logicalUnitNumbers: readonly number[] = []

  constructor({ logicalUnits, targetPorts = [], onInternalError }: ScsiTargetOptions) {
    for (const lun of logicalUnits.keys()) assertMappableLun(lun)
    this.onInternalError = onInternalError
    for (const port of targetPorts) this.#targetPorts.set(port.name, port)
    this.#logicalUnits = new Map(logicalUnits)
    this.#updateLogicalUnitNumbers()
  }

  logicalUnitNumbers(): readonly number[] {
    return this.#logicalUnitNumbers
  }

  targetPorts(): readonly TargetPort[] {
    return [...this.#targetPorts.values()]
  }

  itlNexusesOf(nexus: Nexus): Iterable<ItlNexus> {
    return this.#nexuses.get(nexus)?.byLun.values() ?? []
  }

  /**
   * A new I_T nexus. Its first command on each logical unit is told of a power on, as by a disk that has never heard
   * of this initiator port, or of the nexus loss if it has (SAM-5).
   */
  openNexus(nexus: Nexus, observer: NexusObserver = NO_OBSERVER): void {
    if (this.#nexuses.has(nexus)) throw new Error(`nexus of ${nexus.initiatorPortName} is open already`)
    const condition = this.#lostPortNames.delete(nexus.initiatorPortName)
      ? SENSE.I_T_NEXUS_LOSS_OCCURRED
      : SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED
    const { targetPortName, relativeTargetPort } = nexus
    this.#targetPorts.set(targetPortName, { name: targetPortName, relativeTargetPort })
    const absent = new ItlNexus(nexus, observer, this, null)
    const reach: Reach = { observer, byLun: new Map(), absent, isPoweredOn: false }
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
    if (!reach.isPoweredOn) this.#rememberLostPort(nexus.initiatorPortName)
    for (const itlNexus of reach.byLun.values()) this.#detach(itlNexus)
    this.#whenDetached(
      (itlNexus) => itlNexus.nexus === nexus,
      () => reach.absent.taskSet.abort(() => true, ended),
    )
  }

  /** What an 8-byte LUN field addresses through a nexus: one value a logical unit, null where none is mapped. */
  logicalUnitOf(nexus: Nexus, lun: Buffer): object | null {
    const reach = this.#nexuses.get(nexus)
    return reach === undefined ? null : this.#route(reach, lun)
  }

  /** The response of a command that has ended never reaches the initiator: its unit attention is pending again. */
  responseDropped({ itlNexus, reportedUnitAttention }: Command): void {
    if (reportedUnitAttention !== null) itlNexus?.unitAttentions.establish(reportedUnitAttention)
  }

  /**
   * The transport has ended commands of a nexus on these logical units by itself: the next command on each is told.
   * Shape: 8-byte LUN fields; those where nothing is mapped are passed over.
   */
  commandsTerminated(nexus: Nexus, luns: readonly Buffer[]): void {
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) return
    for (const lun of luns) {
      this.#route(reach, lun)?.unitAttentions.establish(SENSE.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT)
    }
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
    const { taskSet, logicalUnit } = itlNexus
    if (logicalUnit !== null) logicalUnit.statistics.commandArrived(command)
    const refusal = taskSet.hasAca ? taskSet.refuseInAca(command) : null
    if (refusal !== null) refuseInAca(command, refusal)
    else if (taskSet.isFull) refuseTaskSetFull(command)
    else taskSet.insert(command)
  }

  /** ABORT TASK (SAM-5). A command that has ended already is no error. */
  abortTask(command: Command, done: TaskManagementDone): void {
    const complete = () => done('functionComplete')
    if (command.itlNexus === null) complete()
    else command.itlNexus.taskSet.abort((candidate) => candidate === command, complete)
  }

  /** ABORT TASK SET (SAM-5): the nexus's commands that `covers` picks. */
  abortTaskSet(nexus: Nexus, lun: Buffer, done: TaskManagementDone, covers?: (command: Command) => boolean): void {
    this.#manage(nexus, lun, done, (itlNexus, logicalUnit, complete) =>
      logicalUnit.abortTaskSet(itlNexus, complete, covers),
    )
  }

  /** CLEAR TASK SET (SAM-5): every nexus's commands, of this nexus's own those that `covers` picks. */
  clearTaskSet(nexus: Nexus, lun: Buffer, done: TaskManagementDone, covers?: (command: Command) => boolean): void {
    this.#manage(nexus, lun, done, (itlNexus, logicalUnit, complete) =>
      logicalUnit.clearTaskSet(itlNexus, complete, covers),
    )
  }

  /** CLEAR ACA (SAM-5): only the faulted nexus may; where there is no ACA it has nothing to do. */
  clearAca(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    const reach = this.#nexuses.get(nexus)
    const itlNexus = reach === undefined ? null : this.#route(reach, lun)
    if (itlNexus === null || itlNexus.logicalUnit === null) done('incorrectLogicalUnitNumber')
    else if (itlNexus.taskSet.isFaulted(itlNexus))
      itlNexus.logicalUnit.clearAca(itlNexus, () => done('functionComplete'))
    else done(itlNexus.taskSet.isInAca(itlNexus) ? 'functionRejected' : 'functionComplete')
  }

  /** LOGICAL UNIT RESET (SAM-5). */
  logicalUnitReset(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    this.#manage(nexus, lun, done, (_itlNexus, logicalUnit, complete) =>
      logicalUnit.reset(nexus, SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED, complete),
    )
  }

  /** Target reset (RFC 7143 11.5.1, TARGET WARM RESET): a reset of every mapped logical unit. */
  targetReset(nexus: Nexus, done: TaskManagementDone): void {
    this.#resetAll(nexus, SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED, done)
  }

  /** Power on (RFC 7143 11.5.1, TARGET COLD RESET): the transport is to close every nexus when it is done. */
  powerOn(nexus: Nexus, done: TaskManagementDone): void {
    for (const reach of this.#nexuses.values()) reach.isPoweredOn = true
    this.#lostPortNames.clear()
    this.#resetAll(nexus, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED, done)
  }

  /** The first half of I_T NEXUS RESET (SAM-5): the nexus's commands end; `closeNexus` is the other half. */
  abortNexus(nexus: Nexus, done: TaskManagementDone): void {
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) {
      done('functionRejected')
      return
    }
    const oneAborted = afterAll(reach.byLun.size, () => done('functionComplete'))
    for (const itlNexus of reach.byLun.values()) itlNexus.logicalUnit!.abortTaskSet(itlNexus, oneAborted)
  }

  /** QUERY ASYNCHRONOUS EVENT (SAM-5): whether a unit attention is pending, which stays pending. */
  queryAsynchronousEvent(nexus: Nexus, lun: Buffer, done: TaskManagementDone): void {
    const reach = this.#nexuses.get(nexus)
    const unitAttentions = reach === undefined ? undefined : this.#route(reach, lun)?.unitAttentions
    if (unitAttentions === undefined) done('incorrectLogicalUnitNumber')
    else if (unitAttentions.first === null) done('functionComplete')
    else done('functionSucceeded', asynchronousEvent(unitAttentions.first, unitAttentions.size))
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
    const logicalUnit = this.#logicalUnits.get(lun)
    if (logicalUnit === undefined) throw new Error(`LUN ${lun} is not mapped`)
    this.#logicalUnits.delete(lun)
    this.#updateLogicalUnitNumbers()
    for (const { byLun } of this.#nexuses.values()) {
      this.#detach(byLun.get(lun)!)
      byLun.delete(lun)
    }
    this.#whenDetached((itlNexus) => itlNexus.logicalUnit === logicalUnit, done)
    this.#announceChangedLuns()
  }

  #connect(nexus: Nexus, reach: Reach, lun: number, logicalUnit: LogicalUnit, condition: SenseCondition): void {
    const itlNexus = new ItlNexus(nexus, reach.observer, this, logicalUnit)
    itlNexus.unitAttentions.establish(condition)
    reach.byLun.set(lun, itlNexus)
    logicalUnit.attach(itlNexus)
  }

  #detach(itlNexus: ItlNexus): void {
    this.#leaving.set(itlNexus, [])
    itlNexus.logicalUnit!.detach(itlNexus, () => {
      const listeners = this.#leaving.get(itlNexus)!
      this.#leaving.delete(itlNexus)
      for (const listener of listeners) listener()
    })
  }

  /** Call `done` when nothing that is leaving and that `selects` picks has commands left; also what left before. */
  #whenDetached(selects: (itlNexus: ItlNexus) => boolean, done: () => void): void {
    const awaited = [...this.#leaving].filter(([itlNexus]) => selects(itlNexus))
    const oneDetached = afterAll(awaited.length, done)
    for (const [, listeners] of awaited) listeners.push(oneDetached)
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

  #resetAll(nexus: Nexus, condition: SenseCondition, done: TaskManagementDone): void {
    if (!this.#nexuses.has(nexus)) {
      done('functionRejected')
      return
    }
    const logicalUnits = new Set(this.#logicalUnits.values())
    const oneReset = afterAll(logicalUnits.size, () => done('functionComplete'))
    for (const logicalUnit of logicalUnits) logicalUnit.reset(nexus, condition, oneReset)
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

/**
 * Additional response information of QUERY ASYNCHRONOUS EVENT (SAM-5): UADE DEPTH, SENSE KEY, ADDITIONAL SENSE CODE and
 * ADDITIONAL SENSE CODE QUALIFIER of the event that would be reported next.
 */
function asynchronousEvent({ key, asc, ascq }: SenseCondition, eventCount: number): Buffer {
  const DEPTH = { one: 0b01, several: 0b10 }
  const depth = eventCount === 1 ? DEPTH.one : DEPTH.several
  return Buffer.from([(depth << 4) | key, asc, ascq])
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
