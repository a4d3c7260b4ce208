/**
 * An I_T_L nexus (SAM-5): one I_T nexus meeting one logical unit number. Holds what SCSI keeps for that pair and
 * what a handler may ask about the way a command came. The task router makes them: one per nexus and mapped logical
 * unit, plus one per nexus that stands for all numbers where nothing is mapped.
 */

import { OPTIMIZED, TargetPortGroupAccess } from './access-states.ts'
import { type Command, STATUS, type Status } from './command.ts'
import type { ClassLatencies } from './command-latencies.ts'
import { startCommand } from './device-server.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus, NexusObserver, TargetPort } from './nexus.ts'
import { UNIT_ATTENTION_INTERLOCK } from './pages/mode-pages.ts'
import type { Registration } from './reservation-state.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'
import { TaskSet } from './task-set.ts'
import { tellsOfAbortedCommands, UnitAttentionQueue } from './unit-attention.ts'

/** What a command may learn of the target that it came through. */
export interface TargetView {
  /** The logical unit numbers that a nexus sees, ascending. */
  logicalUnitNumbersOf(nexus: Nexus): readonly number[]
  /** The target's ports. */
  targetPorts(): readonly TargetPort[]
  /** How long the commands take that come through it. */
  readonly latencies: ClassLatencies
  /** What a nexus can reach, for the copy manager. */
  itlNexusesOf(nexus: Nexus): Iterable<ItlNexus>
  /** A fault of our own while handling `command`, for the log. */
  onInternalError(error: unknown, command: Command): void
}

/** What went through an I_T_L nexus, or several: plain numbers, because they change with every command. */
export class TransferCounters {
  readCommands = 0
  readBytes = 0
  writeCommands = 0
  writtenBytes = 0

  add({ readCommands, readBytes, writeCommands, writtenBytes }: TransferCounters): void {
    this.readCommands += readCommands
    this.readBytes += readBytes
    this.writeCommands += writeCommands
    this.writtenBytes += writtenBytes
  }
}

/** What a nexus is told of with UA_INTLCK_CTRL 11b (SPC-3 7.4.6). */
const UNIT_ATTENTION_OF_STATUS: Partial<Record<Status, SenseCondition>> = {
  [STATUS.BUSY]: SENSE.PREVIOUS_BUSY_STATUS,
  [STATUS.TASK_SET_FULL]: SENSE.PREVIOUS_TASK_SET_FULL_STATUS,
  [STATUS.RESERVATION_CONFLICT]: SENSE.PREVIOUS_RESERVATION_CONFLICT_STATUS,
}

export class ItlNexus {
  readonly nexus: Nexus
  readonly observer: NexusObserver
  readonly target: TargetView
  /** Null where nothing is mapped. */
  readonly logicalUnit: LogicalUnit | null
  readonly taskSet: TaskSet
  /** The logical unit through the target port of this nexus. */
  readonly access: TargetPortGroupAccess
  readonly unitAttentions = new UnitAttentionQueue()
  readonly counters = new TransferCounters()
  /** The initiator may only read (`initiator-access.ts`), whatever the logical unit would take from others. */
  isReadOnly = false
  /** The persistent reservation registration of this nexus; kept up to date by `PersistentReservations`. */
  registration: Registration | null = null
  /** What the last WRITE BUFFER wrote into the echo buffer; null before the first one. */
  echoBuffer: Buffer | null = null

  constructor(nexus: Nexus, observer: NexusObserver, target: TargetView, logicalUnit: LogicalUnit | null) {
    this.nexus = nexus
    this.observer = observer
    this.target = target
    this.logicalUnit = logicalUnit
    this.access = logicalUnit?.accessStates.of(nexus.relativeTargetPort) ?? new TargetPortGroupAccess(OPTIMIZED)
    this.taskSet = logicalUnit === null ? new TaskSet(startCommand) : logicalUnit.taskSet
  }

  /**
   * The pending unit attention of highest precedence, which `command` reports and which is no longer pending; or null.
   * One that tells of aborted commands must not overtake what these had sent before (SAM-5; RFC 7143 4.2.2.3.4 a).
   */
  takeUnitAttention(command: Command): SenseCondition | null {
    const condition = this.unitAttentions.take()
    command.reportedUnitAttention = condition
    if (condition !== null && tellsOfAbortedCommands(condition)) command.needsFence = true
    return condition
  }

  /**
   * The pending unit attention of highest precedence, for `command` to end with CHECK CONDITION; or null. It stays
   * pending where UA_INTLCK_CTRL says so: then REQUEST SENSE alone ends it.
   */
  reportUnitAttention(command: Command): SenseCondition | null {
    const isInterlocked = this.#interlock !== UNIT_ATTENTION_INTERLOCK.CLEAR
    return isInterlocked ? this.unitAttentions.first : this.takeUnitAttention(command)
  }

  /** The priority of commands that state none: 1 highest to 15 lowest, 0 for none. */
  get priority(): number {
    if (this.logicalUnit === null) return 0
    const { assignedPriorities, modeSettings } = this.logicalUnit
    return assignedPriorities.of(this.nexus) || modeSettings.initialCommandPriority
  }

  /** A command ended with a status that carries no sense data. */
  statusReturned(status: Status): void {
    if (this.#interlock !== UNIT_ATTENTION_INTERLOCK.KEEP_AND_TELL_OF_STATUS) return
    const condition = UNIT_ATTENTION_OF_STATUS[status]
    if (condition !== undefined) this.unitAttentions.establish(condition)
  }

  get #interlock(): number {
    return this.logicalUnit?.modeSettings.unitAttentionInterlock ?? UNIT_ATTENTION_INTERLOCK.CLEAR
  }
}
