/**
 * Unit attention conditions (SAM-5): what changed in a logical unit behind an application client's back, told
 * once to each I_T nexus. One queue per I_T_L nexus, in order of precedence; each condition is pending at most once,
 * so a queue never holds more than the table has rows.
 */

import { SENSE, type SenseCondition } from './sense-codes.ts'

/** Precedence, highest first (SAM-5). */
const UNIT_ATTENTIONS: readonly SenseCondition[] = [
  SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,
  SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  SENSE.I_T_NEXUS_LOSS_OCCURRED,
  SENSE.SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT,
  SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR,
  SENSE.PREVIOUS_BUSY_STATUS,
  SENSE.PREVIOUS_TASK_SET_FULL_STATUS,
  SENSE.PREVIOUS_RESERVATION_CONFLICT_STATUS,
  SENSE.RESERVATIONS_PREEMPTED,
  SENSE.REGISTRATIONS_PREEMPTED,
  SENSE.RESERVATIONS_RELEASED,
  SENSE.NOT_READY_TO_READY_CHANGE_MEDIUM_MAY_HAVE_CHANGED,
  SENSE.OPERATOR_MEDIUM_REMOVAL_REQUEST,
  SENSE.MODE_PARAMETERS_CHANGED,
  SENSE.LOG_PARAMETERS_CHANGED,
  SENSE.ASYMMETRIC_ACCESS_STATE_CHANGED,
  SENSE.PRIORITY_CHANGED,
  SENSE.TIMESTAMP_CHANGED,
  SENSE.DEVICE_IDENTIFIER_CHANGED,
  SENSE.CAPACITY_DATA_HAS_CHANGED,
  SENSE.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
  SENSE.FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE,
  SENSE.REPORTED_LUNS_DATA_HAS_CHANGED,
]

/** All conditions with this additional sense code tell of a reset or of the loss of the nexus. */
const RESET_ASC = SENSE.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED.asc

/** What a task management function that aborts many commands leaves behind. */
const ABORTED_COMMANDS: readonly SenseCondition[] = [
  SENSE.BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR,
]

export function tellsOfAbortedCommands(condition: SenseCondition): boolean {
  return ABORTED_COMMANDS.includes(condition)
}

export class UnitAttentionQueue {
  /** Ascending indices into `UNIT_ATTENTIONS`. */
  #pending: number[] = []

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /** How many conditions are pending. */
  get size(): number {
    return this.#pending.length
  }

  /** The condition that `take` would take, which stays pending; or null. */
  get first(): SenseCondition | null {
    const first = this.#pending[0]
    return first === undefined ? null : UNIT_ATTENTIONS[first]!
  }

  /** Whether a reset or nexus loss is pending, which goes before RESERVATION CONFLICT (SAM-5). */
  get isResetPending(): boolean {
    const first = this.#pending[0]
    return first !== undefined && UNIT_ATTENTIONS[first]!.asc === RESET_ASC
  }

  /** Make a condition pending. One that a pending reset already tells of, or that is pending itself, adds nothing. */
  establish(condition: SenseCondition): void {
    const precedence = precedenceOf(condition)
    const commandsCleared = precedenceOf(SENSE.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
    const isCoveredByReset = precedence <= commandsCleared && this.isResetPending && this.#pending[0]! <= precedence
    if (this.#pending.includes(precedence) || isCoveredByReset) return
    // A reset takes every command and every earlier reset with it.
    const kept = condition.asc === RESET_ASC ? this.#pending.filter((other) => other > commandsCleared) : this.#pending
    this.#pending = [...kept, precedence].sort((a, b) => a - b)
  }

  /** Take the condition of highest precedence out of the queue; null when none is pending. */
  take(): SenseCondition | null {
    const first = this.#pending.shift()
    return first === undefined ? null : UNIT_ATTENTIONS[first]!
  }

  /** The condition was dealt with in another way, e.g. REPORT LUNS was executed (SPC-4; SPC-3 6.21). */
  clear(condition: SenseCondition): void {
    const precedence = precedenceOf(condition)
    this.#pending = this.#pending.filter((other) => other !== precedence)
  }
}

function precedenceOf(condition: SenseCondition): number {
  const precedence = UNIT_ATTENTIONS.indexOf(condition)
  if (precedence < 0) throw new Error(`no unit attention: ASC ${condition.asc} ASCQ ${condition.ascq}`)
  return precedence
}
