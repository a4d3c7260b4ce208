/**
 * The command table: every command that logical units support, with the device types that have it. Dispatch, REPORT SUPPORTED OPERATION CODES and the
 * documentation are derived from it; a new command is a row in `commands/` that appears here.
 */

import { BUFFER_COMMANDS } from './commands/buffer.ts'
import { CD_DVD_COMMANDS } from './commands/cd-dvd/commands.ts'
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
import { PREVENT_ALLOW_MEDIUM_REMOVAL_COMMANDS } from './commands/prevent-allow-medium-removal.ts'
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
import type { DeviceType } from './device-type.ts'

/** Every row, by operation code and service action. */
export const COMMAND_TABLE: readonly CommandDefinition[] = [
  ...BUFFER_COMMANDS,
  ...CD_DVD_COMMANDS,
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
  ...PREVENT_ALLOW_MEDIUM_REMOVAL_COMMANDS,
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

/** The commands of one device type, with their dispatch. */
export class CommandSet {
  readonly rows: readonly CommandDefinition[]
  /** The row of each operation code that has one of its own. */
  readonly #byOperationCode: (CommandDefinition | undefined)[] = new Array(256).fill(undefined)
  /** For each operation code that commands share, their rows by service action. */
  readonly #byServiceAction: ((CommandDefinition | undefined)[] | undefined)[] = new Array(256).fill(undefined)

  /** Errors: throws at load when two rows have the same operation code and service action. */
  constructor(rows: readonly CommandDefinition[]) {
    this.rows = rows
    for (const row of rows) this.#enter(row)
  }

  /** The row for a CDB; null when its operation code, or that with its service action, is not in the table. */
  find(cdb: Buffer): CommandDefinition | null {
    const operationCode = cdb[0]!
    const row = this.#byOperationCode[operationCode]
    if (row !== undefined) return row
    return this.#byServiceAction[operationCode]?.[readServiceAction(cdb)] ?? null
  }

  /** Whether the operation code is in the table, with whatever service action. */
  isOperationCodeSupported(operationCode: number): boolean {
    return this.#byOperationCode[operationCode] !== undefined || this.#byServiceAction[operationCode] !== undefined
  }

  #enter(row: CommandDefinition): void {
    const { name, operationCode, serviceAction } = row
    const siblings = this.#byServiceAction[operationCode] ?? []
    const isTaken =
      this.#byOperationCode[operationCode] !== undefined ||
      (serviceAction === null ? siblings.length > 0 : siblings[serviceAction] !== undefined)
    if (isTaken) throw new Error(`${name}: its operation code and service action are taken`)
    if (serviceAction === null) {
      this.#byOperationCode[operationCode] = row
    } else {
      siblings[serviceAction] = row
      this.#byServiceAction[operationCode] = siblings
    }
  }
}

/** The commands that each device type has. */
export const COMMAND_SETS: Readonly<Record<DeviceType, CommandSet>> = {
  disk: new CommandSet(COMMAND_TABLE.filter((row) => row.deviceTypes.includes('disk'))),
  cdDvd: new CommandSet(COMMAND_TABLE.filter((row) => row.deviceTypes.includes('cdDvd'))),
}
