/**
 * The asserting wrapper around every store; each logical unit talks to its store through one. It holds both sides to
 * the calling rules of `backing-store.ts`.
 *
 * A caller's mistake never reaches the store: the operation fails with the kind that names the mistake. A store's
 * mistake (a second completion, an exception, a close that leaves operations behind) is a bug of ours: it is reported
 * to `onViolation`, and the caller still sees exactly one completion.
 *
 * It also bounds recursion, for all stores at once: a store may complete before its call returns, and a caller that
 * issues the next operation from `done` would nest without end. From `NESTED_COMPLETIONS_MAX` levels on, `done` is
 * called from a fresh stack.
 */

import type { AllocationMap } from './allocation-map.ts'
import { backingError, closedError, readOnlyError } from './backing-errors.ts'
import type { BackingCapabilities, BackingDone, BackingError, BackingSpace, BackingStore } from './backing-store.ts'
import { byteLengthOf } from './iovec.ts'

/** A level takes a few stack frames of a few hundred bytes; the stack holds about ten thousand frames. */
const NESTED_COMPLETIONS_MAX = 32

/** Thrown by the default `onViolation`: a store broke its contract. */
export class BackingContractError extends Error {
  override readonly name = 'BackingContractError'
}

function throwViolation(message: string): void {
  throw new BackingContractError(message)
}

type Operation = 'readv' | 'writev' | 'writeZeroes' | 'readAllocation' | 'readSpace' | 'resize' | 'flush' | 'close'

