/**
 * One command in the device server (SAM-5): what the transport delivered, and what became of it.
 * Made by the transport side for each SCSI Command received, owned by the task set until it completes or is aborted.
 */

import type { CommandDefinition } from './define-command.ts'
import type { ItlNexus } from './itl-nexus.ts'
import type { Nexus } from './nexus.ts'
import type { SenseCondition } from './sense-codes.ts'
import type { TransportServices } from './transport-services.ts'

/** The status codes of SAM-5. */
export const STATUS = {
  GOOD: 0x00,
  CHECK_CONDITION: 0x02,
  CONDITION_MET: 0x04,
  BUSY: 0x08,
  RESERVATION_CONFLICT: 0x18,
  TASK_SET_FULL: 0x28,
  ACA_ACTIVE: 0x30,
  TASK_ABORTED: 0x40,
} as const
export type Status = (typeof STATUS)[keyof typeof STATUS]

/** The task attributes of SAM-5. An untagged command is handled as SIMPLE. */
export const TASK_ATTRIBUTE = { SIMPLE: 0, ORDERED: 1, HEAD_OF_QUEUE: 2, ACA: 3 } as const
export type TaskAttribute = (typeof TASK_ATTRIBUTE)[keyof typeof TASK_ATTRIBUTE]

/** A command's work that outlives its handler's call: backing I/O, Data-In under way, Data-Out to come. */
export interface RunningOperation {
  /** The command was marked aborted: end it as soon as nothing of it is in flight towards the backing store. */
  abort(): void
}

export class Command {
  readonly nexus: Nexus
  readonly transport: TransportServices
  /** The transport's own object for this command; opaque here. */
  readonly transportContext: unknown
  /** The CDB, at least as long as its operation code demands. Valid until the command ends. */
  readonly cdb: Buffer
  readonly taskAttribute: TaskAttribute
  /** COMMAND PRIORITY (SAM-5): 1 highest to 15 lowest, 0 for none given. */
  readonly priority: number
  /** The most Data-In the application client takes, in bytes (SAM-5 Data-In Buffer Size). */
  readonly dataInCapacityBytes: number
  /** The Data-Out that the application client has, in bytes (SAM-5 Data-Out Buffer Size). */
  readonly dataOutCapacityBytes: number

  /** The row of the command table; set by the device server before the handler runs, null until then. */
  definition: CommandDefinition | null = null
  /** Where the command was routed; set by the task router, null until then. */
  itlNexus: ItlNexus | null = null
  /** Set by a handler that goes on after it returned; null otherwise. */
  operation: RunningOperation | null = null
  status: Status = STATUS.GOOD
  /** Sense data in wire format, with CHECK CONDITION only. */
  sense: Buffer | null = null
  /**
   * The bytes that the command as the CDB words it transfers, which may be more or less than the initiator expected:
   * the transport derives residuals from it (RFC 7143 11.4.5 calls it SPDTL).
   */
  presentedDataBytes = 0
  /** The same for the Data-In of a bidirectional command, whose `presentedDataBytes` is for its Data-Out. */
  presentedReadBytes = 0
  /** STATUS QUALIFIER (SAM-5), for transports that can carry it; 0 for none. */
  statusQualifier = 0
  /** The unit attention condition that the response tells of; null for none. */
  reportedUnitAttention: SenseCondition | null = null
  /** The response must arrive behind all earlier responses of its nexus and before all later ones. */
  needsFence = false
  /**
   * Task management took it out of the task set; its handler winds down and nothing of it reaches the initiator, or with
   * TAS only that it was aborted.
   */
  isAborted = false
  /** TAS: aborted by another nexus, it ends with TASK ABORTED status. */
  isAbortReported = false
  /** When it arrived, by the clock of `CommandLatencies`; 0 for a command that is not timed. */
  startedAtUs = 0

  constructor(
    nexus: Nexus,
    transport: TransportServices,
    transportContext: unknown,
    cdb: Buffer,
    taskAttribute: TaskAttribute,
    dataInCapacityBytes: number,
    dataOutCapacityBytes: number,
    priority = 0,
  ) {
    this.nexus = nexus
    this.transport = transport
    this.transportContext = transportContext
    this.cdb = cdb
    this.taskAttribute = taskAttribute
    this.priority = priority
    this.dataInCapacityBytes = dataInCapacityBytes
    this.dataOutCapacityBytes = dataOutCapacityBytes
  }
}
