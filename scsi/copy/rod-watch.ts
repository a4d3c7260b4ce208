/**
 * Noticing changes under a point in time copy (SPC-4, ROD type "point in time copy - change vulnerable"). While a logical
 * unit has live ROD tokens, its store is wrapped: a write or zeroing that touches a token's extents revokes the token
 * before it reaches the store, so that a token which is still alive after a read vouches for the bytes that were read.
 * Without tokens the store is the plain one and a write pays nothing.
 */

import type { AllocationMap } from '../backing/allocation-map.ts'
import type { BackingCapabilities, BackingDone, BackingSpace, BackingStore } from '../backing/backing-store.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { type ByteExtent, extentsOverlap } from './byte-extent.ts'

/** A token as far as its logical unit cares. */
export interface WatchedToken {
  readonly extents: readonly ByteExtent[]
  /** The bytes that it represents have changed, or are about to. */
  revoke(): void
  /** Whether it is past its inactivity timeout, and has noticed by now. */
  expire(): boolean
}

export class RodWatch {
  readonly #logicalUnit: LogicalUnit
  /** What is under the wrapping; null while nothing is wrapped. */
  #plainStore: BackingStore | null = null
  readonly #tokens = new Set<WatchedToken>()

  constructor(logicalUnit: LogicalUnit) {
    this.#logicalUnit = logicalUnit
  }

  get size(): number {
    return this.#tokens.size
  }

  add(token: WatchedToken): void {
    if (this.#plainStore === null) {
      this.#plainStore = this.#logicalUnit.store
      this.#logicalUnit.store = new WatchedStore(this.#plainStore, this)
    }
    this.#tokens.add(token)
  }

  /** The token is dead. */
  remove(token: WatchedToken): void {
    this.#tokens.delete(token)
    if (this.#tokens.size > 0 || this.#plainStore === null) return
    this.#logicalUnit.store = this.#plainStore
    this.#plainStore = null
  }

  /** The store for whoever keeps it: it watches as long as it is used. */
  watched(store: BackingStore): BackingStore {
    return new WatchedStore(store, this)
  }

  /** These bytes are about to change, or have just done so: tokens that represent some of them are void. */
  changed(extent: ByteExtent): void {
    for (const token of this.#tokens) {
      if (token.expire()) continue
      if (token.extents.some((watched) => extentsOverlap(watched, extent))) token.revoke()
    }
  }

  /** Everything may have changed. */
  revokeAll(): void {
    for (const token of this.#tokens) token.revoke()
  }

  /** Drop the tokens whose time is over. */
  expire(): void {
    for (const token of this.#tokens) token.expire()
  }
}

class WatchedStore implements BackingStore {
  readonly capabilities: BackingCapabilities
  readonly #store: BackingStore
  readonly #watch: RodWatch

  constructor(store: BackingStore, watch: RodWatch) {
    this.#store = store
    this.#watch = watch
    this.capabilities = store.capabilities
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes
  }

  readv(buffers: readonly Buffer[], offsetBytes: number, done: BackingDone): void {
    this.#store.readv(buffers, offsetBytes, done)
  }

  writev(buffers: readonly Buffer[], offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    this.#watch.changed({ offsetBytes, byteCount: buffers.reduce((sum, { length }) => sum + length, 0) })
    this.#store.writev(buffers, offsetBytes, forceUnitAccess, done)
  }

  writeZeroes(offsetBytes: number, byteCount: number, mayUnmap: boolean, done: BackingDone): void {
    this.#watch.changed({ offsetBytes, byteCount })
    this.#store.writeZeroes(offsetBytes, byteCount, mayUnmap, done)
  }

  readAllocation(map: AllocationMap, offsetBytes: number, byteCount: number, done: BackingDone): void {
    this.#store.readAllocation(map, offsetBytes, byteCount, done)
  }

  readSpace(space: BackingSpace, done: BackingDone): void {
    this.#store.readSpace(space, done)
  }

  resize(sizeBytes: number, done: BackingDone): void {
    this.#store.resize(sizeBytes, done)
  }

  flush(done: BackingDone): void {
    this.#store.flush(done)
  }

  close(done: BackingDone): void {
    this.#store.close(done)
  }
}
