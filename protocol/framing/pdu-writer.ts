/**
 * Collects the PDUs that a connection sends during one turn of the event loop and hands them over as one list of
 * buffers: header, data, padding and digest are entries of their own, nothing is concatenated. Memory goes back to its
 * pool when the transport says that the bytes have left.
 */

import type { ObjectPool } from '../object-pool.ts'
import { paddingOf, writeDataSegmentLength } from '../pdu/bhs.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { CRC32C_INITIAL, crc32c, crc32cFinish, crc32cUpdate } from './crc32c.ts'
import type { DataInPool, DataInSlot } from './data-in-pool.ts'
import { HeaderCell } from './header-cell.ts'
import { DIGEST_BYTES } from './pdu-reader.ts'

const PADDING: readonly Buffer[] = [0, 1, 2, 3].map((byteCount) => Buffer.alloc(byteCount))

/** Takes a list of buffers to send, in order; `sent` is called once when the memory is free again, sent or dropped. */
export type SendBuffers = (buffers: readonly Buffer[], byteCount: number, sent: () => void) => void

export class PduWriter {
  /** Header digests go out from the next PDU on. */
  headerDigest = false
  /** Data digests go out from the next PDU on. */
  dataDigest = false

  readonly #headers: ObjectPool<HeaderCell>
  readonly #slots: DataInPool
  readonly #send: SendBuffers
  #cell: HeaderCell | null = null
  #buffers: Buffer[] = []
  #owners: (HeaderCell | DataInSlot)[] = []
  #byteCount = 0

  constructor(headers: ObjectPool<HeaderCell>, slots: DataInPool, send: SendBuffers) {
    this.#headers = headers
    this.#slots = slots
    this.#send = send
  }

  /** Something waits to be flushed. */
  get isPending(): boolean {
    return this.#buffers.length > 0
  }

  /** Bytes that wait to be flushed. */
  get queuedBytes(): number {
    return this.#byteCount
  }

  /** A zeroed 48-byte header to fill; the next call must be `pushPdu`, which sends it. */
  takeHeader(): Buffer {
    this.#cell ??= this.#headers.take()
    return this.#cell.header
  }

  /**
   * Queue the PDU whose header was taken, with its data segment. Sets DataSegmentLength.
   * Ownership: nobody changes `data` until it has left; `slot`, when given, is the memory behind `data` and goes back to
   * its pool then.
   */
  pushPdu(data: Buffer | null, slot: DataInSlot | null = null): void {
    const cell = this.#cell
    if (cell === null) throw new Error('a PDU needs a header first')
    this.#cell = null
    const dataBytes = data === null ? 0 : data.length
    writeDataSegmentLength(cell.header, 0, dataBytes)
    if (this.headerDigest) {
      cell.withDigest.writeUInt32LE(crc32c(cell.header), BHS_BYTES)
      this.#queue(cell.withDigest)
    } else {
      this.#queue(cell.header)
    }
    this.#owners.push(cell)
    if (data !== null && dataBytes > 0) this.#queueData(data)
    if (slot !== null) this.#owners.push(slot)
  }

  /** The whole PDU that `pushFrame` will send from this slot; its first 48 bytes are the header to write. */
  frameOf(slot: DataInSlot): Buffer {
    const headerBytes = this.headerDigest ? BHS_BYTES + DIGEST_BYTES : BHS_BYTES
    const tailBytes = paddingOf(slot.data.length) + (this.dataDigest ? DIGEST_BYTES : 0)
    return slot.frame(headerBytes, tailBytes)
  }

  /** Queue a PDU that lies in a slot with its header in front. Ownership: the slot goes back to its pool when it left. */
  pushFrame(slot: DataInSlot): void {
    const frame = this.frameOf(slot)
    const dataBytes = slot.data.length
    writeDataSegmentLength(frame, 0, dataBytes)
    let at = BHS_BYTES
    if (this.headerDigest) at = frame.writeUInt32LE(crc32c(frame, 0, BHS_BYTES), BHS_BYTES)
    const dataEnd = at + dataBytes
    const paddingEnd = dataEnd + paddingOf(dataBytes)
    if (paddingEnd > dataEnd) frame.fill(0, dataEnd, paddingEnd)
    if (this.dataDigest) frame.writeUInt32LE(crc32c(frame, at, paddingEnd), paddingEnd)
    this.#queue(frame)
    this.#owners.push(slot)
  }

  /** Hand over everything that was queued. */
  flush(): void {
    if (this.#buffers.length === 0) return
    const buffers = this.#buffers
    const byteCount = this.#byteCount
    const owners = this.#owners
    this.#buffers = []
    this.#owners = []
    this.#byteCount = 0
    // Each batch gives back its own memory: a socket that is destroyed reports its writes in no particular order.
    this.#send(buffers, byteCount, () => this.#release(owners))
  }

  /** Give back what was queued and never handed over; batches on their way come back through `sent`. */
  discard(): void {
    this.#release(this.#owners)
    this.#buffers = []
    this.#owners = []
    this.#byteCount = 0
    if (this.#cell !== null) this.#headers.release(this.#cell)
    this.#cell = null
  }

  #queueData(data: Buffer): void {
    this.#queue(data)
    const padding = PADDING[paddingOf(data.length)]!
    if (padding.length > 0) this.#queue(padding)
    if (!this.dataDigest) return
    const digest = Buffer.allocUnsafe(DIGEST_BYTES)
    const register = crc32cUpdate(CRC32C_INITIAL, data, 0, data.length)
    digest.writeUInt32LE(crc32cFinish(crc32cUpdate(register, padding, 0, padding.length)), 0)
    this.#queue(digest)
  }

  #queue(buffer: Buffer): void {
    this.#buffers.push(buffer)
    this.#byteCount += buffer.length
  }

  #release(owners: readonly (HeaderCell | DataInSlot)[]): void {
    for (const owner of owners) {
      if (owner instanceof HeaderCell) this.#headers.release(owner)
      else this.#slots.release(owner)
    }
  }
}
