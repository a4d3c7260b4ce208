/**
 * A SCSI target device (SAM-5): the task router from nexus and LUN to a logical unit, and the task management
 * functions. The transport opens a nexus, sends commands through it, and closes it; the application maps and unmaps
 * logical units, and says who may use them, also while commands run.
 *
 * Every function that ends commands calls `done` only when none of them can reach the medium any more.
 */

import type { Command } from './command.ts'
import { ClassLatencies } from './command-latencies.ts'
import { refuseInAca, refuseTaskSetFull } from './completion.ts'
import { type AccessPolicy, EVERYBODY, type InitiatorAccess, isForWriters } from './initiator-access.ts'
import { ItlNexus, type TargetView, TransferCounters } from './itl-nexus.ts'
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
  | 'functionNotAuthorized'
/** `additionalResponseInformation` has three bytes and comes with QUERY ASYNCHRONOUS EVENT only. */
export type TaskManagementDone = (outcome: TaskManagementOutcome, additionalResponseInformation?: Buffer | null) => void

export interface ScsiTargetOptions {
  /** Logical units by number, 0 to 16383, for everybody. */
  readonly logicalUnits: ReadonlyMap<number, LogicalUnit>
  /** The ports that it has before anybody came through them. */
  readonly targetPorts?: readonly TargetPort[]
  /** A fault of our own while handling a command, which the command does not survive and all else does. */
  readonly onInternalError: (error: unknown, command: Command) => void
}

interface Mapping {
  readonly logicalUnit: LogicalUnit
  readonly policy: AccessPolicy
}

/** What one nexus can reach. */
interface Reach {
  readonly observer: NexusObserver
  readonly byLun: Map<number, ItlNexus>
  /** Stands for every number where nothing is mapped. */
  readonly absent: ItlNexus
  /** What went through I_T_L nexuses that are gone. */
  readonly formerCounters: TransferCounters
  /** The target was powered on since: the port is not told of a nexus loss when it comes back. */
  isPoweredOn: boolean
}

/** For transports that tell nobody. */
const NO_OBSERVER: NexusObserver = { commandsClearedByAnother: () => {} }

/** Initiator ports that are remembered as having lost their nexus; an older one is greeted like a new one. */
const LOST_PORTS_MAX = 1024

export class ScsiTarget implements TargetView {
  readonly latencies = new ClassLatencies()
  readonly onInternalError: (error: unknown, command: Command) => void
  readonly #mappings = new Map<number, Mapping>()
  readonly #nexuses = new Map<Nexus, Reach>()
  #targetPorts = new Map<string, TargetPort>()
  readonly #lostPortNames = new Set<string>()
  /** I_T_L nexuses that are gone but have commands which come to rest, and who waits for that. */
  readonly #leaving = new Map<ItlNexus, (() => void)[]>()

  constructor({ logicalUnits, targetPorts = [], onInternalError }: ScsiTargetOptions) {
    this.onInternalError = onInternalError
    this.setTargetPorts(targetPorts)
    for (const [lun, logicalUnit] of logicalUnits) this.mapLogicalUnit(lun, logicalUnit)
  }

