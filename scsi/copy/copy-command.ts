/**
 * A command that starts a copy operation (SPC-4): collects its parameter list, and ends when the copy has come to rest or,
 * in the background, as soon as it has begun. Task management that aborts the command ends a copy in the foreground.
 */

import type { Command } from '../command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { announcedListBytes } from '../parameter-list.ts'
import { type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import type { CopyJob, CopyPlan } from './copy-job.ts'
import { type CopyOperationState, readProgress } from './copy-operations.ts'

/** Starts `command` as one of these. A parameter list of no bytes is no error and copies nothing (SPC-3 6.3.1). */
export function startCopyCommand<T extends CopyCommand>(
  command: Command,
  logicalUnit: LogicalUnit,
  create: new (command: Command, logicalUnit: LogicalUnit) => T,
): void {
  const lengthBytes = announcedListBytes(command)
  if (lengthBytes > 0) new create(command, logicalUnit).start(lengthBytes)
}

/** What a job needs beyond its plan. */
export interface CopyWork {
  readonly plan: CopyPlan
  readonly itlNexuses: readonly ItlNexus[]
  readonly logicalUnits: ReadonlySet<LogicalUnit>
  /** Called when the job has come to rest. */
  readonly ended?: (job: CopyJob) => void
}

export abstract class CopyCommand extends Operation {
  readonly itlNexus: ItlNexus
  #list: Buffer | null = null
  /** The copy that this command waits for. */
  #job: CopyJob | null = null

  constructor(command: Command, logicalUnit: LogicalUnit) {
    super(command, logicalUnit)
    this.itlNexus = command.itlNexus!
  }

  start(lengthBytes: number): void {
    this.receiveBlock(lengthBytes, (list) => {
      this.#list = list
      this.step()
    })
  }

  /** The list is there: start what it asks for, or say what is wrong with it. */
  protected abstract begin(list: Buffer): SenseData | null

  protected override advance(): void {
    if (this.#list === null) return
    const list = this.#list
    this.#list = null
    const refusal = this.begin(list)
    if (refusal !== null) this.fail(refusal)
  }

  override abort(): void {
    if (this.#job === null) super.abort()
    else this.#job.cancel()
  }

  /** Enter the operation under its list identifier, if it has one. Errors: one that runs has it, or too many run. */
  protected enter(listIdentifier: number | null, operation: CopyOperationState): SenseData | null {
    if (listIdentifier === null) return null
    const operations = this.logicalUnit.copies.operationsOf(this.itlNexus)
    if (operations.isRunning(listIdentifier)) return senseOf(SENSE.OPERATION_IN_PROGRESS)
    return operations.add(listIdentifier, operation) ? null : senseOf(SENSE.INSUFFICIENT_RESOURCES)
  }

  /** Copy; the command ends with the copy, or at once when that goes on in the background. */
  protected copy({ plan, itlNexuses, logicalUnits, ended }: CopyWork, operation: CopyOperationState): void {
    const { isForeground } = operation
    if (!isForeground) this.finish()
    this.logicalUnit.copies.manager.startJob(
      plan,
      itlNexuses,
      logicalUnits,
      (job) => {
        operation.job = job
        if (isForeground) this.#job = job
      },
      (job) => {
        // What is kept of the operation must not keep what the job held.
        readProgress(operation).job = null
        ended?.(job)
        if (isForeground) this.#jobEnded(job)
      },
      (error) => this.itlNexus.target.onInternalError(error, this.command),
    )
  }

  #jobEnded({ sense }: CopyJob): void {
    this.#job = null
    if (sense === null) this.finish()
    else this.fail(sense)
    this.step()
  }
}
