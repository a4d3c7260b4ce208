/**
 * A logical unit (SAM-5): what it is, the store that holds its blocks, its task set, its reservation, and the
 * I_T_L nexuses that can reach it. One logical unit may be mapped into several targets; what happens to it through
 * one is told to the nexuses of all.
 */

import { type AccessChange, AccessStates, type GroupAccess, STATUS_CODE } from './access-states.ts'
import { AssignedPriorities } from './assigned-priorities.ts'
import { AtomicWriter } from './atomic-writer.ts'
import type { BackingDone, BackingStore } from './backing/backing-store.ts'
import { NO_MEDIUM } from './backing/no-medium.ts'
import { touchedBytes } from './block-range.ts'
import { BlockRangeLocks } from './block-range-locks.ts'
import { type Command, TASK_ATTRIBUTE } from './command.ts'
import { COMMAND_SETS, type CommandSet } from './command-table.ts'
import { CopyManager } from './copy/copy-manager.ts'
import { LogicalUnitCopies } from './copy/logical-unit-copies.ts'
import { DeviceClock } from './device-clock.ts'
import { startCommand } from './device-server.ts'
import { BLOCK_LENGTHS_BYTES, type DeviceType } from './device-type.ts'
import { Erasure, type ErasurePace } from './erasure.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnitIdentity, LogicalUnitProperties } from './logical-unit-properties.ts'
import { LogicalUnitStatistics } from './logical-unit-statistics.ts'
import { type ModePageChange, ModeSettings } from './mode-settings.ts'
import type { Nexus } from './nexus.ts'
import { EXCEPTION_REPORTING, INFORMATIONAL_EXCEPTIONS_CONTROL, QUEUE_ERROR_MANAGEMENT } from './pages/mode-pages.ts'
import { PersistentReservations } from './persistent-reservations.ts'
import { PowerCondition } from './power-condition.ts'
import { ProvisioningWatch } from './provisioning-watch.ts'
import { RemovableMedium } from './removable-medium.ts'
import { Reservation } from './reservations.ts'
import { type ResizeOptions, Resizing } from './resize.ts'
import { MemorySavedState, type SavedState } from './saved-state.ts'
import { SELF_TEST_RESULT, SelfTests } from './self-test.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'
import { TaskSet } from './task-set.ts'

export interface LogicalUnitOptions {
  readonly identity: LogicalUnitIdentity
  /** By default a disk. */
  readonly deviceType?: DeviceType
  /** Its medium can be ejected; by default that of a CD or DVD device only. */
  readonly isRemovable?: boolean
  /** A power of two of logical blocks; by default one. What a host should write at a time (512e). */
  readonly physicalBlockBytes?: number
  /** LOWEST ALIGNED LOGICAL BLOCK ADDRESS: where the first whole physical block begins; by default 0. */
  readonly lowestAlignedLba?: number
  /** 512 or 4096; 2048 of a CD or DVD device. Bytes of the store beyond the last whole block are never touched. */
  readonly blockLengthBytes: number
  /** Write protected towards initiators even if the store could write. */
  readonly isReadOnly: boolean
  /** Commands of all nexuses at a time; one more ends with TASK SET FULL. */
  readonly commandsMax?: number
  /** Where it keeps what outlives a restart; by default nothing does. */
  readonly savedState?: SavedState
  /** The machine's clock, in milliseconds since 1970. */
  readonly nowMs?: () => number
  /** How it can be reached at first, by TARGET PORT GROUP; a group that is not named is active/optimized. */
  readonly groupAccess?: ReadonlyMap<number, GroupAccess>
  /** What it shares with the logical units that it can be copied from and to; by default one of its own. */
  readonly copyManager?: CopyManager
  /** How fast FORMAT UNIT and SANITIZE may go; by default as fast as they can. */
  readonly erasurePace?: ErasurePace
}

/** As many as 128 sessions of the usual command window have. */
const COMMANDS_MAX = 16 * 1024

export class LogicalUnit {
  /** Replaced by another object when one of them changes. */
  properties: LogicalUnitProperties
  /** Another object while third-party copy watches for changes. */
  store: BackingStore
  readonly savedState: SavedState
  readonly commandSet: CommandSet
  readonly medium: RemovableMedium
  readonly taskSet: TaskSet
  readonly rangeLocks: BlockRangeLocks
  /** Another object for another medium. */
  atomicWriter: AtomicWriter
  readonly provisioningWatch = new ProvisioningWatch(this)
  readonly reservation = new Reservation()
  readonly persistentReservations: PersistentReservations
  readonly modeSettings: ModeSettings
  readonly accessStates: AccessStates
  readonly copies: LogicalUnitCopies
  readonly statistics = new LogicalUnitStatistics()
  readonly powerCondition = new PowerCondition(this.statistics)
  readonly assignedPriorities = new AssignedPriorities()
  readonly clock: DeviceClock
  readonly selfTests: SelfTests
  readonly erasure: Erasure
  readonly #resizing: Resizing
  /** What WRITE BUFFER writes; made when it first does. */
  dataBuffer: Buffer | null = null
  /** WCE is zero over a store with a volatile cache: what a command wrote is flushed before its status. */
  mustFlushWrites = false
  readonly #isReadOnly: boolean
  readonly #itlNexuses = new Set<ItlNexus>()