  /** The mapped logical units, by number. */
  logicalUnits(): ReadonlyMap<number, LogicalUnit> {
    return new Map([...this.#mappings].map(([lun, { logicalUnit }]) => [lun, logicalUnit]))
  }

  logicalUnitNumbersOf(nexus: Nexus): readonly number[] {
    return [...(this.#nexuses.get(nexus)?.byLun.keys() ?? [])].sort((a, b) => a - b)
  }

  /** What a nexus sees, by logical unit number. */
  logicalUnitsOf(nexus: Nexus): ReadonlyMap<number, LogicalUnit> {
    const byLun = this.#nexuses.get(nexus)?.byLun ?? []
    return new Map([...byLun].map(([lun, { logicalUnit }]) => [lun, logicalUnit!]))
  }

  /** What went through a nexus since it was opened. */
  countersOf(nexus: Nexus): TransferCounters {
    const counters = new TransferCounters()
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) return counters
    counters.add(reach.formerCounters)
    for (const itlNexus of reach.byLun.values()) counters.add(itlNexus.counters)
    return counters
  }

  /** The ports that it has from now on; one that a nexus comes through is among them anyway. */
  setTargetPorts(targetPorts: readonly TargetPort[]): void {
    this.#targetPorts = new Map(targetPorts.map((port) => [port.name, port]))
    for (const { targetPortName: name, relativeTargetPort } of this.#nexuses.keys()) {
      this.#targetPorts.set(name, { name, relativeTargetPort })
    }
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
    const reach: Reach = {
      observer,
      byLun: new Map(),
      absent,
      formerCounters: new TransferCounters(),
      isPoweredOn: false,
    }
    this.#nexuses.set(nexus, reach)
    for (const [lun, { logicalUnit, policy }] of this.#mappings) {
      this.#connect(nexus, reach, lun, logicalUnit, policy(nexus), condition)
    }
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
    if (logicalUnit !== null) logicalUnit.statistics.latencies.commandArrived(command)
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

  /** Target reset (RFC 7143 11.5.1, TARGET WARM RESET): a reset of every logical unit that the nexus sees. */
  targetReset(nexus: Nexus, done: TaskManagementDone): void {
    this.#resetAll(nexus, SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED, done)
  }

  /**
   * Power on (RFC 7143 11.5.1, TARGET COLD RESET): the transport is to close every nexus when it is done. As that ends the
   * sessions of all, it is for a nexus that may write to every logical unit of the target.
   */
  powerOn(nexus: Nexus, done: TaskManagementDone): void {
    if (![...this.#mappings.values()].every(({ policy }) => policy(nexus) === 'readWrite')) {
      done('functionNotAuthorized')
      return
    }
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
   * Map a logical unit under a free number, for the nexuses that `policy` says; they are told that their LUNs changed.
   * Errors: throws for a number that is taken or cannot be addressed.
   */
  mapLogicalUnit(lun: number, logicalUnit: LogicalUnit, policy: AccessPolicy = EVERYBODY): void {
    assertMappableLun(lun)
    if (this.#mappings.has(lun)) throw new Error(`LUN ${lun} is mapped already`)
    this.#mappings.set(lun, { logicalUnit, policy })
    for (const [nexus, reach] of this.#nexuses) this.#grant(nexus, reach, lun, logicalUnit, policy(nexus))
  }

  /**
   * Take the number away: what came through it ends with TASK ABORTED, and after that the nexuses are told that their
   * LUNs changed. `done` when the last command has ended; then this target does not touch the logical unit any more.
   */
  unmapLogicalUnit(lun: number, done: () => void): void {
    const { logicalUnit } = this.#mappingOf(lun)
    this.#mappings.delete(lun)
    for (const reach of this.#nexuses.values()) this.#withdraw(reach, lun, () => {})
    this.#whenDetached((itlNexus) => itlNexus.logicalUnit === logicalUnit, done)
  }

  /**
   * Ask another policy from now on who may use a mapped logical unit, and how. Exactly those hear of it whose view
   * changes. Who loses sight of it loses his commands as in `unmapLogicalUnit`; of who may only read from now on, writes
   * that have begun are finished. `done` when nothing goes on that the policy does not allow.
   */
  changePolicy(lun: number, policy: AccessPolicy, done: () => void): void {
    const { logicalUnit } = this.#mappingOf(lun)
    this.#mappings.set(lun, { logicalUnit, policy })
    const changes: ((done: () => void) => void)[] = []
    for (const [nexus, reach] of this.#nexuses) {
      const access = policy(nexus)
      const itlNexus = reach.byLun.get(lun)
      if (itlNexus === undefined) this.#grant(nexus, reach, lun, logicalUnit, access)
      else if (access === 'none') changes.push((changed) => this.#withdraw(reach, lun, changed))
      else if (itlNexus.isReadOnly !== (access === 'readOnly')) {
        changes.push((changed) => this.#changeWriteProtection(itlNexus, access, changed))
      }
    }
    const oneChanged = afterAll(changes.length, done)
    for (const change of changes) change(oneChanged)
  }

  #mappingOf(lun: number): Mapping {
    const mapping = this.#mappings.get(lun)
    if (mapping === undefined) throw new Error(`LUN ${lun} is not mapped`)
    return mapping
  }

  #connect(
    nexus: Nexus,
    reach: Reach,
    lun: number,
    logicalUnit: LogicalUnit,
    access: InitiatorAccess,
    condition: SenseCondition,
  ): void {
    if (access === 'none') return
    const itlNexus = new ItlNexus(nexus, reach.observer, this, logicalUnit)
    itlNexus.isReadOnly = access === 'readOnly'
    itlNexus.unitAttentions.establish(condition)
    reach.byLun.set(lun, itlNexus)
    logicalUnit.attach(itlNexus)
  }

  /** A nexus that is open begins to see a logical unit. */
  #grant(nexus: Nexus, reach: Reach, lun: number, logicalUnit: LogicalUnit, access: InitiatorAccess): void {
    if (access === 'none') return
    announceChangedLuns(reach)
    this.#connect(nexus, reach, lun, logicalUnit, access, SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED)
  }

  /** A nexus stops seeing what it may have seen. Its initiator hears at once of the end of its commands. */
  #withdraw(reach: Reach, lun: number, done: () => void): void {
    const itlNexus = reach.byLun.get(lun)
    if (itlNexus === undefined) {
      done()
      return
    }
    reach.byLun.delete(lun)
    reach.formerCounters.add(itlNexus.counters)
    const { taskSet } = itlNexus.logicalUnit!
    for (const command of taskSet.select((candidate) => candidate.itlNexus === itlNexus)) command.isAbortReported = true
    this.#detach(itlNexus)
    this.#whenDetached(
      (leaving) => leaving === itlNexus,
      () => {
        announceChangedLuns(reach)
        done()
      },
    )
  }

  #changeWriteProtection(itlNexus: ItlNexus, access: InitiatorAccess, done: () => void): void {
    itlNexus.isReadOnly = access === 'readOnly'
    itlNexus.unitAttentions.establish(SENSE.MODE_PARAMETERS_CHANGED)
    const isUnderWay = ({ definition, cdb, itlNexus: issuer }: Command) =>
      itlNexus.isReadOnly && issuer === itlNexus && definition !== null && isForWriters(definition, cdb)
    itlNexus.taskSet.whenEnded(isUnderWay, done)
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
    const reach = this.#nexuses.get(nexus)
    if (reach === undefined) {
      done('functionRejected')
      return
    }
    const logicalUnits = new Set([...reach.byLun.values()].map(({ logicalUnit }) => logicalUnit!))
    const oneReset = afterAll(logicalUnits.size, () => done('functionComplete'))
    for (const logicalUnit of logicalUnits) logicalUnit.reset(nexus, condition, oneReset)
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

function announceChangedLuns({ byLun }: Reach): void {
  for (const { unitAttentions } of byLun.values()) unitAttentions.establish(SENSE.REPORTED_LUNS_DATA_HAS_CHANGED)
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
