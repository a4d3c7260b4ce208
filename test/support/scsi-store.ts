/**
 * A store in memory for device server tests, with the handles that tests need: hold completions back, make the next
 * operation fail, and a record of what was called. With `isManual` nothing completes until `release` is called.
 */

import type { AllocationMap } from '../../scsi/backing/allocation-map.ts'
import type {
  AllocationExtent,
  BackingCapabilities,
  BackingDone,
  BackingError,
  BackingErrorKind,
  BackingSpace,
  BackingStore,
} from '../../scsi/backing/backing-store.ts'

export interface StoreCall {
  readonly operation: 'readv' | 'writev' | 'writeZeroes' | 'readAllocation' | 'readSpace' | 'resize' | 'flush'
  readonly offsetBytes: number
  readonly byteCount: number
  readonly forceUnitAccess: boolean
  readonly mayUnmap: boolean
}

interface HeldCall {
  readonly call: StoreCall
  readonly perform: () => void
  readonly done: BackingDone
}

export class TestStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  sizeBytes: number
  bytes: Buffer
  readonly calls: StoreCall[] = []
  /** Completions wait for `release`. */
  isManual = false
  /** What `readAllocation` says, byte ranges from the start on; what lies behind them is allocated. */
  allocation: readonly AllocationExtent[] = []
  /** What `readSpace` says. */
  space: BackingSpace = { usedBytes: 0, availableBytes: 0 }
  readonly #held: HeldCall[] = []
  #nextFailure: BackingError | null = null
  #nextThrow: Error | null = null

  constructor(sizeBytes: number, capabilities: Partial<BackingCapabilities> = {}) {
    this.sizeBytes = sizeBytes
    this.bytes = Buffer.alloc(sizeBytes)
    this.capabilities = {
      readOnly: false,
      volatileWriteCache: true,
      thin: true,
      optimalIoBytes: 4096,
      ...capabilities,
    }
  }

  /** The next operation ends with this error and does nothing. */
  failNext(kind: BackingErrorKind): void {
    this.#nextFailure = { kind, message: `test failure ${kind}` }
  }

  /** The next operation throws, as no store may. */
  throwNext(error: Error): void {
    this.#nextThrow = error
  }

  get heldCount(): number {
    return this.#held.length
  }

  /** Let the oldest held operations happen and complete. */
  release(count = this.#held.length): void {
    for (const held of this.#held.splice(0, count)) {
      held.perform()
      held.done(null)
    }
  }

  /** Let the held operation at this place happen and complete, whatever is older. */
  releaseAt(index: number): StoreCall {
    const [held] = this.#held.splice(index, 1)
    held!.perform()
    held!.done(null)
    return held!.call
  }

  /** Let the oldest held operation fail. */
  releaseWithError(kind: BackingErrorKind): void {
    this.#held.shift()!.done({ kind, message: `test failure ${kind}` })
  }

  countOf(operation: StoreCall['operation']): number {
    return this.calls.filter((call) => call.operation === operation).length
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    const call = { operation: 'readv', offsetBytes, byteCount: sumOf(buffers), forceUnitAccess: false, mayUnmap: false }
    this.#run(call as StoreCall, done, () => {
      let at = offsetBytes
      for (const buffer of buffers) at += this.bytes.copy(buffer, 0, at, at + buffer.length)
    })
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    const call = { operation: 'writev', offsetBytes, byteCount: sumOf(buffers), forceUnitAccess, mayUnmap: false }
    this.#run(call as StoreCall, done, () => {
      let at = offsetBytes
      for (const buffer of buffers) at += buffer.copy(this.bytes, at)
    })
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    const call: StoreCall = { operation: 'writeZeroes', offsetBytes, byteCount, forceUnitAccess: false, mayUnmap }
    this.#run(call, done, () => this.bytes.fill(0, offsetBytes, offsetBytes + byteCount))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    const call = { operation: 'readAllocation', offsetBytes, byteCount, forceUnitAccess: false, mayUnmap: false }
    this.#run(call as StoreCall, done, () => {
      const endBytes = offsetBytes + byteCount
      let at = 0
      for (const extent of [...this.allocation, { byteCount: this.sizeBytes, isAllocated: true }]) {
        const overlap = Math.min(at + extent.byteCount, endBytes) - Math.max(at, offsetBytes)
        if (overlap > 0) map.add(overlap, extent.isAllocated)
        at += extent.byteCount
      }
    })
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    const call = { operation: 'readSpace', offsetBytes: 0, byteCount: 0, forceUnitAccess: false, mayUnmap: false }
    this.#run(call as StoreCall, done, () => Object.assign(space, this.space))
  }

  resize(sizeBytes: number, done: BackingDone): void {
    const call = { operation: 'resize', offsetBytes: 0, byteCount: 0, forceUnitAccess: false, mayUnmap: false }
    this.#run(call as StoreCall, done, () => {
      const kept = this.bytes.subarray(0, sizeBytes)
      this.bytes = Buffer.concat([kept, Buffer.alloc(sizeBytes - kept.length)])
      this.sizeBytes = sizeBytes
    })
  }

  flush(done: BackingDone): void {
    const call = { operation: 'flush', offsetBytes: 0, byteCount: 0, forceUnitAccess: false, mayUnmap: false }
    this.#run(call as StoreCall, done, () => {})
  }

  close(done: BackingDone): void {
    done(null)
  }

  #run(call: StoreCall, done: BackingDone, perform: () => void): void {
    if (call.offsetBytes < 0 || call.offsetBytes + call.byteCount > this.sizeBytes) throw new Error('out of range')
    if (this.#nextThrow !== null) {
      const error = this.#nextThrow
      this.#nextThrow = null
      throw error
    }
    this.calls.push(call)
    const failure = this.#nextFailure
    this.#nextFailure = null
    if (failure !== null) done(failure)
    else if (this.isManual) this.#held.push({ call, perform, done })
    else {
      perform()
      done(null)
    }
  }
}

function sumOf(buffers: readonly Buffer[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.length, 0)
}
