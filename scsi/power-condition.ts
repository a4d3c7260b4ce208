/**
 * The power condition of a logical unit (SPC-4; SBC-3 START STOP UNIT). A disk in a file saves no power, but tells what it
 * was asked for: REQUEST SENSE and the log report it, and the first command that needs the medium ends it.
 */

import type { LogicalUnitStatistics } from './logical-unit-statistics.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

/** The conditions with the POWER CONDITION MODIFIER that names each, and what REQUEST SENSE says in it. */
export const POWER_CONDITIONS = {
  active: { modifier: 0, sense: SENSE.NO_ADDITIONAL_SENSE_INFORMATION },
  idle_a: { modifier: 0, sense: SENSE.IDLE_CONDITION_ACTIVATED_BY_COMMAND },
  idle_b: { modifier: 1, sense: SENSE.IDLE_B_CONDITION_ACTIVATED_BY_COMMAND },
  idle_c: { modifier: 2, sense: SENSE.IDLE_C_CONDITION_ACTIVATED_BY_COMMAND },
  standby_z: { modifier: 0, sense: SENSE.STANDBY_CONDITION_ACTIVATED_BY_COMMAND },
  standby_y: { modifier: 1, sense: SENSE.STANDBY_Y_CONDITION_ACTIVATED_BY_COMMAND },
} as const satisfies Record<string, { modifier: number; sense: SenseCondition }>
export type PowerConditionName = keyof typeof POWER_CONDITIONS

export class PowerCondition {
  /** Not active: read before every command. */
  isLow = false
  readonly #statistics: LogicalUnitStatistics
  #current: PowerConditionName = 'active'

  constructor(statistics: LogicalUnitStatistics) {
    this.#statistics = statistics
  }

  /** What REQUEST SENSE reports when nothing else is to be told. */
  get sense(): SenseCondition {
    return POWER_CONDITIONS[this.#current].sense
  }

  enter(condition: PowerConditionName): void {
    if (condition === this.#current) return
    this.#current = condition
    this.isLow = condition !== 'active'
    this.#statistics.powerConditionTransitions[condition]++
  }
}
