/**
 * What a store tells of a range's allocation: extents in the order of their bytes, neighbours of one kind as one, and no
 * more of them than the asker has room for. Filled by `BackingStore.readAllocation`, read by GET LBA STATUS.
 */

import type { AllocationExtent } from './backing-store.ts'

export class AllocationMap {
  readonly #extents: { byteCount: number; isAllocated: boolean }[] = []
  readonly #extentsMax: number
  #isFull = false

  /** Room for 1 extent or more. */
  constructor(extentsMax: number) {
    this.#extentsMax = extentsMax
  }

  get extents(): readonly AllocationExtent[] {
    return this.#extents
  }

  /** How many more extents there is room for, when each is of another kind than the one before it. */
  get room(): number {
    return this.#extentsMax - this.#extents.length
  }

  /** The next `byteCount` bytes, 1 or more, are of this kind. */
  add(byteCount: number, isAllocated: boolean): void {
    if (this.#isFull) return
    const last = this.#extents.at(-1)
    if (last?.isAllocated === isAllocated) last.byteCount += byteCount
    else if (this.#extents.length < this.#extentsMax) this.#extents.push({ byteCount, isAllocated })
    else this.#isFull = true
  }
}
