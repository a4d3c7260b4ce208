/**
 * An I_T_L nexus (SAM-5): one I_T nexus meeting one logical unit number. Holds what SCSI keeps for that pair and
 * what a handler may ask about the way a command came. The task router makes them: one per nexus and mapped logical
 * unit, plus one per nexus that stands for all numbers where nothing is mapped.
 */

import type { Command } from './command.ts'
import { startCommand } from './device-server.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { Nexus, NexusObserver } from './nexus.ts'
import type { SenseCondition } from './sense-codes.ts'
import { TaskSet } from './task-set.ts'
import { tellsOfAbortedCommands, UnitAttentionQueue } from './unit-attention.ts'

/** What a command may learn of the target that it came through. */
export interface TargetView {
  /** The mapped logical unit numbers, ascending. */
  logicalUnitNumbers(): readonly number[]
  /** A fault of our own while handling `command`, for the log. */
  onInternalError(error: unknown, command: Command): void
}

export class ItlNexus {
  readonly nexus: Nexus
  readonly observer: NexusObserver
  readonly target: TargetView
  /** Null where nothing is mapped. */
  readonly logicalUnit: LogicalUnit | null
  readonly taskSet: TaskSet
  readonly unitAttentions = new UnitAttentionQueue()

  constructor(nexus: Nexus, observer: NexusObserver, target: TargetView, logicalUnit: LogicalUnit | null) {
    this.nexus = nexus
    this.observer = observer
    this.target = target
    this.logicalUnit = logicalUnit
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
}
