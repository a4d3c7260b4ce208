/**
 * A store in this process's memory, for tests, demonstrations and scratch disks: it is gone when the process is.
 * Memory is taken chunk by chunk as chunks are first written, so a large store costs what was written to it, and
 * `writeZeroes` with `mayUnmap` gives whole chunks back. A chunk that is not there reads as zeroes.
 *
 * Every operation is finished before the call returns. There is nothing behind the memory that a flush could reach,
 * so nothing is more volatile before a flush than after it, and no write cache is reported.
 */

import type { AllocationMap } from './allocation-map.ts'
import { closedError, readOnlyError } from './backing-errors.ts'
import type { BackingCapabilities, BackingDone, BackingError, BackingSpace, BackingStore } from './backing-store.ts'

/** Small enough to keep scattered writes cheap, large enough that the map of a full 1 GiB store stays in the cache. */
const CHUNK_BYTES = 64 * 1024

export interface MemoryStoreOptions {
  /** Default false. A read-only store holds zeroes for ever. */
  readonly isReadOnly?: boolean
}

export class MemoryStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  #sizeBytes: number
  readonly #chunks = new Map<number, Buffer>()
  #isClosed = false

  constructor(sizeBytes: number, options: MemoryStoreOptions = {}) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
      throw new RangeError(`memory store: the size must be a positive whole number of bytes, not ${sizeBytes}`)
    }
    this.#sizeBytes = sizeBytes
    this.capabilities = {
      readOnly: options.isReadOnly ?? false,
      volatileWriteCache: false,
      thin: true,
      optimalIoBytes: CHUNK_BYTES,
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Units: bytes of memory that the contents take at the moment. */
  get allocatedBytes(): number {
    return this.#chunks.size * CHUNK_BYTES
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    done(this.#isClosed ? closedError('readv') : this.#read(buffers, offsetBytes))
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, _forceUnitAccess: boolean, done: BackingDone): void {
    done(this.#refuseChange('writev') ?? this.#write(buffers, offsetBytes))
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    done(this.#refuseChange('writeZeroes') ?? this.#zero(offsetBytes, byteCount, mayUnmap))
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    if (this.#isClosed) {
      done(closedError('readAllocation'))
      return
    }
    forEachChunk(offsetBytes, byteCount, (index, start, end) => map.add(end - start, this.#chunks.has(index)))
    done(null)
  }

  /** Memory is bounded by the process's, which nobody here knows: what the store has not taken is available to it. */
  readSpace(space: BackingSpace, done: BackingDone): void {
    space.usedBytes = this.allocatedBytes
    space.availableBytes = Math.max(0, this.sizeBytes - this.allocatedBytes)
    done(this.#isClosed ? closedError('readSpace') : null)
  }

  resize(sizeBytes: number, done: BackingDone): void {
    const refusal = this.#refuseChange('resize')
    if (refusal === null) {
      // What is cut off in the middle of a chunk must not come back when the store grows again.
      if (sizeBytes < this.sizeBytes) this.#zero(sizeBytes, this.sizeBytes - sizeBytes, true)
      this.#sizeBytes = sizeBytes
    }
    done(refusal)
  }

  flush(done: BackingDone): void {
    done(this.#isClosed ? closedError('flush') : null)
  }

  close(done: BackingDone): void {
    const refusal = this.#isClosed ? closedError('close') : null
    this.#isClosed = true
    this.#chunks.clear()
    done(refusal)
  }

  #refuseChange(operation: string): BackingError | null {
    if (this.#isClosed) return closedError(operation)
    return this.capabilities.readOnly ? readOnlyError(operation) : null
  }

  #read(buffers: readonly Buffer[], offsetBytes: number): null {
    let position = offsetBytes
    for (const buffer of buffers) {
      forEachChunk(position, buffer.length, (index, start, end, at) => {
        const chunk = this.#chunks.get(index)
        if (chunk === undefined) buffer.fill(0, at, at + end - start)
        else chunk.copy(buffer, at, start, end)
      })
      position += buffer.length
    }
    return null
  }

  #write(buffers: readonly Buffer[], offsetBytes: number): null {
    let position = offsetBytes
    for (const buffer of buffers) {
      forEachChunk(position, buffer.length, (index, start, end, at) => {
        buffer.copy(this.#ownChunk(index), start, at, at + end - start)
      })
      position += buffer.length
    }
    return null
  }

  #zero(offsetBytes: number, byteCount: number, mayUnmap: boolean): null {
    forEachChunk(offsetBytes, byteCount, (index, start, end) => {
      if (end - start < CHUNK_BYTES) this.#chunks.get(index)?.fill(0, start, end)
      else if (mayUnmap) this.#chunks.delete(index)
      else this.#ownChunk(index).fill(0)
    })
    return null
  }

  #ownChunk(index: number): Buffer {
    let chunk = this.#chunks.get(index)
    if (chunk === undefined) {
      chunk = Buffer.alloc(CHUNK_BYTES)
      this.#chunks.set(index, chunk)
    }
    return chunk
  }
}

/**
 * Cuts `[offsetBytes, + byteCount)` at chunk borders. `visit` gets the chunk's number, the range inside the chunk, and
 * how far into the whole range that piece lies.
 */
function forEachChunk(
  offsetBytes: number,
  byteCount: number,
  visit: (index: number, start: number, end: number, at: number) => void,
): void {
  let at = 0
  while (at < byteCount) {
    const start = (offsetBytes + at) % CHUNK_BYTES
    const index = (offsetBytes + at - start) / CHUNK_BYTES
    const end = Math.min(CHUNK_BYTES, start + byteCount - at)
    visit(index, start, end, at)
    at += end - start
  }
}
