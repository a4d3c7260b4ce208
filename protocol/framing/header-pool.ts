/**
 * Memory for outbound headers: 48 bytes and room for a header digest. Cells come out zeroed and go back when the bytes
 * have left, so that no stale byte ever travels in a reserved field.
 */

import { BHS_BYTES } from '../pdu/layout.ts'
import { DIGEST_BYTES } from './pdu-reader.ts'

export class HeaderCell {
  /** The header with room for its digest. */
  readonly withDigest: Buffer
  /** The header alone: the same bytes without that room. */
  readonly header: Buffer

  constructor() {
    this.withDigest = Buffer.alloc(BHS_BYTES + DIGEST_BYTES)
    this.header = this.withDigest.subarray(0, BHS_BYTES)
  }
}

export class HeaderPool {
  readonly #free: HeaderCell[] = []
  readonly #keptMax: number
  #takenCount = 0

  /** `keptMax`: how many idle cells are kept; further ones are left to the garbage collector. */
  constructor(keptMax: number) {
    this.#keptMax = keptMax
  }

  /** Cells that are out at the moment. */
  get takenCount(): number {
    return this.#takenCount
  }

  take(): HeaderCell {
    this.#takenCount++
    return this.#free.pop() ?? new HeaderCell()
  }

  /** Give back a cell whose bytes nobody reads any more. */
  release(cell: HeaderCell): void {
    this.#takenCount--
    if (this.#free.length >= this.#keptMax) return
    cell.withDigest.fill(0)
    this.#free.push(cell)
  }
}
