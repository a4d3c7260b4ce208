/**
 * The one place where iSCSI and SCSI meet, and the dictionary between their words: an iSCSI session is an I_T nexus, an
 * iSCSI task is a command, and the functions here are SAM-5's transport protocol services.
 */

import { borrowDataIn, sendDataIn } from '../protocol/connection/data-in.ts'
import { receiveDataOut } from '../protocol/connection/data-out.ts'
import { dataOutConsumed } from '../protocol/connection/data-out-memory.ts'
import { completeTask, taskAborted } from '../protocol/connection/task-lifecycle.ts'
import {
  TASK_MANAGEMENT_FUNCTION as FUNCTION,
  TASK_ATTRIBUTE as ISCSI_ATTRIBUTE,
  TASK_MANAGEMENT_RESPONSE as RESPONSE,
  type TaskManagementResponse,
} from '../protocol/constants.ts'
import type {
  NexusHandler,
  NexusIdentity,
  NexusObserver,
  ScsiLayer,
  TaskManagementFunctionExecuted,
  TaskManagementRequest,
} from '../protocol/scsi-layer.ts'
import type { Task } from '../protocol/session/task.ts'
import { Command, TASK_ATTRIBUTE, type TaskAttribute } from '../scsi/command.ts'
import type { TransferCounters } from '../scsi/itl-nexus.ts'
import type { Nexus } from '../scsi/nexus.ts'
import type { ScsiTarget, TaskManagementDone, TaskManagementOutcome } from '../scsi/target.ts'
import type { TransportServices } from '../scsi/transport-services.ts'
import { targetPort } from './portal-groups.ts'

/** The device server's way to the wire. Every command's context is its iSCSI task. */
const TRANSPORT_SERVICES: TransportServices = {
  dataInBuffer: (command, byteCount) => borrowDataIn(taskOf(command), byteCount),
  sendDataIn: (command, data, bufferOffsetBytes, isLast, delivered) =>
    sendDataIn(taskOf(command), data, bufferOffsetBytes, isLast, delivered),
  receiveDataOut: (command, byteCount, sink) => receiveDataOut(taskOf(command), byteCount, sink),
  dataOutConsumed: (command, byteCount) => dataOutConsumed(taskOf(command), byteCount),
  sendCommandComplete: (command) => {
    const task = taskOf(command)
    task.needsFence = command.needsFence
    task.statusQualifier = command.statusQualifier
    completeTask(
      task,
      command.status,
      command.sense,
      task.isBidirectional ? presentWrite(command) : command.presentedDataBytes,
    )
  },
  commandAborted: (command) => taskAborted(taskOf(command)),
}

/** iSCSI's task attributes in SAM-5's numbers; an untagged task is a SIMPLE one. */
const ATTRIBUTES: Readonly<Record<number, TaskAttribute>> = {
  [ISCSI_ATTRIBUTE.UNTAGGED]: TASK_ATTRIBUTE.SIMPLE,
  [ISCSI_ATTRIBUTE.SIMPLE]: TASK_ATTRIBUTE.SIMPLE,
  [ISCSI_ATTRIBUTE.ORDERED]: TASK_ATTRIBUTE.ORDERED,
  [ISCSI_ATTRIBUTE.HEAD_OF_QUEUE]: TASK_ATTRIBUTE.HEAD_OF_QUEUE,
  [ISCSI_ATTRIBUTE.ACA]: TASK_ATTRIBUTE.ACA,
}

/** The version descriptor of iSCSI without a level; the level is added to it (RFC 7144 4.2). */
const ISCSI_VERSION_DESCRIPTOR = 0x0960

const RESPONSES: Readonly<Record<TaskManagementOutcome, TaskManagementResponse>> = {
  functionComplete: RESPONSE.FUNCTION_COMPLETE,
  functionSucceeded: RESPONSE.FUNCTION_SUCCEEDED,
  incorrectLogicalUnitNumber: RESPONSE.LUN_DOES_NOT_EXIST,
  functionRejected: RESPONSE.FUNCTION_REJECTED,
  functionNotAuthorized: RESPONSE.FUNCTION_AUTHORIZATION_FAILED,
}

/** iSCSI's view of the SCSI targets of this server, by iSCSI name; the map may change while it runs. */
export class Bridge implements ScsiLayer {
  readonly #targets: ReadonlyMap<string, ScsiTarget>

  constructor(targets: ReadonlyMap<string, ScsiTarget>) {
    this.#targets = targets
  }

  openNexus(identity: NexusIdentity, observer: NexusObserver): NexusHandler {
    const target = this.#targets.get(identity.targetName)
    if (target === undefined) throw new Error(`a session was opened to ${identity.targetName}, which does not exist`)
    return new BridgedNexus(target, nexusOf(identity), observer)
  }
}

