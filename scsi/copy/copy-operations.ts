/**
 * The copy operations of an I_T_L nexus by their list identifiers (SPC-4): those that run, and the outcome of those that
 * have ended until it has been fetched. Bounded; where the table is full, the oldest outcome is forgotten first.
 */

import type { SenseData } from '../sense.ts'
import type { CopyJob, CopyStatus } from './copy-job.ts'
import { COPY_OPERATIONS_PER_NEXUS_MAX } from './copy-limits.ts'
import type { RodToken } from './rod-token.ts'

export interface CopyOperationState {
  /** The service action that started it: RESPONSE TO SERVICE ACTION. */
  readonly serviceAction: number
  readonly isForeground: boolean
  /** What does the work; null for POPULATE TOKEN, which has none. */
  job: CopyJob | null
  status: CopyStatus
  sense: SenseData | null
  /** What POPULATE TOKEN made, once it is done. */
  token: RodToken | null
  /** Units: bytes. */
  transferredBytes: number
  segmentsProcessed: number
  /** Changes with every look, so that two looks at a copy that runs differ: OPERATION COUNTER. */
  lookCount: number
}

/** A new operation that runs. */
export function newCopyOperation(serviceAction: number, isForeground: boolean): CopyOperationState {
  return {
    serviceAction,
    isForeground,
    job: null,
    status: 'running',
    sense: null,
    token: null,
    transferredBytes: 0,
    segmentsProcessed: 0,
    lookCount: 0,
  }
}

/** Bring an operation up to date with the job that carries it out. */
export function readProgress(operation: CopyOperationState): CopyOperationState {
  const { job } = operation
  if (job !== null) {
    operation.status = job.status
    operation.sense = job.sense
    operation.transferredBytes = job.transferredBytes
    operation.segmentsProcessed = job.segmentsProcessed
  }
  return operation
}

export class CopyOperations {
  readonly #byListIdentifier = new Map<number, CopyOperationState>()

  /** The operation with this list identifier, up to date; null when none is known. */
  find(listIdentifier: number): CopyOperationState | null {
    const operation = this.#byListIdentifier.get(listIdentifier)
    return operation === undefined ? null : readProgress(operation)
  }

  /** Whether an operation with this list identifier runs, so that no other may take it. */
  isRunning(listIdentifier: number): boolean {
    return this.find(listIdentifier)?.status === 'running'
  }

  /** Enter an operation in place of an ended one of this list identifier. False when too many run. */
  add(listIdentifier: number, operation: CopyOperationState): boolean {
    this.#byListIdentifier.delete(listIdentifier)
    if (this.#byListIdentifier.size >= COPY_OPERATIONS_PER_NEXUS_MAX && !this.#forgetOldest()) return false
    this.#byListIdentifier.set(listIdentifier, operation)
    return true
  }

  /** The outcome has been fetched, or nobody wants it. */
  forget(listIdentifier: number): void {
    this.#byListIdentifier.delete(listIdentifier)
  }

  #forgetOldest(): boolean {
    for (const listIdentifier of this.#byListIdentifier.keys()) {
      if (this.isRunning(listIdentifier)) continue
      this.forget(listIdentifier)
      return true
    }
    return false
  }
}
