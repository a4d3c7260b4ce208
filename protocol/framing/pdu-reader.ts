/**
 * Turns the byte stream of a connection into PDUs (RFC 7143 11.2): header, additional headers, digests, data segment,
 * padding. Sans I/O: chunks go in as they come, in any division, and PDUs come out.
 *
 * Nothing is copied but headers that straddle chunks, and data that comes in a thousand pieces: data segments are views
 * of the chunks that brought them.
 */

import type { ProtocolViolation } from '../errors.ts'
import { BHS, paddingOf, readDataSegmentLength } from '../pdu/bhs.ts'
import { BHS_BYTES } from '../pdu/layout.ts'
import { CRC32C_INITIAL, crc32c, crc32cFinish, crc32cUpdate } from './crc32c.ts'
import type { ReceiveBuffer } from './receive-buffer.ts'

export const DIGEST_BYTES = 4
const AHS_WORD_BYTES = 4
const HEADER_BYTES_MAX = BHS_BYTES + 0xff * AHS_WORD_BYTES + DIGEST_BYTES
const NO_BYTES = Buffer.alloc(0)
/** Pieces of a data segment beyond which they are joined; ordinary networks stay far below. */
const SLICES_MAX = 1024
const NO_SLICES: readonly Buffer[] = []
const NO_HOLDS: readonly ReceiveBuffer[] = []

/**
 * One PDU as received. The object is the reader's and is used again for the next PDU; so is the memory of the header.
 * Who wants to keep anything but the data slices copies it; who keeps the slices takes the holds with them.
 */
export class Pdu {
  /** The Basic Header Segment lies in `header` from `at` on. */
  header: Buffer = NO_BYTES
  at = 0
  /** Additional header segments, without digest; empty when there are none. */
  ahs: Buffer = NO_BYTES
  /** The data segment without padding, in order. */
  data: readonly Buffer[] = NO_SLICES
  /** Holds on the memory behind `data`, given up when the PDU has been received unless somebody took them. */
  holds: readonly ReceiveBuffer[] = NO_HOLDS
  dataBytes = 0
  /** The data segment did not match its digest (RFC 7143 7.8); everything else of the PDU is sound. */
  hasDataDigestError = false

  /** Keep `data` beyond this PDU: whoever takes the holds releases them. */
  takeHolds(): readonly ReceiveBuffer[] {
    const { holds } = this
    this.holds = NO_HOLDS
    return holds
  }
}

export interface PduSink {
  /** A PDU is complete. May change the reader's settings, which hold from the next PDU on, or stop it. */
  pduReceived(pdu: Pdu): void
  /** The stream cannot be understood any more; the reader has stopped. */
  streamBroken(violation: ProtocolViolation): void
}

export class PduReader {
  /** Header digests are expected from the next PDU on. */
  headerDigest = false
  /** Data digests are expected from the next PDU on. */
  dataDigest = false
  /** The longest data segment that is accepted, in bytes (our MaxRecvDataSegmentLength). */
  dataSegmentBytesMax: number
  /** The longest run of additional header segments that is accepted, in bytes. */
  ahsBytesMax: number

  readonly #sink: PduSink
  readonly #pdu = new Pdu()
  readonly #scratch = Buffer.alloc(HEADER_BYTES_MAX)
  #scratchBytes = 0
  #state: 'header' | 'data' | 'dataDigest' = 'header'
  #isStopped = false
  #slices: Buffer[] = []
  #holds: ReceiveBuffer[] = []
  /** The memory behind the chunk that is being read. */
  #owner: ReceiveBuffer | null = null
  #dataBytesLeft = 0
  #paddingBytesLeft = 0
  #checksData = false
  #crc = CRC32C_INITIAL
  #digest = 0
  #digestBytes = 0

  constructor(sink: PduSink, dataSegmentBytesMax: number, ahsBytesMax: number) {
    this.#sink = sink
    this.dataSegmentBytesMax = dataSegmentBytesMax
    this.ahsBytesMax = ahsBytesMax
  }

