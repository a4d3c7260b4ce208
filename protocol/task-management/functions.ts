/**
 * The task management functions (RFC 7143 11.5.1, RFC 7144 6.3): how far each reaches. One row a function; a function
 * without a row is not supported.
 */

import { TASK_MANAGEMENT_FUNCTION as FUNCTION, type TaskManagementFunction } from '../constants.ts'

/**
 * - `task`: the task that the Referenced Task Tag names;
 * - `logicalUnit`: tasks of the logical unit that the LUN field names;
 * - `target`: tasks of every logical unit;
 * - `condition`: the auto contingent allegiance of the logical unit that the LUN field names;
 * - `query`: answers a question about the logical unit and ends nothing.
 */
export type FunctionReach = 'task' | 'logicalUnit' | 'target' | 'condition' | 'query'

export interface FunctionRow {
  readonly function: TaskManagementFunction
  readonly reach: FunctionReach
  /** The iSCSIProtocolLevel from which on the function may be used. */
  readonly protocolLevelMin: 0 | 2
}

const ROWS: readonly FunctionRow[] = [
  { function: FUNCTION.ABORT_TASK, reach: 'task', protocolLevelMin: 0 },
  { function: FUNCTION.ABORT_TASK_SET, reach: 'logicalUnit', protocolLevelMin: 0 },
  { function: FUNCTION.CLEAR_ACA, reach: 'condition', protocolLevelMin: 0 },
  { function: FUNCTION.CLEAR_TASK_SET, reach: 'logicalUnit', protocolLevelMin: 0 },
  { function: FUNCTION.LOGICAL_UNIT_RESET, reach: 'logicalUnit', protocolLevelMin: 0 },
  { function: FUNCTION.TARGET_WARM_RESET, reach: 'target', protocolLevelMin: 0 },
  { function: FUNCTION.TARGET_COLD_RESET, reach: 'target', protocolLevelMin: 0 },
  { function: FUNCTION.TASK_REASSIGN, reach: 'task', protocolLevelMin: 0 },
  { function: FUNCTION.QUERY_TASK, reach: 'task', protocolLevelMin: 2 },
  { function: FUNCTION.QUERY_TASK_SET, reach: 'query', protocolLevelMin: 2 },
  { function: FUNCTION.I_T_NEXUS_RESET, reach: 'target', protocolLevelMin: 2 },
  { function: FUNCTION.QUERY_ASYNCHRONOUS_EVENT, reach: 'query', protocolLevelMin: 2 },
]

/** The row of a Function field, for a session of this iSCSIProtocolLevel; null when it is not supported there. */
export function findFunction(code: number, protocolLevel: number): FunctionRow | null {
  const row = ROWS.find((candidate) => candidate.function === code)
  return row === undefined || row.protocolLevelMin > protocolLevel ? null : row
}
