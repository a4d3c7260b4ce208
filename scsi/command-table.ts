/**
 * The command table: every command that a logical unit supports. Dispatch, REPORT SUPPORTED OPERATION CODES and the
 * documentation are derived from it; a new command is a row in `commands/` that appears here.
 */

import { BUFFER_COMMANDS } from './commands/buffer.ts'
import { COMPARE_AND_WRITE_COMMANDS } from './commands/compare-and-write.ts'
import { DIAGNOSTIC_COMMANDS } from './commands/diagnostic.ts'
import { FORMAT_UNIT_COMMANDS } from './commands/format-unit.ts'
import { GET_LBA_STATUS_COMMANDS } from './commands/get-lba-status.ts'
import { IDENTIFYING_INFORMATION_COMMANDS } from './commands/identifying-information.ts'
import { INQUIRY_COMMANDS } from './commands/inquiry.ts'
import { LOG_COMMANDS } from './commands/log.ts'
import { MODE_SELECT_COMMANDS } from './commands/mode-select.ts'
import { MODE_SENSE_COMMANDS } from './commands/mode-sense.ts'
import { ORWRITE_COMMANDS } from './commands/orwrite.ts'
import { PERSISTENT_RESERVE_IN_COMMANDS } from './commands/persistent-reserve/persistent-reserve-in.ts'
import { PERSISTENT_RESERVE_OUT_COMMANDS } from './commands/persistent-reserve/persistent-reserve-out.ts'
import { PRE_FETCH_COMMANDS } from './commands/pre-fetch.ts'
import { PRIORITY_COMMANDS } from './commands/priority.ts'
import { READ_COMMANDS } from './commands/read.ts'
import { READ_CAPACITY_COMMANDS } from './commands/read-capacity.ts'
import { READ_DEFECT_DATA_COMMANDS } from './commands/read-defect-data.ts'
import { REPORT_LUNS_COMMANDS } from './commands/report-luns.ts'
import { reportSupportedOperationCodes } from './commands/report-supported-operation-codes.ts'
import { REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS_COMMANDS } from './commands/report-supported-task-management-functions.ts'
import { REQUEST_SENSE_COMMANDS } from './commands/request-sense.ts'
import { RESERVE_RELEASE_COMMANDS } from './commands/reserve-release.ts'
import { SANITIZE_COMMANDS } from './commands/sanitize.ts'
import { SECURITY_PROTOCOL_COMMANDS } from './commands/security-protocol.ts'
import { START_STOP_UNIT_COMMANDS } from './commands/start-stop-unit.ts'
import { SYNCHRONIZE_CACHE_COMMANDS } from './commands/synchronize-cache.ts'
import { TARGET_PORT_GROUPS_COMMANDS } from './commands/target-port-groups/index.ts'
import { TEST_UNIT_READY_COMMANDS } from './commands/test-unit-ready.ts'
import { THIRD_PARTY_COPY_COMMANDS } from './commands/third-party-copy/commands.ts'
import { TIMESTAMP_COMMANDS } from './commands/timestamp.ts'
import { UNMAP_COMMANDS } from './commands/unmap.ts'
import { VERIFY_COMMANDS } from './commands/verify.ts'
import { WRITE_COMMANDS } from './commands/write.ts'
import { WRITE_ATOMIC_COMMANDS } from './commands/write-atomic.ts'
import { WRITE_SAME_COMMANDS } from './commands/write-same.ts'
import { XDWRITEREAD_COMMANDS } from './commands/xdwriteread.ts'
import { type CommandDefinition, readServiceAction } from './define-command.ts'

/** Every row, by operation code and service action. */
export const COMMAND_TABLE: readonly CommandDefinition[] = [
  ...BUFFER_COMMANDS,
  ...COMPARE_AND_WRITE_COMMANDS,
  ...DIAGNOSTIC_COMMANDS,
  ...FORMAT_UNIT_COMMANDS,
  ...GET_LBA_STATUS_COMMANDS,
  ...IDENTIFYING_INFORMATION_COMMANDS,
  ...INQUIRY_COMMANDS,
  ...LOG_COMMANDS,
  ...MODE_SELECT_COMMANDS,
  ...MODE_SENSE_COMMANDS,
  ...ORWRITE_COMMANDS,
  ...PERSISTENT_RESERVE_IN_COMMANDS,
  ...PERSISTENT_RESERVE_OUT_COMMANDS,
  ...PRE_FETCH_COMMANDS,
  ...PRIORITY_COMMANDS,
  ...READ_CAPACITY_COMMANDS,
  ...READ_COMMANDS,
  ...READ_DEFECT_DATA_COMMANDS,
  ...REPORT_LUNS_COMMANDS,
  reportSupportedOperationCodes(() => COMMAND_TABLE),
  ...REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS_COMMANDS,
  ...REQUEST_SENSE_COMMANDS,
  ...RESERVE_RELEASE_COMMANDS,
  ...SANITIZE_COMMANDS,
  ...SECURITY_PROTOCOL_COMMANDS,
  ...START_STOP_UNIT_COMMANDS,
  ...SYNCHRONIZE_CACHE_COMMANDS,
  ...TARGET_PORT_GROUPS_COMMANDS,
  ...TEST_UNIT_READY_COMMANDS,
  ...TIMESTAMP_COMMANDS,
  ...UNMAP_COMMANDS,
  ...THIRD_PARTY_COPY_COMMANDS,
  ...VERIFY_COMMANDS,
  ...WRITE_COMMANDS,
  ...WRITE_ATOMIC_COMMANDS,
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
