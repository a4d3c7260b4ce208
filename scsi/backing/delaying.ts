/**
 * A slow store around any other: for tests of time-outs, aborts and reordering, and for showing how an initiator takes
 * a slow disk. Each operation is done by the inner store first and its completion held back, so that what an initiator
 * has not been told yet may already be on the disk, as with real devices. Different delays reorder completions.
 */

import type { AllocationMap } from './allocation-map.ts'
import { closedError } from './backing-errors.ts'
import type { BackingCapabilities, BackingDone, BackingSpace, BackingStore } from './backing-store.ts'
import { OperationGate } from './operation-gate.ts'

export type DelayedOperation = 'readv' | 'writev' | 'writeZeroes' | 'readAllocation' | 'readSpace' | 'resize' | 'flush'

/** Calls back after so many milliseconds; a virtual clock in tests. */
export type Schedule = (callback: () => void, delayMs: number) => void

const scheduleTimer: Schedule = (callback, delayMs) => {
  setTimeout(callback, delayMs)
}

export class DelayingStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  readonly #store: BackingStore
  readonly #delayMs: (operation: DelayedOperation) => number
  readonly #schedule: Schedule
  readonly #gate = new OperationGate()

  /** `delayMs` is asked once for each operation; 0 does not hold it back at all. */
  constructor(store: BackingStore, delayMs: (operation: DelayedOperation) => number, schedule = scheduleTimer) {
    this.#store = store
    this.capabilities = store.capabilities
    this.#delayMs = delayMs
    this.#schedule = schedule
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('readv'))
    else this.#store.readv(buffers, offsetBytes, this.#delayed('readv', done))
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('writev'))
    else this.#store.writev(buffers, offsetBytes, forceUnitAccess, this.#delayed('writev', done))
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('writeZeroes'))
    else this.#store.writeZeroes(offsetBytes, byteCount, mayUnmap, this.#delayed('writeZeroes', done))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('readAllocation'))
    else this.#store.readAllocation(map, offsetBytes, byteCount, this.#delayed('readAllocation', done))
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('readSpace'))
    else this.#store.readSpace(space, this.#delayed('readSpace', done))
  }

  resize(sizeBytes: number, done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('resize'))
    else this.#store.resize(sizeBytes, this.#delayed('resize', done))
  }

  flush(done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('flush'))
    else this.#store.flush(this.#delayed('flush', done))
  }

  /** Waits until the last delay is over. */
  close(done: BackingDone): void {
    if (this.#gate.isClosed) done(closedError('close'))
    else this.#gate.close(() => this.#store.close(done))
  }

  #delayed(operation: DelayedOperation, done: BackingDone): BackingDone {
    const delayMs = this.#delayMs(operation)
    const finish = this.#gate.begin(done)
    return delayMs === 0 ? finish : (error) => this.#schedule(() => finish(error), delayMs)
  }
}
