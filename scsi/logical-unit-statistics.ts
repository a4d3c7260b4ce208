/**
 * What a logical unit counts (SPC-4, SBC-3: the counters of the log pages): plain numbers, because some of them change with
 * every command. They only ever grow; a log parameter that was set back to zero counts from there (`sinceReset`).
 * `completion.ts` counts commands as they end, LOG SENSE and the metrics report, LOG SELECT resets.
 */

import type { Command } from './command.ts'
import { CommandLatencies } from './command-latencies.ts'
import { SENSE_KEY, type SenseCondition } from './sense-codes.ts'

/** The numbers behind log parameters that LOG SELECT sets back to zero. */
export type ResettableCounter =
  | 'readBytes'
  | 'writtenBytes'
  | 'verifiedBytes'
  | 'uncorrectedReadErrors'
  | 'uncorrectedWriteErrors'
  | 'uncorrectedVerifyErrors'
  | 'nonMediumErrors'

export class LogicalUnitStatistics {
  readCommands = 0
  writeCommands = 0
  readBytes = 0
  writtenBytes = 0
  verifiedBytes = 0
  uncorrectedReadErrors = 0
  uncorrectedWriteErrors = 0
  uncorrectedVerifyErrors = 0
  /** Failures of our own: HARDWARE ERROR. */
  nonMediumErrors = 0
  /** START STOP UNIT that started or stopped. */
  startStopCycles = 0
  /** Changes of the power condition, by the condition that was entered. */
  readonly powerConditionTransitions = { active: 0, idle_a: 0, idle_b: 0, idle_c: 0, standby_z: 0, standby_y: 0 }
  readonly latencies = new CommandLatencies()
  /** Commands that ended, by operation code. */
  readonly commandsByOperationCode: readonly number[] = new Array<number>(256).fill(0)
  /** Commands that ended with CHECK CONDITION, by sense key. */
  readonly errorsBySenseKey: readonly number[] = new Array<number>(16).fill(0)
  readonly #valuesAtReset = new Map<ResettableCounter, number>()

  /** How far a number has grown since it was set back to zero. */
  sinceReset(name: ResettableCounter): number {
    return this[name] - (this.#valuesAtReset.get(name) ?? 0)
  }

  reset(names: readonly ResettableCounter[]): void {
    for (const name of names) this.#valuesAtReset.set(name, this[name])
  }

  /** How long reads took together, in milliseconds, as far as those that were timed stand for all. */
  get readProcessingMs(): number {
    return this.latencies.read.meanMs * this.readCommands
  }

  /** The same of writes. */
  get writeProcessingMs(): number {
    return this.latencies.write.meanMs * this.writeCommands
  }

  /** A command ended with a status; it counts for its I_T_L nexus too. */
  commandEnded(command: Command): void {
    const { definition, presentedDataBytes, itlNexus } = command
    const { counters } = itlNexus!
    const counts = this.commandsByOperationCode as number[]
    counts[command.cdb[0]!]!++
    this.latencies.commandEnded(command)
    switch (definition?.taskClass) {
      case 'read':
        this.readCommands++
        this.readBytes += presentedDataBytes
        counters.readCommands++
        counters.readBytes += presentedDataBytes
        break
      case 'write':
        this.writeCommands++
        this.writtenBytes += presentedDataBytes
        counters.writeCommands++
        counters.writtenBytes += presentedDataBytes
        break
      case 'verify':
        this.verifiedBytes += presentedDataBytes
        break
    }
  }

  /** A command ended with CHECK CONDITION. */
  errorReported({ definition }: Command, { key }: SenseCondition): void {
    const errors = this.errorsBySenseKey as number[]
    errors[key]!++
    if (key === SENSE_KEY.HARDWARE_ERROR) this.nonMediumErrors++
    if (key !== SENSE_KEY.MEDIUM_ERROR) return
    switch (definition?.taskClass) {
      case 'read':
        this.uncorrectedReadErrors++
        break
      case 'verify':
        this.uncorrectedVerifyErrors++
        break
      default:
        this.uncorrectedWriteErrors++
    }
  }
}
