/**
 * The work behind VERIFY and WRITE AND VERIFY (SBC-4): blocks are read from the store into
 * memory of the operation's own, piece by piece, and compared with Data-Out. A difference ends the command with
 * MISCOMPARE, and INFORMATION counts the bytes of Data-Out before it.
 */

import type { BackingError } from '../backing/backing-store.ts'
import type { Command } from '../command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import type { SenseData } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

/** The most that an operation reads at once, which is also the memory that it holds. */
const VERIFY_PIECE_BYTES_MAX = 256 * 1024

/** BYTCHK 00b and 11b: read every block, and compare each with one block of Data-Out if there is one. */
export class VerifyMediumOperation extends Operation {
  readonly #offsetBytes: number
  readonly #lengthBytes: number
  /** One block of Data-Out to come; 0 for none. */
  readonly #blockBytes: number
  readonly #piece: Buffer
  /** What each piece must be: the block over and over; null to compare nothing. */
  #pattern: Buffer | null = null
  #verifiedBytes = 0
  #isReading = false

  constructor(
    command: Command,
    logicalUnit: LogicalUnit,
    offsetBytes: number,
    lengthBytes: number,
    blockBytes: number,
  ) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#lengthBytes = lengthBytes
    this.#blockBytes = blockBytes
    this.#piece = Buffer.allocUnsafe(Math.min(lengthBytes, VERIFY_PIECE_BYTES_MAX))
  }

  start(): void {
    if (this.#blockBytes === 0) {
      this.step()
      return
    }
    this.receiveBlock(this.#blockBytes, (block) => {
      this.#pattern = Buffer.alloc(this.#piece.length, block)
      this.step()
    })
  }

  protected override advance(): void {
    if (this.#isReading) return
    if (this.#verifiedBytes === this.#lengthBytes) {
      this.finish()
      return
    }
    this.#isReading = true
    this.startRead([this.#currentPiece()], this.#offsetBytes + this.#verifiedBytes, this.#pieceRead)
  }

  #currentPiece(): Buffer {
    return this.#piece.subarray(0, Math.min(this.#piece.length, this.#lengthBytes - this.#verifiedBytes))
  }

  readonly #pieceRead = (error: BackingError | null): void => {
    this.ioEnded(error, 'read')
    this.#isReading = false
    const piece = this.#currentPiece()
    if (this.#pattern !== null && !this.isStopping && !piece.equals(this.#pattern.subarray(0, piece.length))) {
      this.fail(miscompare(null))
    }
    this.#verifiedBytes += piece.length
    this.step()
  }
}

/** BYTCHK 01b, and every WRITE AND VERIFY: each delivery of Data-Out is written or not, read back, compared or not. */
export class VerifyDataOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  readonly #writesFirst: boolean
  readonly #compares: boolean
  readonly #piece: Buffer
  /** Data-Out that has arrived, oldest first; the first entry is being worked on. */
  readonly #deliveries: Delivery[] = []
  #isBusy = false
  #verifiedBytes = 0

  constructor(
    command: Command,
    logicalUnit: LogicalUnit,
    offsetBytes: number,
    byteCount: number,
    steps: { writesFirst: boolean; compares: boolean },
  ) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = byteCount
    this.#writesFirst = steps.writesFirst
    this.#compares = steps.compares
    this.#piece = Buffer.allocUnsafe(Math.min(byteCount, VERIFY_PIECE_BYTES_MAX))
  }

  start(): void {
    this.receiveDataOut(this.#byteCount, this.#dataOut)
  }

  protected override advance(): void {
    if (this.#isBusy) return
    const delivery = this.#deliveries[0]
    if (delivery === undefined) {
      if (this.#verifiedBytes === this.#byteCount) this.finish()
      return
    }
    this.#isBusy = true
    const offsetBytes = this.#offsetBytes + delivery.bufferOffsetBytes
    if (this.#writesFirst && !delivery.isWritten) {
      // Forced to the medium, because the medium is what is verified and not a cache in front of it.
      this.startWrite(
        delivery.slices,
        offsetBytes,
        this.logicalUnit.properties.capabilities.volatileWriteCache,
        this.#written,
      )
    } else {
      this.startRead([this.#currentPiece(delivery)], offsetBytes + delivery.verifiedBytes, this.#pieceRead)
    }
  }

  #currentPiece(delivery: Delivery): Buffer {
    return this.#piece.subarray(0, Math.min(this.#piece.length, delivery.byteCount - delivery.verifiedBytes))
  }

  readonly #dataOut = (slices: readonly Buffer[], bufferOffsetBytes: number, byteCount: number): void => {
    if (this.isStopping) return
    this.transferredBytes += byteCount
    this.#deliveries.push({ slices, bufferOffsetBytes, byteCount, isWritten: false, verifiedBytes: 0 })
    this.step()
  }

  readonly #written = (error: BackingError | null): void => {
    this.ioEnded(error, 'write')
    this.#isBusy = false
    this.#deliveries[0]!.isWritten = true
    this.step()
  }

  readonly #pieceRead = (error: BackingError | null): void => {
    this.ioEnded(error, 'read')
    this.#isBusy = false
    if (!this.isStopping) this.#comparePiece(this.#deliveries[0]!)
    this.step()
  }

  #comparePiece(delivery: Delivery): void {
    const piece = this.#currentPiece(delivery)
    const difference = this.#compares ? findDifference(piece, delivery.slices, delivery.verifiedBytes) : null
    if (difference !== null) {
      this.fail(miscompare(delivery.bufferOffsetBytes + delivery.verifiedBytes + difference))
      return
    }
    delivery.verifiedBytes += piece.length
    this.#verifiedBytes += piece.length
    if (delivery.verifiedBytes < delivery.byteCount) return
    this.#deliveries.shift()
    this.dataOutConsumed(delivery.byteCount)
  }
}

interface Delivery {
  readonly slices: readonly Buffer[]
  readonly bufferOffsetBytes: number
  readonly byteCount: number
  isWritten: boolean
  verifiedBytes: number
}

/** Where `piece` differs from the bytes that `slices` hold from `skipBytes` on: an index into `piece`, or null. */
export function findDifference(piece: Buffer, slices: readonly Buffer[], skipBytes: number): number | null {
  let at = 0
  let skip = skipBytes
  for (const slice of slices) {
    if (at === piece.length) break
    if (skip >= slice.length) {
      skip -= slice.length
      continue
    }
    const expected = slice.subarray(skip, skip + piece.length - at)
    const actual = piece.subarray(at, at + expected.length)
    if (!actual.equals(expected)) return at + actual.findIndex((byte, i) => byte !== expected[i])
    at += expected.length
    skip = 0
  }
  return null
}

/** MISCOMPARE; INFORMATION counts the bytes of Data-Out before the first one that differs, where that says something. */
export function miscompare(information: number | null): SenseData {
  return { condition: SENSE.MISCOMPARE_DURING_VERIFY_OPERATION, fieldPointer: null, information }
}
