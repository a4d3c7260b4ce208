/**
 * The memory that copying takes: a bounded number of pieces for all copy operations of a copy manager together. Who gets
 * none waits in line, so that many copies share the disks instead of filling the heap. Buffers are made when they are
 * wanted and dropped when no copy runs.
 */

import { COPY_PIECE_BYTES, PIECES_MAX } from './copy-limits.ts'

export class CopyBuffers {
  readonly #free: Buffer[] = []
  readonly #waiting = new Set<() => void>()
  #takenCount = 0

  /**
   * A buffer of `COPY_PIECE_BYTES`, or null when all are taken: then `available` is called once when it is worth trying
   * again.
   * Ownership: the caller's until `giveBack`; what it holds is left over from others and never to be written.
   */
  take(available: () => void): Buffer | null {
    if (this.#takenCount === PIECES_MAX) {
      this.#waiting.add(available)
      return null
    }
    this.#takenCount++
    return this.#free.pop() ?? Buffer.allocUnsafe(COPY_PIECE_BYTES)
  }

  giveBack(buffer: Buffer): void {
    this.#takenCount--
    if (this.#takenCount === 0 && this.#waiting.size === 0) this.#free.length = 0
    else this.#free.push(buffer)
    const [first] = this.#waiting
    if (first === undefined) return
    this.#waiting.delete(first)
    first()
  }

  /** `available` does not want a buffer any more. */
  stopWaiting(available: () => void): void {
    this.#waiting.delete(available)
  }
}
