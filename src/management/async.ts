/**
 * IVdsAsync: an operation that goes on after its method has returned. It begins unsignalled with 0 percent, which never falls
 * while it runs, and is signalled once: with 100 percent and its output, or with 0 and the reason. Whoever asks later gets the
 * same answer.
 *
 * Two results are told apart: `hresult` is that of the method which began it, the one of `wait` that of the operation.
 */

import { randomUUID } from 'node:crypto'
import type { ObjectId } from './configuration.ts'
import type { Actor } from './configuration-store.ts'
import { type HResultName, type SuccessName, VdsError } from './hresult.ts'
import type { AsyncOutputType } from './vds-types.ts'

/** What the operation came to. */
export interface AsyncResult<T> {
  readonly hresult: HResultName
  /** Why it failed; null when it did not. */
  readonly message: string | null
  /** Null when it failed, and when its kind has none. */
  readonly output: T | null
}

/** An object of the model that an operation made. */
export interface AsyncOutput {
  readonly id: ObjectId
}

export interface AsyncOrigin {
  readonly outputType: AsyncOutputType
  /** The method that began it, such as `SubSystem.createLun`. */
  readonly method: string
  readonly actor: Actor
  /** What it was called on; null for the sub-system. */
  readonly objectId: ObjectId | null
  readonly beganAt: Date
}

/** How the operation itself speaks to its `Async`. */
export interface AsyncProgress {
  /** From 0 to 99. */
  report(percent: number): void
  /** What follows can no longer be cancelled. Errors: VDS_E_OPERATION_CANCELED when it was. */
  passCommitPoint(): void
}

const PERCENT_RUNNING_MAX = 99

export class Async<T extends AsyncOutput | null = AsyncOutput | null> {
  readonly id: ObjectId = randomUUID()
  readonly origin: AsyncOrigin
  /** The result of the method that began it. */
  readonly hresult: SuccessName
  #percent = 0
  #isBeyondCommitPoint = false
  #result: AsyncResult<T> | null = null
  #endedAt: Date | null = null
  readonly #signalled = Promise.withResolvers<AsyncResult<T>>()

  /** `now` tells when it ended. */
  constructor(
    origin: AsyncOrigin,
    hresult: SuccessName,
    work: (progress: AsyncProgress) => Promise<T>,
    now: () => Date,
  ) {
    this.origin = origin
    this.hresult = hresult
    const progress: AsyncProgress = {
      report: (percent) => {
        this.#percent = Math.max(this.#percent, Math.min(PERCENT_RUNNING_MAX, Math.floor(percent)))
      },
      passCommitPoint: () => {
        if (this.#result !== null) throw canceled()
        this.#isBeyondCommitPoint = true
      },
    }
    work(progress).then(
      (output) => this.#signal({ hresult, message: null, output }, now()),
      (error: unknown) => this.#signal(failureOf(error), now()),
    )
  }

  get isSignalled(): boolean {
    return this.#result !== null
  }

  /** Null while it runs. */
  get endedAt(): Date | null {
    return this.#endedAt
  }

  /** What it came to; null while it runs. */
  get result(): AsyncResult<T> | null {
    return this.#result
  }

  /** Until it is done. Errors: VDS_E_TIMEOUT after `timeoutMs`; the operation goes on. */
  async wait(timeoutMs?: number): Promise<AsyncResult<T>> {
    if (timeoutMs === undefined || this.#result !== null) return this.#signalled.promise
    const timeout = Promise.withResolvers<null>()
    const timer = setTimeout(timeout.resolve, timeoutMs, null)
    const result = await Promise.race([this.#signalled.promise, timeout.promise])
    clearTimeout(timer)
    if (result === null) throw new VdsError('VDS_E_TIMEOUT', `not done after ${timeoutMs} ms`, { method: 'Async.wait' })
    return result
  }

  /** VDS_E_OPERATION_PENDING while it runs. */
  queryStatus(): { readonly hresult: HResultName; readonly percent: number } {
    return { hresult: this.#result?.hresult ?? 'VDS_E_OPERATION_PENDING', percent: this.#percent }
  }

  /**
   * Give it up; it ends at once with VDS_E_OPERATION_CANCELED and leaves nothing behind.
   * Errors: VDS_E_CANCEL_TOO_LATE when it is done or committed, VDS_E_OPERATION_CANCELED when it was cancelled before.
   */
  cancel(): void {
    if (this.#result?.hresult === 'VDS_E_OPERATION_CANCELED') throw canceled().of('Async.cancel')
    if (this.#isBeyondCommitPoint || this.#result !== null) {
      throw new VdsError('VDS_E_CANCEL_TOO_LATE', 'it is too late to cancel', { method: 'Async.cancel' })
    }
    this.#signal(failureOf(canceled()), new Date())
  }

  #signal(result: AsyncResult<T>, at: Date): void {
    if (this.#result !== null) return
    this.#result = result
    this.#endedAt = at
    this.#percent = result.message === null ? 100 : 0
    this.#signalled.resolve(result)
  }
}

function failureOf(error: unknown): AsyncResult<never> {
  const { name, message } =
    error instanceof VdsError
      ? error
      : new VdsError('VDS_E_PROVIDER_INTERNAL_ERROR', `internal error: ${String(error)}`)
  return { hresult: name, message, output: null }
}

function canceled(): VdsError {
  return new VdsError('VDS_E_OPERATION_CANCELED', 'the operation was cancelled')
}
