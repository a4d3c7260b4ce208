/**
 * How FORMAT UNIT and SANITIZE (SBC-4) start the operation that they ask for, and end: at once with IMMED, otherwise with
 * it. The operation does not need the command and goes on when that is aborted.
 */

import type { Command } from './command.ts'
import { checkCondition, completeGood, endAborted } from './completion.ts'
import type { ErasurePlan } from './erasure-plan.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SENSE } from './sense-codes.ts'

/** Start the operation for `command`, which ends here or when the operation ends. */
export function startErasure(
  command: Command,
  logicalUnit: LogicalUnit,
  plan: ErasurePlan,
  isImmediate: boolean,
): void {
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
