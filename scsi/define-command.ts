/**
 * The row of the command table. One row says everything about a command: how it is dispatched and checked, what
 * REPORT SUPPORTED OPERATION CODES says of it, whether another nexus's reservation stops it, and what carries it out.
 * Rows live beside their handlers in `commands/`; `command-table.ts` collects them.
 */

import { CDB_LENGTH_BYTES_OF_GROUP, type CdbFields, type CdbLayout, VARIABLE_LENGTH } from './cdb.ts'
import type { Command } from './command.ts'
import { checkCondition } from './completion.ts'
import { type DeviceType, DISK_ONLY } from './device-type.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { LogicalUnitProperties } from './logical-unit-properties.ts'
import { invalidOperationCode } from './sense.ts'

/** The document that defines the command. */
export type Standard = 'SPC-2' | 'SPC-4' | 'SBC-3' | 'SBC-4' | 'MMC-5'

/**
 * How a reservation that another nexus holds treats the command (SPC-4 5.13.1, SBC-4 4.17, SPC-2):
 * - `exempt`: never stopped;
 * - `status`: stopped by a RESERVE, allowed by every persistent reservation;
 * - `read`: allowed by a write exclusive reservation only;
 * - `write`, `configuration`: stopped by every reservation;
 * - `persistentReserve`: stopped by every RESERVE, the nexus's own too;
 * - `reserve`, `release`: RESERVE and RELEASE themselves.
 */
export type ReservationClass =
  | 'exempt'
  | 'status'
  | 'read'
  | 'write'
  | 'configuration'
  | 'persistentReserve'
  | 'reserve'
  | 'release'

/**
 * Through which target ports the command is answered, by their asymmetric access state (SPC-4; SPC-3 5.8.2.4):
 * - `always`: in every state;
 * - `management`: unless the port is offline or in transition;
 * - `settings`: in standby and whatever is better;
 * - `medium`: active/optimized and active/non-optimized only.
 */
export type AccessClass = 'always' | 'management' | 'settings' | 'medium'

/**
 * Whether the command is answered while the medium is formatted or sanitized (SBC-4):
 * - `always`: during the operation and after it failed;
 * - `afterFailure`: after it failed, because the command can put things right;
 * - `afterFormatFailure`: the same, and not after a sanitize operation, which only another one can make good;
 * - `never`: in none of these cases.
 */
export type ErasureClass = 'always' | 'afterFailure' | 'afterFormatFailure' | 'never'

/** What kind of work the command is, for whoever counts or orders commands. */
export type TaskClass = 'information' | 'read' | 'write' | 'verify' | 'flush' | 'configuration'

/** Carries a command out: it ends the command through `completion.ts`, now or later, exactly once. */
export type ExecuteCommand = (command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus) => void

export interface CommandDefinition<F extends CdbFields = CdbFields> {
  /** As the standard writes it, e.g. `READ (10)`. */
  readonly name: string
  readonly operationCode: number
  /** For operation codes that several commands share; null for one of its own. */
  readonly serviceAction: number | null
  readonly standard: Standard
  readonly cdb: CdbLayout<F>
  readonly data: 'none' | 'in' | 'out' | 'bidirectional'
  /** A function of the CDB where that decides. */
  readonly reservationClass: ReservationClass | ((cdb: Buffer) => ReservationClass)
  /** A function of the CDB where that decides; by default `always` with `executeAbsent`, otherwise `medium`. */
  readonly accessClass: AccessClass | ((cdb: Buffer) => AccessClass)
  readonly taskClass: TaskClass
  /** By default `always` with `executeAbsent`, otherwise `never`. */
  readonly erasureClass: ErasureClass
  readonly execute: ExecuteCommand
  /** It acquires the blocks that it touches by itself (`block-range-locks.ts`); others wait for their blocks before they begin. */
  readonly isAtomic: boolean
  /** The device types that have the command; by default disks only. */
  readonly deviceTypes: readonly DeviceType[]
  /** It is refused while there is no medium; by default if it reads, writes, verifies or flushes blocks. */
  readonly needsMedium: boolean
  /** A pending unit attention does not keep it from being carried out; by default with `executeAbsent`. */
  readonly ignoresUnitAttention: boolean
  /** Whether a logical unit of these properties has the command; to one that has not, its operation code is unknown. */
  readonly isSupportedBy: (unit: LogicalUnitProperties) => boolean
  /**
   * Carries the command out where no logical unit is mapped. The commands that have it are INQUIRY, REPORT LUNS and
   * REQUEST SENSE (SAM-5; SPC-3 6.4.1, 6.21 and 6.27).
   */
  readonly executeAbsent: ((command: Command, itlNexus: ItlNexus) => void) | null
}

type OptionalInRow =
  | 'serviceAction'
  | 'accessClass'
  | 'erasureClass'
  | 'isAtomic'
  | 'deviceTypes'
  | 'needsMedium'
  | 'ignoresUnitAttention'
  | 'isSupportedBy'
  | 'executeAbsent'
