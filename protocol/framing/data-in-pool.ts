/**
 * Memory for Data-In. A slot has room in front for the PDU's header and its digest, and room behind for padding and the
 * data digest, so that a Data-In PDU whose data fit one slot leaves as a single piece: the backing store reads straight
 * into the place from which the socket sends.
 *
 * Slots come in sizes of powers of two. Memory is uninitialised: whoever takes a slot writes every byte before it is sent.
 */

import { BHS_BYTES } from '../pdu/layout.ts'
import { DIGEST_BYTES } from './pdu-reader.ts'

const HEADROOM_BYTES = BHS_BYTES + DIGEST_BYTES
const TAILROOM_BYTES = 3 + DIGEST_BYTES
const SMALLEST_CLASS_BITS = 12

/** A piece of Data-In memory that is out of the pool. */
export class DataInSlot {
  readonly sizeClass: number
  readonly memory: Buffer
  /** The view that the device server fills: exactly the bytes that were asked for. */
  data: Buffer
  /** How many need the memory: who fills it, each PDU on its way, and what is kept for sending again. */
  holdCount = 0
  /** The same bytes with a header in front and the tail behind, as they were asked for last. */
  #frame: Buffer
  #frameHeaderBytes = 0
  #frameTailBytes = -1

  constructor(sizeClass: number) {
    this.sizeClass = sizeClass
    this.memory = Buffer.allocUnsafeSlow(HEADROOM_BYTES + slotBytes(sizeClass) + TAILROOM_BYTES)
    this.data = this.memory
    this.#frame = this.memory
  }

  /** Views are kept from one use to the next: a workload asks for the same lengths again and again. */
  resize(byteCount: number): void {
    if (this.data.length === byteCount) return
    this.data = this.memory.subarray(HEADROOM_BYTES, HEADROOM_BYTES + byteCount)
    this.#frameTailBytes = -1
  }

  /** The whole PDU: `headerBytes` (48, or 52 with a header digest), the data, `tailBytes` (padding and data digest). */
  frame(headerBytes: number, tailBytes: number): Buffer {
    if (this.#frameHeaderBytes !== headerBytes || this.#frameTailBytes !== tailBytes) {
      this.#frameHeaderBytes = headerBytes
      this.#frameTailBytes = tailBytes
      const start = HEADROOM_BYTES - headerBytes
      this.#frame = this.memory.subarray(start, HEADROOM_BYTES + this.data.length + tailBytes)
    }
    return this.#frame
  }
}

function slotBytes(sizeClass: number): number {
  return 2 ** (SMALLEST_CLASS_BITS + sizeClass)
}

function sizeClassOf(byteCount: number): number {
  return Math.max(0, 32 - Math.clz32(byteCount - 1) - SMALLEST_CLASS_BITS)
}

export class DataInPool {
  readonly #free: DataInSlot[][] = []
  readonly #keptBytesMax: number
  #keptBytes = 0
  #takenCount = 0

  /** `keptBytesMax`: how much idle memory is kept; the rest is left to the garbage collector. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax
  }

  /** Slots that are out at the moment. */
  get takenCount(): number {
    return this.#takenCount
  }

  /** A slot whose `data` is `byteCount` bytes long, held once. */
  take(byteCount: number): DataInSlot {
    const sizeClass = sizeClassOf(byteCount)
    const slot = this.#free[sizeClass]?.pop()
    this.#takenCount++
    if (slot === undefined) {
      const fresh = new DataInSlot(sizeClass)
      fresh.holdCount = 1
      fresh.resize(byteCount)
      return fresh
    }
    this.#keptBytes -= slotBytes(sizeClass)
    slot.holdCount = 1
    slot.resize(byteCount)
    return slot
  }

  /** Give up one hold on a slot. With the last one, nobody reads or writes its bytes any more. */
  release(slot: DataInSlot): void {
    if (--slot.holdCount > 0) return
    this.#takenCount--
    const byteCount = slotBytes(slot.sizeClass)
    if (this.#keptBytes + byteCount > this.#keptBytesMax) return
    this.#keptBytes += byteCount
    let free = this.#free[slot.sizeClass]
    if (free === undefined) {
      free = []
      this.#free[slot.sizeClass] = free
    }
    free.push(slot)
  }
}
