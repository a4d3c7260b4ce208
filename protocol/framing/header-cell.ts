/**
 * Memory for an outbound header: 48 bytes and room for a header digest. Cells are kept in a pool, which they leave zeroed
 * and go back to when the bytes have left, so that no stale byte ever travels in a reserved field.
 */

import type { Reusable } from '../object-pool.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { DIGEST_BYTES } from './pdu-reader.ts'

export class HeaderCell implements Reusable {
  /** The header with room for its digest. */
  readonly withDigest: Buffer
  /** The header alone: the same bytes without that room. */
  readonly header: Buffer

  constructor() {
    this.withDigest = Buffer.alloc(BHS_BYTES + DIGEST_BYTES)
    this.header = this.withDigest.subarray(0, BHS_BYTES)
  }

  reset(): void {
    this.withDigest.fill(0)
  }
}