  /** `medium` is null for a drive without a medium, which only a removable one can do without. */
  constructor(options: LogicalUnitOptions, medium: BackingStore | null) {
    const { identity, blockLengthBytes, isReadOnly, commandsMax = COMMANDS_MAX, deviceType = 'disk' } = options
    const { isRemovable = deviceType === 'cdDvd' } = options
    const possible: readonly number[] = BLOCK_LENGTHS_BYTES[deviceType]
    if (!possible.includes(blockLengthBytes)) {
      throw new RangeError(`logical block length ${blockLengthBytes} is not one of ${possible.join(' and ')}`)
    }
    if (medium === null && !isRemovable) throw new RangeError('a logical unit without a medium must be removable')
    const store = medium ?? NO_MEDIUM
    this.commandSet = COMMAND_SETS[deviceType]
    this.medium = new RemovableMedium(this, medium)
    this.store = store
    this.copies = new LogicalUnitCopies(this, options.copyManager ?? new CopyManager())
    this.accessStates = new AccessStates(options.groupAccess ?? new Map())
    this.savedState = options.savedState ?? new MemorySavedState()
    this.persistentReservations = new PersistentReservations(this.savedState, this.#itlNexuses)
    this.clock = new DeviceClock(options.nowMs ?? Date.now)
    this.selfTests = new SelfTests(() => this.store, this.clock)
    this.taskSet = new TaskSet(startCommand, commandsMax)
    this.atomicWriter = new AtomicWriter(this.copies.watch.watched(store), this.savedState)
    this.rangeLocks = new BlockRangeLocks(this.taskSet, (command) => touchedBytes(command, blockLengthBytes))
    this.#isReadOnly = isReadOnly || deviceType === 'cdDvd'
    const { physicalBlockBytes = blockLengthBytes, lowestAlignedLba = 0 } = options
    checkPhysicalBlocks(blockLengthBytes, physicalBlockBytes, lowestAlignedLba)
    this.properties = {
      identity,
      deviceType,
      isRemovable,
      physicalBlockBytes,
      lowestAlignedLba,
      blockLengthBytes,
      blockCount: Math.floor(store.sizeBytes / blockLengthBytes),
      capabilities: store.capabilities,
      isReadOnly: this.#isReadOnly || store.capabilities.readOnly,
    }
    if (medium !== null) this.assertHoldsBlocks(medium)
    this.modeSettings = new ModeSettings(this.properties, this.savedState)
    this.#applyModes()
    this.#resizing = new Resizing(this, (blocks) => {
      this.properties = { ...this.properties, blockCount: blocks }
    })
    this.erasure = new Erasure(this, options.erasurePace ?? null)
  }

  /** Reservations or registrations may stop a command. */
  get isReserved(): boolean {
    return this.persistentReservations.isActive || this.reservation.isHeld
  }

  /** The medium is growing or shrinking. */
  get isResizing(): boolean {
    return this.#resizing.isUnderWay
  }

  /** The server itself works on the medium or, after a failed format or sanitize operation, must not give it away. */
  get isMediumHeld(): boolean {
    return this.erasure.isBlocking || this.isResizing
  }

  /** A nexus can reach this logical unit from now on, and is told of what happens to it. */
  attach(itlNexus: ItlNexus): void {
    this.#itlNexuses.add(itlNexus)
    this.persistentReservations.recognise(itlNexus)
  }

  /** The nexus is gone, and with it its reservation and its commands; `done` comes when the last one has ended. */
  detach(itlNexus: ItlNexus, done: () => void): void {
    this.#itlNexuses.delete(itlNexus)
    this.reservation.release(itlNexus)
    this.medium.allow(itlNexus)
    this.abortTaskSet(itlNexus, () => this.copies.detach(itlNexus, done))
    this.taskSet.clearAca(itlNexus)
  }

  /** ABORT TASK SET (SAM-5): the commands of one nexus, or those of them that `covers` picks. */
  abortTaskSet(itlNexus: ItlNexus, done: () => void, covers: (command: Command) => boolean = everyCommand): void {
    this.taskSet.abort((command) => command.itlNexus === itlNexus && covers(command), done)
  }

  /**
   * CLEAR TASK SET (SAM-5): the commands of all nexuses, of `itlNexus` itself those that `covers` picks. The others are
   * told when they lose some. Where each nexus has a task set of its own, that of `itlNexus` is meant.
   */
  clearTaskSet(itlNexus: ItlNexus, done: () => void, covers: (command: Command) => boolean = everyCommand): void {
    if (this.modeSettings.hasTaskSetPerNexus) {
      this.abortTaskSet(itlNexus, done, covers)
      return
    }
    const selects = (command: Command) => command.itlNexus !== itlNexus || covers(command)
    this.#abort(selects, itlNexus.nexus, done)
  }

  /** CLEAR ACA (SAM-5) from the faulted nexus: its ACA command is aborted, then what was blocked goes on behind `done`. */
  clearAca(itlNexus: ItlNexus, done: () => void): void {
    const isAcaCommand = (command: Command) => command.taskAttribute === TASK_ATTRIBUTE.ACA
    this.abortTaskSet(itlNexus, () => this.taskSet.clearAca(itlNexus, done), isAcaCommand)
  }

  /** The initiator ports of a SCSI initiator device that have a nexus to this logical unit. */
  initiatorPortsOf(initiatorDeviceName: string): readonly string[] {
    const nexuses = [...this.#itlNexuses].map(({ nexus }) => nexus)
    const ports = nexuses.filter((nexus) => nexus.initiatorDeviceName === initiatorDeviceName)
    return [...new Set(ports.map(({ initiatorPortName }) => initiatorPortName))]
  }

  /**
   * PREEMPT AND ABORT (SPC-4 5.13.11.2.6): the commands of the `preempted` nexuses except `issuer` itself, and the auto
   * contingent allegiances of these nexuses.
   */
  abortPreempted(preempted: ReadonlySet<ItlNexus>, issuer: Command, done: () => void): void {
    for (const itlNexus of preempted) this.medium.allow(itlNexus)
    const isPreempted = (command: Command) => command !== issuer && preempted.has(command.itlNexus!)
    this.#abort(isPreempted, issuer.nexus, () => this.copies.abortPreempted(preempted, done))
    for (const itlNexus of preempted) this.taskSet.clearAca(itlNexus)
  }

  /** LOGICAL UNIT RESET (SAM-5) that `issuer` asked for: commands and reservation go, every nexus is told. */
  reset(issuer: Nexus, condition: SenseCondition, done: () => void): void {
    this.reservation.clear()
    if (condition === SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED) this.persistentReservations.powerOn()
    this.selfTests.abort(SELF_TEST_RESULT.ABORTED_OTHERWISE)
    this.powerCondition.enter('active')
    this.medium.allowAll()
    this.assignedPriorities.clear()
    this.modeSettings.revertToSaved()
    this.#applyModes()
    this.establishUnitAttention(condition)
    this.#announceAbort(everyCommand, issuer)
    this.taskSet.abort(everyCommand, () => this.copies.reset(done))
    this.taskSet.clearEveryAca()
  }

  /** A command of this nexus ended with CHECK CONDITION: abort the commands that QERR says (SPC-3 7.4.6). */
  errorReported(itlNexus: ItlNexus): void {
    const { queueErrorManagement } = this.modeSettings
    if (queueErrorManagement === QUEUE_ERROR_MANAGEMENT.ALL) this.clearTaskSet(itlNexus, () => {})
    else if (queueErrorManagement === QUEUE_ERROR_MANAGEMENT.SAME_I_T_NEXUS) this.abortTaskSet(itlNexus, () => {})
  }

  /**
   * MODE SELECT: change mode pages, with `save` for good, and tell the nexuses other than `changer`. Returns whether
   * cached data must now go to the medium.
   * Errors: throws when the pages cannot be saved; then nothing has changed.
   */
  changeModes(changes: readonly ModePageChange[], save: boolean, changer: ItlNexus): boolean {
    const { modeSettings } = this
    const { isWriteCacheEnabled, isSoftwareWriteProtected } = modeSettings
    if (modeSettings.change(changes, save)) this.establishUnitAttention(SENSE.MODE_PARAMETERS_CHANGED, changer)
    this.#applyModes()
    if (changes.some(({ page }) => page === INFORMATIONAL_EXCEPTIONS_CONTROL)) this.#reportTestedFailure()
    const isCacheLost = isWriteCacheEnabled && !modeSettings.isWriteCacheEnabled
    const isProtectedNow = !isSoftwareWriteProtected && modeSettings.isSoftwareWriteProtected
    // What an ejected medium had cached was written out before it left.
    return !this.medium.isAbsent && (isCacheLost || isProtectedNow)
  }

  /**
   * Make the logical unit larger or smaller while it is in use, and tell every nexus.
   * Errors: when the store cannot be resized, the size is no positive multiple of the block length, the medium is being
   * erased, or shrinking would lose data that `options` do not give up; then nothing has changed.
   */
  resize(sizeBytes: number, options: ResizeOptions, done: BackingDone): void {
    this.#resizing.start(sizeBytes, options, done)
  }

  /**
   * Change how the logical unit can be reached, for an initiator that asked for it (SET TARGET PORT GROUPS) or, with null,
   * of the server's own accord; every other nexus is told. What runs already goes on.
   */
  changeAccess(changes: readonly AccessChange[], changer: ItlNexus | null): void {
    const reason = changer === null ? STATUS_CODE.IMPLICIT : STATUS_CODE.EXPLICIT
    if (!this.accessStates.apply(changes, reason)) return
    this.establishUnitAttention(SENSE.ASYMMETRIC_ACCESS_STATE_CHANGED, changer)
  }

  /** Work on this store from now on. For `RemovableMedium`, which knows when nobody works on the one before. */
  mount(store: BackingStore): void {
    this.store = store
    this.atomicWriter = new AtomicWriter(this.copies.watch.watched(store), this.savedState)
    const blockCount = Math.floor(store.sizeBytes / this.properties.blockLengthBytes)
    this.properties = { ...this.properties, blockCount, capabilities: store.capabilities }
    this.#applyModes()
  }

  /** Errors: RangeError for a store that does not hold one logical block. */
  assertHoldsBlocks({ sizeBytes }: BackingStore): void {
    if (sizeBytes >= this.properties.blockLengthBytes) return
    throw new RangeError(`a store of ${sizeBytes} bytes does not hold one logical block`)
  }

  /** Every nexus that can reach this logical unit. */
  get itlNexuses(): Iterable<ItlNexus> {
    return this.#itlNexuses
  }

  /** Tell every nexus of a condition, once; all but `except`, which caused it. */
  establishUnitAttention(condition: SenseCondition, except: ItlNexus | null = null): void {
    for (const itlNexus of this.#itlNexuses) {
      if (itlNexus !== except) itlNexus.unitAttentions.establish(condition)
    }
  }

  #reportTestedFailure(): void {
    const { isFailureTested, exceptionReporting } = this.modeSettings
    if (isFailureTested && exceptionReporting === EXCEPTION_REPORTING.UNIT_ATTENTION) {
      this.establishUnitAttention(SENSE.FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE)
    }
  }

  #applyModes(): void {
    const { isWriteCacheEnabled, isSoftwareWriteProtected, hasTaskSetPerNexus } = this.modeSettings
    this.mustFlushWrites = this.properties.capabilities.volatileWriteCache && !isWriteCacheEnabled
    const isReadOnly = this.#isReadOnly || this.properties.capabilities.readOnly || isSoftwareWriteProtected
    this.properties = { ...this.properties, isReadOnly }
    this.taskSet.isPerNexus = hasTaskSetPerNexus
  }

  /** Abort commands for `issuer`; the other nexuses are told when they lose some, with TAS by the status of each. */
  #abort(selects: (command: Command) => boolean, issuer: Nexus, done: () => void): void {
    if (this.modeSettings.isAbortReported) {
      for (const command of this.taskSet.select(selects)) command.isAbortReported = command.nexus !== issuer
      this.taskSet.abort(selects, done)
      return
    }
    for (const loser of this.#announceAbort(selects, issuer)) {
      loser.unitAttentions.establish(SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    }
    this.taskSet.abort(selects, done)
  }

  /** Tell the transports of the nexuses that lose commands to `issuer`. Returns these nexuses. */
  #announceAbort(selects: (command: Command) => boolean, issuer: Nexus): readonly ItlNexus[] {
    const lost = this.taskSet.select((command) => command.nexus !== issuer && selects(command))
    const losers = Map.groupBy(lost, (command) => command.itlNexus!)
    for (const [{ observer }, commands] of losers) observer.commandsClearedByAnother(commands)
    return [...losers.keys()]
  }
}

function checkPhysicalBlocks(blockLengthBytes: number, physicalBlockBytes: number, lowestAlignedLba: number): void {
  const exponent = Math.log2(physicalBlockBytes / blockLengthBytes)
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > 14) {
    throw new RangeError(`a physical block of ${physicalBlockBytes} bytes is not 2^0 to 2^14 logical blocks`)
  }
  if (!Number.isInteger(lowestAlignedLba) || lowestAlignedLba < 0 || lowestAlignedLba >= 2 ** exponent) {
    throw new RangeError(`lowest aligned logical block address ${lowestAlignedLba} is not in the first physical block`)
  }
}

function everyCommand(): boolean {
  return true
}
