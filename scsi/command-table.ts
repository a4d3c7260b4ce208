/**
 * The command table: every command that a logical unit supports. Dispatch, REPORT SUPPORTED OPERATION CODES and the
 * documentation are derived from it; a new command is a row in `commands/` that appears here.
 */

import { INQUIRY_COMMANDS } from './commands/inquiry.ts'
import { MODE_SENSE_COMMANDS } from './commands/mode-sense.ts'
import { READ_COMMANDS } from './commands/read.ts'
import { READ_CAPACITY_COMMANDS } from './commands/read-capacity.ts'
import { REPORT_LUNS_COMMANDS } from './commands/report-luns.ts'
import { reportSupportedOperationCodes } from './commands/report-supported-operation-codes.ts'
import { REQUEST_SENSE_COMMANDS } from './commands/request-sense.ts'
import { RESERVE_RELEASE_COMMANDS } from './commands/reserve-release.ts'
import { START_STOP_UNIT_COMMANDS } from './commands/start-stop-unit.ts'
import { SYNCHRONIZE_CACHE_COMMANDS } from './commands/synchronize-cache.ts'
import { TEST_UNIT_READY_COMMANDS } from './commands/test-unit-ready.ts'
import { VERIFY_COMMANDS } from './commands/verify.ts'
import { WRITE_COMMANDS } from './commands/write.ts'
import { WRITE_SAME_COMMANDS } from './commands/write-same.ts'
import { XDWRITEREAD_COMMANDS } from './commands/xdwriteread.ts'
import { type CommandDefinition, readServiceAction } from './define-command.ts'

/** Every row, by operation code and service action. */
export const COMMAND_TABLE: readonly CommandDefinition[] = [
  ...INQUIRY_COMMANDS,
  ...MODE_SENSE_COMMANDS,
  ...READ_CAPACITY_COMMANDS,
  ...READ_COMMANDS,
  ...REPORT_LUNS_COMMANDS,
  reportSupportedOperationCodes(() => COMMAND_TABLE),
  ...REQUEST_SENSE_COMMANDS,
  ...RESERVE_RELEASE_COMMANDS,
  ...START_STOP_UNIT_COMMANDS,
  ...SYNCHRONIZE_CACHE_COMMANDS,
  ...TEST_UNIT_READY_COMMANDS,
  ...VERIFY_COMMANDS,
  ...WRITE_COMMANDS,
  ...WRITE_SAME_COMMANDS,
  ...XDWRITEREAD_COMMANDS,
].sort((a, b) => a.operationCode - b.operationCode || (a.serviceAction ?? 0) - (b.serviceAction ?? 0))

/** The row of each operation code that has one of its own. */
const BY_OPERATION_CODE: (CommandDefinition | undefined)[] = new Array(256).fill(undefined)
/** For each operation code that commands share, their rows by service action. */
const BY_SERVICE_ACTION: ((CommandDefinition | undefined)[] | undefined)[] = new Array(256).fill(undefined)
for (const row of COMMAND_TABLE) enterIntoDispatch(row)

/** The row for a CDB; null when its operation code, or that with its service action, is not in the table. */
export function findCommand(cdb: Buffer): CommandDefinition | null {
  const operationCode = cdb[0]!
  const row = BY_OPERATION_CODE[operationCode]
  if (row !== undefined) return row
  return BY_SERVICE_ACTION[operationCode]?.[readServiceAction(cdb)] ?? null
}

/** Whether the operation code is in the table, with whatever service action. */
export function isOperationCodeSupported(operationCode: number): boolean {
  return BY_OPERATION_CODE[operationCode] !== undefined || BY_SERVICE_ACTION[operationCode] !== undefined
}

function enterIntoDispatch(row: CommandDefinition): void {
  const { name, operationCode, serviceAction } = row
  const siblings = BY_SERVICE_ACTION[operationCode] ?? []
  const isTaken =
    BY_OPERATION_CODE[operationCode] !== undefined ||
    (serviceAction === null ? siblings.length > 0 : siblings[serviceAction] !== undefined)
  if (isTaken) throw new Error(`${name}: its operation code and service action are taken`)
  if (serviceAction === null) {
    BY_OPERATION_CODE[operationCode] = row
  } else {
    siblings[serviceAction] = row
    BY_SERVICE_ACTION[operationCode] = siblings
  }
}
