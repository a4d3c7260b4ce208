/**
 * What the iSCSI layer hands upwards: sessions as I_T nexuses, SCSI commands and task management. The protocol knows
 * nothing else of SCSI; `src/bridge.ts` implements this over the device server, tests with a recorder.
 */

import type { TaskManagementFunction, TaskManagementResponse } from './constants.ts'
import type { Task } from './session/task.ts'

/** A session as the SCSI layer sees it. */
export interface NexusIdentity {
  readonly initiatorName: string
  /** 6 bytes. */
  readonly isid: Buffer
  readonly targetName: string
  readonly portalGroupTag: number
}

export interface TaskManagementRequest {
  readonly function: TaskManagementFunction
  /** 8 bytes, meaningful for functions that name a logical unit. */
  readonly lun: Buffer
  /** For ABORT TASK: the task, when it was handed up and is still there. */
  readonly referencedTask: Task | null
}

/** One per session: the iSCSI layer's way to the device server behind the session's target. */
export interface NexusHandler {
  /** Send SCSI Command received (SAM-5). The task's services are called back, possibly before this returns. */
  commandReceived(task: Task): void
  /** Task Management Request Received (SAM-5); `executed` is Task Management Function Executed. */
  taskManagementRequestReceived(
    request: TaskManagementRequest,
    executed: (response: TaskManagementResponse) => void,
  ): void
  /** The nexus is lost: end its commands without responses; `ended` comes when nothing of them is in flight any more. */
  close(ended: () => void): void
}

export interface ScsiLayer {
  openNexus(identity: NexusIdentity): NexusHandler
}
