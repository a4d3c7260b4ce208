/**
 * What a logical unit counts (SPC-4, SBC-3: the counters of the log pages): plain numbers, because some of them change with
 * every command. They only ever grow; a log parameter that was set back to zero counts from there (`sinceReset`).
 * `completion.ts` counts commands as they end, LOG SENSE reports, LOG SELECT resets.
 */

import type { Command } from './command.ts'
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

/**
 * The time of one command in so many is taken, because two looks at the clock for each would slow down all. A prime, so
 * that no pattern of an initiator hides its reads or its writes.
 */
const COMMANDS_PER_SAMPLE = 61

/** How long the commands of a kind take, by samples. */
class CommandTimes {
  #sampledMs = 0
  #samples = 0

  add(durationMs: number): void {
    this.#sampledMs += durationMs
    this.#samples++
  }

  /** How long that many commands took together, as far as the samples stand for all. */
  estimatedMs(commandCount: number): number {
    return this.#samples === 0 ? 0 : (this.#sampledMs / this.#samples) * commandCount
  }
}

export class LogicalUnitStatistics {
  readonly #readTimes = new CommandTimes()
  readonly #writeTimes = new CommandTimes()
  #commandsToSample = 1
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
  readonly #valuesAtReset = new Map<ResettableCounter, number>()

  /** How far a number has grown since it was set back to zero. */
  sinceReset(name: ResettableCounter): number {
    return this[name] - (this.#valuesAtReset.get(name) ?? 0)
  }

  reset(names: readonly ResettableCounter[]): void {
    for (const name of names) this.#valuesAtReset.set(name, this[name])
  }

  /** How long reads took together, from arrival to status. */
  get readProcessingMs(): number {
    return this.#readTimes.estimatedMs(this.readCommands)
  }

  /** The same of writes. */
  get writeProcessingMs(): number {
    return this.#writeTimes.estimatedMs(this.writeCommands)
  }

  /** A command arrived. */
  commandArrived(command: Command): void {
    if (--this.#commandsToSample > 0) return
    this.#commandsToSample = COMMANDS_PER_SAMPLE
    command.sampledSinceMs = performance.now()
  }

  /** A command ended with a status; it counts for its I_T_L nexus too. */
  commandEnded({ definition, presentedDataBytes, sampledSinceMs, itlNexus }: Command): void {
    const { counters } = itlNexus!
    switch (definition?.taskClass) {
      case 'read':
        this.readCommands++
        this.readBytes += presentedDataBytes
        counters.readCommands++
        counters.readBytes += presentedDataBytes
        if (sampledSinceMs > 0) this.#readTimes.add(performance.now() - sampledSinceMs)
        break
      case 'write':
        this.writeCommands++
        this.writtenBytes += presentedDataBytes
        counters.writeCommands++
        counters.writtenBytes += presentedDataBytes
        if (sampledSinceMs > 0) this.#writeTimes.add(performance.now() - sampledSinceMs)
        break
      case 'verify':
        this.verifiedBytes += presentedDataBytes
        break
    }
  }

  /** A command ended with CHECK CONDITION. */
  errorReported({ definition }: Command, { key }: SenseCondition): void {
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
