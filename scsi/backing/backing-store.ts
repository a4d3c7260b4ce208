/**
 * The vtable between a logical unit and the bytes it serves. A store is a flat array of bytes; blocks, LBAs and
 * caching modes belong to the logical unit above it. Only files in this folder touch `node:fs`.
 *
 * Calling rules, which `checked.ts` asserts around every store:
 * - ranges lie inside `[0, sizeBytes)` and are never empty; a capability that is not advertised is not used;
 * - `done` is called exactly once, possibly before the call returns (a store that answered without waiting);
 * - the buffers belong to the caller, who leaves them alone until `done`; a store never keeps a reference after it;
 * - operations in flight at the same time may complete in any order; ordering is the task set's business.
 */

import type { AllocationMap } from './allocation-map.ts'

/** What went wrong, in the store's own words; becomes sense data in exactly one place (`scsi/sense.ts`). */
export type BackingErrorKind = 'io' | 'outOfRange' | 'readOnly' | 'noSpace' | 'unsupported' | 'closed'

/** A failed operation. Never thrown by a store's I/O calls: handed to `done`. */
export interface BackingError {
  readonly kind: BackingErrorKind
  /** For people: the operation, the place, the system's error code. */
  readonly message: string
}

/** Called exactly once per operation, with null for success. */
export type BackingDone = (error: BackingError | null) => void

/** A stretch of a store that takes space, or that reads as zeroes and takes none. */
export interface AllocationExtent {
  readonly byteCount: number
  readonly isAllocated: boolean
}

/** The space behind a store, for all that share it; in bytes. */
export interface BackingSpace {
  /** What the store's contents take. */
  usedBytes: number
  /** What is left for it to grow. */
  availableBytes: number
}

/** What the store can do and how it behaves. Read once when the logical unit is made. */
export interface BackingCapabilities {
  /** Writes are refused with `readOnly`. */
  readonly readOnly: boolean
  /** Writes may sit in a volatile cache until `flush` (reported to initiators as WCE). */
  readonly volatileWriteCache: boolean
  /** Unwritten ranges take no space, and `writeZeroes` with `mayUnmap` may give space back. */
  readonly thin: boolean
  /** Preferred I/O granularity in bytes; a power of two. */
  readonly optimalIoBytes: number
}

/** A flat array of bytes with vectored access. */
export interface BackingStore {
  readonly capabilities: BackingCapabilities
  /** Units: bytes. Changed by `resize` only. */
  readonly sizeBytes: number

  /** Fill `buffers`, in order, with the bytes from `offsetBytes` on. On success every byte was written; on error none counts. */
  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void

  /**
   * Write `buffers`, in order, from `offsetBytes` on. With `forceUnitAccess` the bytes are durable before `done`.
   * On error the range holds an undefined mixture of old and new bytes, and nothing outside it changed.
   */
  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void

  /** Make `[offsetBytes, + byteCount)` read as zeroes; `mayUnmap` allows the space to be given back. */
  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void

  /**
   * Find out which parts of `[offsetBytes, + byteCount)` take space: `map` gets their extents, in order, until it is full
   * or the range ends. A part of which the store does not know better counts as allocated.
   */
  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void

  /** Fill `space` with the space that there is and that is taken at the moment. */
  readSpace(space: BackingSpace, done: BackingDone): void

  /**
   * Make the store `sizeBytes` long, durably: a longer one has zeroes behind its old end, a shorter one has lost what was
   * there. Nobody uses bytes behind the shorter end meanwhile.
   * Errors: `unsupported` for a store whose size is not ours to change; then nothing has changed.
   */
  resize(sizeBytes: number, done: BackingDone): void

  /** Everything whose `done` came before this call is durable when `done` comes. */
  flush(done: BackingDone): void

  /** Flush and let go. Operations in flight finish first; later ones fail with `closed`. */
  close(done: BackingDone): void
}
