/**
 * One Task Management Function Request on its way (RFC 7143 11.5, 11.6): what its header says, free of the header's
 * memory, and the one place that answers it.
 */

import type { Connection } from '../connection/connection.ts'
import type { TaskManagementResponse } from '../constants.ts'
import type { Pdu } from '../framing/pdu-reader.ts'
import { IMMEDIATE_BIT } from '../opcodes.ts'
import {
  TASK_MANAGEMENT_REQUEST as AT,
  TASK_MANAGEMENT_FLAG,
  writeTaskManagementResponse,
} from '../pdu/task-management.ts'
import { isSerialLess, isSerialLessOrEqual } from '../serial.ts'
import type { Task } from '../session/task.ts'

export interface ManagementRequest {
  /** Where it came and where the response goes. */
  readonly connection: Connection
  readonly function: number
  /** The LUN field, 8 bytes. */
  readonly lun: Buffer
  readonly initiatorTaskTag: number
  readonly referencedTaskTag: number
  readonly cmdSN: number
  readonly refCmdSN: number
  readonly expDataSN: number
  readonly isImmediate: boolean
}

export function readManagementRequest(connection: Connection, { header, at }: Pdu): ManagementRequest {
  return {
    connection,
    function: header[at + AT.flags]! & TASK_MANAGEMENT_FLAG.function,
    lun: Buffer.from(header.subarray(at + AT.lun, at + AT.lun + 8)),
    initiatorTaskTag: header.readUInt32BE(at + AT.initiatorTaskTag),
    referencedTaskTag: header.readUInt32BE(at + AT.referencedTaskTag),
    cmdSN: header.readUInt32BE(at + AT.cmdSN),
    refCmdSN: header.readUInt32BE(at + AT.refCmdSN),
    expDataSN: header.readUInt32BE(at + AT.expDataSN),
    isImmediate: (header[at]! & IMMEDIATE_BIT) !== 0,
  }
}

/** The function acts on tasks that were sent before it; an immediate task has the CmdSN of what comes next. */
export function isEarlier(task: Task, { cmdSN }: ManagementRequest): boolean {
  return task.isImmediate ? isSerialLessOrEqual(task.cmdSN, cmdSN) : isSerialLess(task.cmdSN, cmdSN)
}

/** Answer a request, unless its connection is gone; its tag is free then. */
export function respondToManagement(
  { connection, initiatorTaskTag }: ManagementRequest,
  response: TaskManagementResponse,
  additionalResponseInformation: Buffer | null = null,
): void {
  connection.session.managementTags.delete(initiatorTaskTag)
  if (!connection.isSending) return
  const header = connection.writer.takeHeader()
  writeTaskManagementResponse(header, initiatorTaskTag, response, additionalResponseInformation)
  connection.statuses.send(header, null)
}
