/**
 * How FORMAT UNIT and SANITIZE (SBC-4) start the operation that they ask for, and end: at once with IMMED, otherwise with
 * it. The operation does not need the command and goes on when that is aborted.
 */

import type { Command } from './command.ts'
import { checkCondition, completeGood, endAborted } from './completion.ts'
import type { ErasurePlan } from './erasure-plan.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SENSE } from './sense-codes.ts'

/**
 * Start the operation for `command`, which ends here or when the operation ends. While its parameter list was on the way,
 * the medium may have begun to leave or to change its size.
 */
export function startErasure(
  command: Command,
  logicalUnit: LogicalUnit,
  plan: ErasurePlan,
  isImmediate: boolean,
): void {
  const { medium } = logicalUnit
  if (medium.isAbsent || logicalUnit.isResizing) {
    const refusal = medium.isAbsent ? medium.refusal : SENSE.LOGICAL_UNIT_NOT_READY_OPERATION_IN_PROGRESS
    checkCondition(command, refusal, command.presentedDataBytes)
    return
  }
  let isWaiting = !isImmediate
  command.operation = {
    abort() {
      isWaiting = false
      endAborted(command)
    },
  }
  try {
    logicalUnit.erasure.start(plan, (failure) => {
      if (!isWaiting) return
      if (failure === null) completeGood(command)
      else checkCondition(command, failure, command.presentedDataBytes)
    })
  } catch (error) {
    command.itlNexus?.target.onInternalError(error, command)
    checkCondition(command, SENSE.INTERNAL_TARGET_FAILURE, command.presentedDataBytes)
    return
  }
  if (isImmediate) completeGood(command)
}