export class CheckedStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  #sizeBytes: number
  readonly #store: BackingStore
  readonly #onViolation: (message: string) => void
  #isClosed = false
  #inFlightCount = 0
  #nestedCompletions = 0
  #deferredCompletions = 0

  /** `onViolation` gets a sentence for the log; the default throws, which suits tests and ends a server. */
  constructor(store: BackingStore, onViolation: (message: string) => void = throwViolation) {
    this.#store = store
    this.#onViolation = onViolation
    this.#sizeBytes = store.sizeBytes
    this.capabilities = store.capabilities
    if (!isSize(this.sizeBytes)) {
      onViolation(`a store's size must be a positive whole number of bytes, not ${this.sizeBytes}`)
    }
    if (!isPowerOfTwo(this.capabilities.optimalIoBytes)) {
      onViolation(`a store's optimalIoBytes must be a power of two, not ${this.capabilities.optimalIoBytes}`)
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    const refusal = this.#refuseRange('readv', offsetBytes, byteLengthOf(buffers))
    if (refusal !== null) this.#complete('readv', done, refusal)
    else this.#issue('readv', done, (once) => this.#store.readv(buffers, offsetBytes, once))
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    const refusal = this.#refuseChange('writev', offsetBytes, byteLengthOf(buffers))
    if (refusal !== null) this.#complete('writev', done, refusal)
    else this.#issue('writev', done, (once) => this.#store.writev(buffers, offsetBytes, forceUnitAccess, once))
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    let refusal = this.#refuseChange('writeZeroes', offsetBytes, byteCount)
    if (refusal === null && mayUnmap && !this.capabilities.thin) {
      refusal = backingError('unsupported', 'writeZeroes: the store is not thin and cannot give space back')
    }
    if (refusal !== null) this.#complete('writeZeroes', done, refusal)
    else this.#issue('writeZeroes', done, (once) => this.#store.writeZeroes(offsetBytes, byteCount, mayUnmap, once))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    const refusal = this.#refuseRange('readAllocation', offsetBytes, byteCount)
    if (refusal !== null) this.#complete('readAllocation', done, refusal)
    else this.#issue('readAllocation', done, (once) => this.#store.readAllocation(map, offsetBytes, byteCount, once))
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    if (this.#isClosed) this.#complete('readSpace', done, closedError('readSpace'))
    else this.#issue('readSpace', done, (once) => this.#store.readSpace(space, once))
  }

  /** Ranges behind a shorter end are refused from now on, ranges behind a longer one until it is there. */
  resize(sizeBytes: number, done: BackingDone): void {
    let refusal = this.capabilities.readOnly ? readOnlyError('resize') : null
    if (this.#isClosed) refusal = closedError('resize')
    else if (!isSize(sizeBytes))
      refusal = backingError('outOfRange', `resize: ${sizeBytes} bytes are no size of a store`)
    if (refusal !== null) {
      this.#complete('resize', done, refusal)
      return
    }
    this.#sizeBytes = Math.min(this.#sizeBytes, sizeBytes)
    const resized: BackingDone = (error) => {
      this.#sizeBytes = this.#store.sizeBytes
      done(error)
    }
    this.#issue('resize', resized, (once) => this.#store.resize(sizeBytes, once))
  }

  flush(done: BackingDone): void {
    if (this.#isClosed) this.#complete('flush', done, closedError('flush'))
    else this.#issue('flush', done, (once) => this.#store.flush(once))
  }

  close(done: BackingDone): void {
    if (this.#isClosed) {
      this.#complete('close', done, closedError('close'))
    } else {
      this.#isClosed = true
      this.#issue('close', done, (once) => this.#store.close(once))
    }
  }

  #refuseChange(operation: Operation, offsetBytes: number, byteCount: number): BackingError | null {
    const refusal = this.#refuseRange(operation, offsetBytes, byteCount)
    if (refusal !== null) return refusal
    return this.capabilities.readOnly ? readOnlyError(operation) : null
  }

  #refuseRange(operation: Operation, offsetBytes: number, byteCount: number): BackingError | null {
    if (this.#isClosed) return closedError(operation)
    const isRange = Number.isSafeInteger(offsetBytes) && Number.isSafeInteger(byteCount) && offsetBytes >= 0
    if (isRange && byteCount > 0 && byteCount <= this.sizeBytes - offsetBytes) return null
    const range = `${byteCount} bytes at byte ${offsetBytes}`
    return backingError('outOfRange', `${operation}: ${range} are no range within the store's ${this.sizeBytes} bytes`)
  }

  /** Runs one operation of the store and sees to it that `done` is called once. */
  #issue(operation: Operation, done: BackingDone, start: (once: BackingDone) => void): void {
    let isCompleted = false
    const once: BackingDone = (error) => {
      if (isCompleted) return this.#onViolation(`${operation}: completed a second time`)
      isCompleted = true
      this.#inFlightCount -= 1
      this.#complete(operation, done, error)
      if (operation === 'close' && this.#inFlightCount > 0) {
        this.#onViolation(`close: completed while ${this.#inFlightCount} operations were not`)
      }
    }
    this.#inFlightCount += 1
    try {
      start(once)
    } catch (cause) {
      // After the completion, what is thrown may well come from the caller's own `done`.
      if (isCompleted) throw cause
      once(backingError('io', `${operation}: ${String(cause)}`))
      this.#onViolation(`${operation}: threw ${String(cause)}`)
    }
  }

  /** Calls `done`, on a fresh stack if this one is deep; the close after everything that still waits for that. */
  #complete(operation: Operation, done: BackingDone, error: BackingError | null): void {
    const isOvertaking = operation === 'close' && this.#deferredCompletions > 0
    if (this.#nestedCompletions < NESTED_COMPLETIONS_MAX && !isOvertaking) {
      this.#deliver(done, error)
    } else {
      this.#deferredCompletions += 1
      setImmediate(() => {
        this.#deferredCompletions -= 1
        this.#deliver(done, error)
      })
    }
  }

  #deliver(done: BackingDone, error: BackingError | null): void {
    this.#nestedCompletions += 1
    try {
      done(error)
    } finally {
      this.#nestedCompletions -= 1
    }
  }
}

function isSize(sizeBytes: number): boolean {
  return Number.isSafeInteger(sizeBytes) && sizeBytes > 0
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}
