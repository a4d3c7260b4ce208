/**
 * A store with faults on order, around any other: for tests, and for showing what an initiator makes of a bad disk.
 * Each fault names the operations that it hits; a hit operation does as much as the fault allows, then fails.
 */

import type { AllocationMap } from './allocation-map.ts'
import type { BackingCapabilities, BackingDone, BackingError, BackingSpace, BackingStore } from './backing-store.ts'
import { byteLengthOf, sliceVector } from './iovec.ts'

export interface Fault {
  readonly operation: 'readv' | 'writev' | 'writeZeroes' | 'readAllocation' | 'readSpace' | 'resize' | 'flush'
  readonly error: BackingError
  /** Hits only operations that touch a byte of `[fromByte, toByte)`. Default: any. `flush` and `readSpace` touch every byte. */
  readonly fromByte?: number
  readonly toByte?: number
  /** Lets this many matching operations pass first. Default 0. */
  readonly skipCount?: number
  /** Hits this many and then no more. Default: all. */
  readonly hitCount?: number
  /** A hit read or write moves this many of its bytes first, as a torn one would. Default 0. */
  readonly movedBytes?: number
}

export class ErrorInjectingStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  readonly #store: BackingStore
  readonly #faults: { readonly fault: Fault; matchCount: number }[] = []

  constructor(store: BackingStore, faults: readonly Fault[] = []) {
    this.#store = store
    this.capabilities = store.capabilities
    for (const fault of faults) this.inject(fault)
  }

  /** From now on. Of several faults that match, the one injected first hits. */
  inject(fault: Fault): void {
    this.#faults.push({ fault, matchCount: 0 })
  }

  /** The disk is well again. */
  clear(): void {
    this.#faults.length = 0
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    const byteCount = byteLengthOf(buffers)
    const fault = this.#hit('readv', offsetBytes, byteCount)
    const part = sliceVector(buffers, 0, fault?.movedBytes ?? 0)
    if (fault === null) this.#store.readv(buffers, offsetBytes, done)
    else if (part.length === 0) done(fault.error)
    else this.#store.readv(part, offsetBytes, (error) => done(error ?? fault.error))
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    const byteCount = byteLengthOf(buffers)
    const fault = this.#hit('writev', offsetBytes, byteCount)
    const part = sliceVector(buffers, 0, fault?.movedBytes ?? 0)
    if (fault === null) this.#store.writev(buffers, offsetBytes, forceUnitAccess, done)
    else if (part.length === 0) done(fault.error)
    else this.#store.writev(part, offsetBytes, forceUnitAccess, (error) => done(error ?? fault.error))
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    const fault = this.#hit('writeZeroes', offsetBytes, byteCount)
    const movedBytes = Math.min(fault?.movedBytes ?? 0, byteCount)
    if (fault === null) this.#store.writeZeroes(offsetBytes, byteCount, mayUnmap, done)
    else if (movedBytes === 0) done(fault.error)
    else this.#store.writeZeroes(offsetBytes, movedBytes, mayUnmap, (error) => done(error ?? fault.error))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    const fault = this.#hit('readAllocation', offsetBytes, byteCount)
    if (fault === null) this.#store.readAllocation(map, offsetBytes, byteCount, done)
    else done(fault.error)
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    const fault = this.#hit('readSpace', 0, this.sizeBytes)
    if (fault === null) this.#store.readSpace(space, done)
    else done(fault.error)
  }

  resize(sizeBytes: number, done: BackingDone): void {
    const fault = this.#hit('resize', 0, this.sizeBytes)
    if (fault === null) this.#store.resize(sizeBytes, done)
    else done(fault.error)
  }

  flush(done: BackingDone): void {
    const fault = this.#hit('flush', 0, this.sizeBytes)
    if (fault === null) this.#store.flush(done)
    else done(fault.error)
  }

  close(done: BackingDone): void {
    this.#store.close(done)
  }

  #hit(operation: Fault['operation'], offsetBytes: number, byteCount: number): Fault | null {
    for (const entry of this.#faults) {
      const { fault } = entry
      if (fault.operation !== operation) continue
      if (offsetBytes + byteCount <= (fault.fromByte ?? 0)) continue
      if (offsetBytes >= (fault.toByte ?? Number.POSITIVE_INFINITY)) continue
      entry.matchCount += 1
      const hitNumber = entry.matchCount - (fault.skipCount ?? 0)
      if (hitNumber >= 1 && hitNumber <= (fault.hitCount ?? Number.POSITIVE_INFINITY)) return fault
    }
    return null
  }
}