  /** Hand nothing out any more, not even from the chunk that is being read. */
  stop(): void {
    this.#isStopped = true
    for (const hold of this.#holds) hold.release()
    this.#holds = []
    this.#slices = []
  }

  /**
   * Take the next bytes of the stream. Ownership: with an `owner`, the chunk is valid during the call, and beyond it for
   * those who hold the owner; without one it is the reader's and its receivers' for good.
   */
  push(chunk: Buffer, owner: ReceiveBuffer | null = null): void {
    this.#owner = owner
    let at = 0
    while (at < chunk.length && !this.#isStopped) {
      if (this.#state === 'header') at = this.#readHeader(chunk, at)
      else if (this.#state === 'data') at = this.#readData(chunk, at)
      else at = this.#readDataDigest(chunk, at)
    }
    if (this.#state !== 'header' && this.#pdu.header !== this.#scratch) this.#saveHeader()
    this.#owner = null
  }

  /** The PDU goes on in the next chunk: its header must not depend on this one. */
  #saveHeader(): void {
    const pdu = this.#pdu
    const headerBytes = BHS_BYTES + pdu.ahs.length
    pdu.header.copy(this.#scratch, 0, pdu.at, pdu.at + headerBytes)
    pdu.header = this.#scratch
    pdu.at = 0
    if (pdu.ahs.length > 0) pdu.ahs = this.#scratch.subarray(BHS_BYTES, headerBytes)
  }

  #readHeader(chunk: Buffer, at: number): number {
    const available = chunk.length - at
    if (this.#scratchBytes === 0 && available >= BHS_BYTES) {
      const headerBytes = this.#headerBytes(chunk, at)
      if (available >= headerBytes) {
        this.#headerComplete(chunk, at, headerBytes)
        return at + headerBytes
      }
    }
    const wanted = this.#scratchBytes < BHS_BYTES ? BHS_BYTES : this.#headerBytes(this.#scratch, 0)
    const taken = Math.min(wanted - this.#scratchBytes, available)
    chunk.copy(this.#scratch, this.#scratchBytes, at, at + taken)
    this.#scratchBytes += taken
    if (this.#scratchBytes >= BHS_BYTES && this.#scratchBytes === this.#headerBytes(this.#scratch, 0)) {
      const headerBytes = this.#scratchBytes
      this.#scratchBytes = 0
      this.#headerComplete(this.#scratch, 0, headerBytes)
    }
    return at + taken
  }

  #headerBytes(header: Buffer, at: number): number {
    return BHS_BYTES + header[at + BHS.totalAHSLength]! * AHS_WORD_BYTES + (this.headerDigest ? DIGEST_BYTES : 0)
  }

  #headerComplete(header: Buffer, at: number, headerBytes: number): void {
    const ahsEnd = at + headerBytes - (this.headerDigest ? DIGEST_BYTES : 0)
    if (this.headerDigest && crc32c(header, at, ahsEnd) !== header.readUInt32LE(ahsEnd)) {
      this.#break({ kind: 'headerDigest', message: 'the header digest does not match' })
      return
    }
    const ahsBytes = ahsEnd - at - BHS_BYTES
    if (ahsBytes > this.ahsBytesMax) {
      this.#break({
        kind: 'additionalHeaderTooLong',
        message: `TotalAHSLength says ${ahsBytes} bytes, at most ${this.ahsBytesMax} are accepted`,
      })
      return
    }
    const dataBytes = readDataSegmentLength(header, at)
    if (dataBytes > this.dataSegmentBytesMax) {
      this.#break({
        kind: 'dataSegmentTooLong',
        message: `DataSegmentLength ${dataBytes} is above MaxRecvDataSegmentLength ${this.dataSegmentBytesMax}`,
      })
      return
    }
    const pdu = this.#pdu
    pdu.header = header
    pdu.at = at
    pdu.ahs = ahsBytes === 0 ? NO_BYTES : header.subarray(at + BHS_BYTES, ahsEnd)
    pdu.data = NO_SLICES
    pdu.dataBytes = dataBytes
    pdu.hasDataDigestError = false
    if (dataBytes === 0) {
      this.#sink.pduReceived(pdu)
      return
    }
    this.#slices = []
    this.#dataBytesLeft = dataBytes
    this.#paddingBytesLeft = paddingOf(dataBytes)
    this.#checksData = this.dataDigest
    this.#crc = CRC32C_INITIAL
    this.#state = 'data'
  }

  #readData(chunk: Buffer, start: number): number {
    const dataEnd = Math.min(start + this.#dataBytesLeft, chunk.length)
    if (dataEnd > start) {
      this.#slices.push(chunk.subarray(start, dataEnd))
      if (this.#owner !== null && this.#holds.at(-1) !== this.#owner) {
        this.#owner.hold()
        this.#holds.push(this.#owner)
      }
      // A segment in tiny pieces would cost more in views than in bytes.
      if (this.#slices.length >= SLICES_MAX) this.#slices = [Buffer.concat(this.#slices)]
      this.#dataBytesLeft -= dataEnd - start
    }
    let end = dataEnd
    if (this.#dataBytesLeft === 0) {
      end = Math.min(dataEnd + this.#paddingBytesLeft, chunk.length)
      this.#paddingBytesLeft -= end - dataEnd
    }
    if (this.#checksData) this.#crc = crc32cUpdate(this.#crc, chunk, start, end)
    if (this.#dataBytesLeft === 0 && this.#paddingBytesLeft === 0) {
      if (this.#checksData) {
        this.#digest = 0
        this.#digestBytes = 0
        this.#state = 'dataDigest'
      } else {
        this.#dataComplete()
      }
    }
    return end
  }

  #readDataDigest(chunk: Buffer, start: number): number {
    let at = start
    while (at < chunk.length && this.#digestBytes < DIGEST_BYTES) {
      this.#digest |= chunk[at++]! << (8 * this.#digestBytes++)
    }
    if (this.#digestBytes === DIGEST_BYTES) {
      this.#pdu.hasDataDigestError = this.#digest >>> 0 !== crc32cFinish(this.#crc)
      this.#dataComplete()
    }
    return at
  }

  #dataComplete(): void {
    this.#state = 'header'
    this.#pdu.data = this.#slices
    this.#pdu.holds = this.#holds
    this.#slices = []
    this.#holds = []
    try {
      this.#sink.pduReceived(this.#pdu)
    } finally {
      for (const hold of this.#pdu.takeHolds()) hold.release()
    }
  }

  #break(violation: ProtocolViolation): void {
    this.#isStopped = true
    this.#sink.streamBroken(violation)
  }
}