type CommandDeclaration<F extends CdbFields> = Omit<CommandDefinition<F>, OptionalInRow> &
  Partial<Pick<CommandDefinition<F>, OptionalInRow>>

/** The SERVICE ACTION field's bits, in byte 1 of every CDB of fixed length that has one (SPC-3 4.3.4.2). */
export const SERVICE_ACTION = { byte: 1, high: 4, mask: 0x1f } as const

/** The service action that a CDB names; only for operation codes that commands share. */
export function readServiceAction(cdbBytes: Buffer): number {
  if (cdbBytes[0] !== VARIABLE_LENGTH.operationCode) return cdbBytes[SERVICE_ACTION.byte]! & SERVICE_ACTION.mask
  return cdbBytes.readUInt16BE(VARIABLE_LENGTH.serviceActionByte)
}

/**
 * Declare a command.
 * Errors: throws at load when the CDB length contradicts the operation code's group or a declared field lies on the
 * SERVICE ACTION.
 */
export function defineCommand<F extends CdbFields>(declaration: CommandDeclaration<F>): CommandDefinition<F> {
  const { name, operationCode, cdb, serviceAction = null, isAtomic = false, executeAbsent = null } = declaration
  const { deviceTypes = DISK_ONLY, needsMedium = BLOCK_TASK_CLASSES.has(declaration.taskClass) } = declaration
  const { accessClass = executeAbsent === null ? 'medium' : 'always' } = declaration
  const { erasureClass = executeAbsent === null ? 'never' : 'always' } = declaration
  const { ignoresUnitAttention = executeAbsent !== null, isSupportedBy: supports = null } = declaration
  const isSupportedBy = (unit: LogicalUnitProperties) =>
    deviceTypes.includes(unit.deviceType) && (supports === null || supports(unit))
  const row: CommandDefinition<F> = {
    ...declaration,
    serviceAction,
    accessClass,
    erasureClass,
    isAtomic,
    deviceTypes,
    needsMedium,
    ignoresUnitAttention,
    isSupportedBy,
    // Commands of other device types are not found at all.
    execute: supports === null ? declaration.execute : executeIfSupported(declaration.execute, supports),
    executeAbsent,
  }
  const isVariable = operationCode === VARIABLE_LENGTH.operationCode
  if (cdb.lengthBytes !== (isVariable ? VARIABLE_LENGTH.lengthBytes : CDB_LENGTH_BYTES_OF_GROUP[operationCode >> 5])) {
    throw new Error(`${name}: a CDB of ${cdb.lengthBytes} bytes does not fit operation code ${operationCode}`)
  }
  if (isVariable) return row
  if (serviceAction !== null && (cdb.usageMask[SERVICE_ACTION.byte]! & SERVICE_ACTION.mask) !== 0) {
    throw new Error(`${name}: a field lies on the service action`)
  }
  return { ...row, cdb: serviceAction === null ? cdb : withServiceAction(cdb) }
}

const BLOCK_TASK_CLASSES: ReadonlySet<TaskClass> = new Set(['read', 'write', 'verify', 'flush'])

function executeIfSupported(
  execute: ExecuteCommand,
  isSupportedBy: (unit: LogicalUnitProperties) => boolean,
): ExecuteCommand {
  return (command, logicalUnit, itlNexus) => {
    if (isSupportedBy(logicalUnit.properties)) execute(command, logicalUnit, itlNexus)
    else checkCondition(command, invalidOperationCode())
  }
}

/**
 * CDB usage data (SPC-3 6.23.3): the operation code and service action as values, ones for every bit evaluated.
 * Ownership: a fresh buffer.
 */
export function cdbUsageData({ operationCode, serviceAction, cdb }: CommandDefinition): Buffer {
  const usage = Buffer.from(cdb.usageMask)
  usage[0] = operationCode
  if (operationCode === VARIABLE_LENGTH.operationCode) {
    usage.writeUInt16BE(serviceAction!, VARIABLE_LENGTH.serviceActionByte)
  } else if (serviceAction !== null) {
    usage[SERVICE_ACTION.byte] = (usage[SERVICE_ACTION.byte]! & ~SERVICE_ACTION.mask) | serviceAction
  }
  return usage
}

/** Dispatch compares the service action, so its bits are evaluated and not reserved. */
function withServiceAction<F extends CdbFields>(layout: CdbLayout<F>): CdbLayout<F> {
  const usageMask = Buffer.from(layout.usageMask)
  usageMask[SERVICE_ACTION.byte]! |= SERVICE_ACTION.mask
  const reservedMasks = layout.reservedMasks.map((mask, i) =>
    layout.reservedBytes[i] === SERVICE_ACTION.byte ? mask & ~SERVICE_ACTION.mask : mask,
  )
  return { ...layout, usageMask, reservedMasks }
}