/** A session's way to its SCSI target. */
export class BridgedNexus implements NexusHandler {
  readonly #target: ScsiTarget
  readonly #nexus: Nexus

  constructor(target: ScsiTarget, nexus: Nexus, observer: NexusObserver) {
    this.#target = target
    this.#nexus = nexus
    target.openNexus(nexus, {
      commandsClearedByAnother: (commands) => observer.tasksClearedByAnother(commands.map(taskOf)),
    })
  }

  get target(): ScsiTarget {
    return this.#target
  }

  /** The logical unit numbers that the initiator sees, ascending. */
  get logicalUnitNumbers(): readonly number[] {
    return this.#target.logicalUnitNumbersOf(this.#nexus)
  }

  /** What went through it. */
  get counters(): TransferCounters {
    return this.#target.countersOf(this.#nexus)
  }

  logicalUnitOf(lun: Buffer): unknown {
    return this.#target.logicalUnitOf(this.#nexus, lun)
  }

  /** Send SCSI Command received. */
  commandReceived(task: Task): void {
    const command = new Command(
      this.#nexus,
      TRANSPORT_SERVICES,
      task,
      task.cdb,
      ATTRIBUTES[task.attribute] ?? TASK_ATTRIBUTE.SIMPLE,
      task.dataInCapacityBytes,
      task.dataOutCapacityBytes,
      task.priority,
    )
    task.upper = command
    this.#target.execute(task.lun, command)
  }

  /** Task Management Request Received; `executed` is Task Management Function Executed. */
  taskManagementRequestReceived(request: TaskManagementRequest, executed: TaskManagementFunctionExecuted): void {
    const target = this.#target
    const nexus = this.#nexus
    const { lun, referencedTask } = request
    const covers = (command: Command) => request.covers(taskOf(command))
    const done: TaskManagementDone = (outcome, additional) => executed(RESPONSES[outcome], additional)
    switch (request.function) {
      case FUNCTION.ABORT_TASK:
        if (referencedTask?.upper instanceof Command) target.abortTask(referencedTask.upper, done)
        else executed(RESPONSE.TASK_DOES_NOT_EXIST)
        break
      case FUNCTION.ABORT_TASK_SET:
        target.abortTaskSet(nexus, lun, done, covers)
        break
      case FUNCTION.CLEAR_TASK_SET:
        target.clearTaskSet(nexus, lun, done, covers)
        break
      case FUNCTION.CLEAR_ACA:
        target.clearAca(nexus, lun, done)
        break
      case FUNCTION.LOGICAL_UNIT_RESET:
        target.logicalUnitReset(nexus, lun, done)
        break
      case FUNCTION.TARGET_WARM_RESET:
        target.targetReset(nexus, done)
        break
      case FUNCTION.TARGET_COLD_RESET:
        target.powerOn(nexus, done)
        break
      case FUNCTION.I_T_NEXUS_RESET:
        target.abortNexus(nexus, done)
        break
      case FUNCTION.QUERY_ASYNCHRONOUS_EVENT:
        target.queryAsynchronousEvent(nexus, lun, done)
        break
      default:
        executed(RESPONSE.FUNCTION_NOT_SUPPORTED)
    }
  }

  responseDropped(upper: unknown): void {
    if (upper instanceof Command) this.#target.responseDropped(upper)
  }

  tasksTerminated(luns: readonly Buffer[]): void {
    this.#target.commandsTerminated(this.#nexus, luns)
  }

  close(ended: () => void): void {
    this.#target.closeNexus(this.#nexus, ended)
  }
}

/**
 * A task with both directions: note what its Data-In presents and return what its Data-Out does. A command of one
 * direction leaves the other one's buffer untouched.
 */
function presentWrite(command: Command): number {
  const direction = command.definition?.data
  const isRead = direction === 'in'
  taskOf(command).presentedReadBytes = isRead ? command.presentedDataBytes : command.presentedReadBytes
  return isRead ? 0 : command.presentedDataBytes
}

function taskOf(command: Command): Task {
  return command.transportContext as Task
}

/** SCSI names of the two ports (RFC 7143 4.4.2). */
function nexusOf(identity: NexusIdentity): Nexus {
  const { initiatorName, isid, remoteAddress, targetName, portalGroupTag, iSCSIProtocolLevel } = identity
  const { name, relativeTargetPort } = targetPort(targetName, portalGroupTag)
  return {
    initiatorPortName: `${initiatorName},i,0x${isid.toString('hex')}`,
    initiatorDeviceName: initiatorName,
    initiatorAddress: remoteAddress,
    targetPortName: name,
    relativeTargetPort,
    transportVersionDescriptor: ISCSI_VERSION_DESCRIPTOR + iSCSIProtocolLevel,
  }
}
