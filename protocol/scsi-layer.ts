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
  /** Where the session's first connection comes from. */
  readonly remoteAddress: string
  readonly targetName: string
  readonly portalGroupTag: number
  /** What the session negotiated. */
  readonly iSCSIProtocolLevel: number
}

/** What the SCSI layer tells a session of its own accord. */
export interface NexusObserver {
  /**
   * A task management function of another nexus is about to end these tasks, all of one logical unit. Called before the
   * first of them ends.
   */
  tasksClearedByAnother(tasks: readonly Task[]): void
}

export interface TaskManagementRequest {
  readonly function: TaskManagementFunction
  /** 8 bytes, meaningful for functions that name a logical unit. */
  readonly lun: Buffer
  /** For ABORT TASK: the task, when it was handed up and is still there. */
  readonly referencedTask: Task | null
  /** Of this nexus's own tasks those that ABORT TASK SET and CLEAR TASK SET cover: later ones go on. */
  readonly covers: (task: Task) => boolean
}

/**
 * Task Management Function Executed (SAM-5). `additionalResponseInformation` has three bytes, for QUERY ASYNCHRONOUS
 * EVENT only.
 */
export type TaskManagementFunctionExecuted = (
  response: TaskManagementResponse,
  additionalResponseInformation?: Buffer | null,
) => void

/** One per session: the iSCSI layer's way to the device server behind the session's target. */
export interface NexusHandler {
  /** What an 8-byte LUN field addresses: the same value for the same logical unit, null where none is mapped. */
  logicalUnitOf(lun: Buffer): unknown
  /** Send SCSI Command received (SAM-5). The task's services are called back, possibly before this returns. */
  commandReceived(task: Task): void
  /** Task Management Request Received (SAM-5); `executed` is Task Management Function Executed. */
  taskManagementRequestReceived(request: TaskManagementRequest, executed: TaskManagementFunctionExecuted): void
  /**
   * The response of a task that was completed is never sent, or was lost for good: what it was to report has not been
   * reported. Shape: the task's `upper`; the task itself may be somebody else's by now.
   */
  responseDropped(upper: unknown): void
  /** Tasks of this nexus on these logical units (8-byte LUN fields) ended because of an iSCSI event (RFC 7143 7.6). */
  tasksTerminated(luns: readonly Buffer[]): void
  /** The nexus is lost: end its commands without responses; `ended` comes when nothing of them is in flight any more. */
  close(ended: () => void): void
}

export interface ScsiLayer {
  openNexus(identity: NexusIdentity, observer: NexusObserver): NexusHandler
}
