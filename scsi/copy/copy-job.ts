/**
 * The work of a copy operation: carries out segments one after the other, and each of them in large pieces, several in
 * flight at a time. It knows nothing of commands: whoever starts it is told when it has come to rest, and until then
 * nothing of it is left towards any store.
 *
 * A piece is read whole before it is written, and just before either step the segment is asked whether it still may: a
 * reservation that came meanwhile, a medium that became write protected or a token that was revoked stops the job there.
 * Where a segment copies within overlapping bytes of one logical unit, its pieces go one at a time and in the direction
 * that keeps the source whole until it is read.
 */

import type { BackingDone, BackingError, BackingStore } from '../backing/backing-store.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { type SenseData, senseOf, senseOfBackingError } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { extentsOverlap } from './byte-extent.ts'
import type { CopyBuffers } from './copy-buffers.ts'
import { COPY_PIECE_BYTES, PIECES_PER_OPERATION_MAX } from './copy-limits.ts'

/** Which side of a segment went wrong. */
export type CopySide = 'source' | 'destination'

export interface CopySource {
  readonly logicalUnit: LogicalUnit
  readonly offsetBytes: number
}

export interface CopySegment {
  /** Null for zeroes. */
  readonly source: CopySource | null
  readonly destination: CopySource
  readonly byteCount: number
  /** The side that may not be used any more, with the reason; null when both may. */
  readonly checkAccess: () => { readonly side: CopySide; readonly sense: SenseData } | null
  /** The sense data of the copy operation when `side` failed with `sense` after `writtenBytes` without a gap. */
  readonly failure: (side: CopySide, sense: SenseData, writtenBytes: number) => SenseData
}

/** The segments of a job in order; each is made when its turn comes, and may turn out to be impossible. */
export interface CopyPlan {
  readonly segmentCount: number
  segment(index: number): CopySegment | SenseData
}

export type CopyStatus = 'running' | 'completed' | 'failed' | 'terminated'

/** A part of a segment that is in flight. */
interface Piece {
  readonly segment: CopySegment
  /** Its place in the segment. */
  readonly at: number
  readonly byteCount: number
  readonly buffer: Buffer | null
  /** Gives back the blocks of the destination. */
  release: (() => void) | null
  isEnded: boolean
}

/** Bytes after which a job lets others run, in case the stores answer without waiting. */
const TURN_BYTES_MAX = 8 * COPY_PIECE_BYTES

export class CopyJob {
  /** Those through whom it reaches logical units: it ends when one of them does. */
  readonly itlNexuses: readonly ItlNexus[]
  readonly #plan: CopyPlan
  readonly #buffers: CopyBuffers
  readonly #ended: (job: CopyJob) => void
  readonly #onInternalError: (error: unknown) => void
  #status: CopyStatus = 'running'
  #sense: SenseData | null = null
  #isStopping = false
  #segment: CopySegment | null = null
  #segmentsProcessed = 0
  #segmentStartedBytes = 0
  /** Pieces of the segment that are written, by their place in it; merged where they adjoin at its beginning. */
  readonly #writtenPieces = new Map<number, number>()
  #piecesInFlight = 0
  #transferredBytes = 0
  #turnBytes = 0
  #isWaitingForTurn = false
  #isStepping = false
  #mustStepAgain = false
  readonly #unflushed = new Set<LogicalUnit>()

  /** `ended` is called once, when nothing is in flight any more. */
  constructor(
    plan: CopyPlan,
    itlNexuses: readonly ItlNexus[],
    buffers: CopyBuffers,
    ended: (job: CopyJob) => void,
    onInternalError: (error: unknown) => void,
  ) {
    this.#plan = plan
    this.itlNexuses = itlNexuses
    this.#buffers = buffers
    this.#ended = ended
    this.#onInternalError = onInternalError
  }

  get status(): CopyStatus {
    return this.#status
  }

  /** Of a job that failed or was terminated; null otherwise. */
  get sense(): SenseData | null {
    return this.#sense
  }

  /** Segments begun. */
  get segmentsProcessed(): number {
    return this.#segmentsProcessed
  }

  get transferredBytes(): number {
    return this.#transferredBytes
  }

  start(): void {
    this.#step()
  }

  /** Stop as soon as nothing is in flight, which `ended` tells; of no effect on a job that ended. */
  cancel(): void {
    if (this.#status !== 'running') return
    this.#stop(senseOf(SENSE.IO_PROCESS_TERMINATED))
    this.#step()
  }

  #step = (): void => {
    this.#mustStepAgain = true
    if (this.#isStepping) return
    this.#isStepping = true
    while (this.#mustStepAgain) {
      this.#mustStepAgain = false
      try {
        this.#advance()
      } catch (error) {
        this.#stopInternally(error)
        this.#mustStepAgain = this.#piecesInFlight === 0 && this.#status === 'running'
      }
    }
    this.#isStepping = false
  }

  #advance(): void {
    if (this.#status !== 'running') return
    if (this.#isStopping) {
      if (this.#piecesInFlight === 0)
        this.#end(this.#sense!.condition === SENSE.IO_PROCESS_TERMINATED ? 'terminated' : 'failed')
      return
    }
    while (!this.#isStopping && this.#mayStartPiece()) if (!this.#startPiece()) return
    const isSegmentDone = this.#segment === null || this.#segmentStartedBytes === this.#segment.byteCount
    if (this.#isStopping) this.#mustStepAgain = true
    else if (isSegmentDone && this.#piecesInFlight === 0) this.#nextSegment()
  }

  #nextSegment(): void {
    this.#writtenPieces.clear()
    this.#segmentStartedBytes = 0
    this.#segment = null
    if (this.#segmentsProcessed === this.#plan.segmentCount) {
      this.#flush()
      return
    }
    const segment = this.#plan.segment(this.#segmentsProcessed++)
    if ('condition' in segment) this.#stop(segment)
    else this.#segment = segment
    this.#mustStepAgain = true
  }

  #mayStartPiece(): boolean {
    const segment = this.#segment
    if (segment === null || this.#isWaitingForTurn || this.#segmentStartedBytes === segment.byteCount) return false
    return this.#piecesInFlight < (overlapsItself(segment) ? 1 : PIECES_PER_OPERATION_MAX)
  }

  /** False when it has to wait for memory or for its turn, and will be stepped again. */
  #startPiece(): boolean {
    const segment = this.#segment!
    if (this.#turnBytes >= TURN_BYTES_MAX) {
      this.#yieldTurn()
      return false
    }
    const denial = segment.checkAccess()
    if (denial !== null) {
      this.#fail(denial.side, denial.sense)
      return true
    }
    if (segment.source === null) {
      this.#zero(this.#beginPiece(segment, 0, segment.byteCount, null))
      return true
    }
    const byteCount = Math.min(COPY_PIECE_BYTES, segment.byteCount - this.#segmentStartedBytes)
    const isBackwards = overlapsItself(segment) && segment.source.offsetBytes < segment.destination.offsetBytes
    const at = isBackwards ? segment.byteCount - this.#segmentStartedBytes - byteCount : this.#segmentStartedBytes
    const buffer = this.#buffers.take(this.#step)
    if (buffer === null) return false
    this.#read(this.#beginPiece(segment, at, byteCount, buffer), segment.source)
    return true
  }

  #beginPiece(segment: CopySegment, at: number, byteCount: number, buffer: Buffer | null): Piece {
    this.#piecesInFlight++
    this.#segmentStartedBytes += byteCount
    this.#turnBytes += byteCount
    return { segment, at, byteCount, buffer, release: null, isEnded: false }
  }

  #read(piece: Piece, { logicalUnit, offsetBytes }: CopySource): void {
    const { segment, at, byteCount } = piece
    const data = piece.buffer!.subarray(0, byteCount)
    this.#guard(piece, () =>
      logicalUnit.store.readv([data], offsetBytes + at, (error) =>
        this.#guard(piece, () => {
          if (error !== null) this.#fail('source', senseOfBackingError(error, 'read'))
          const denial = this.#isStopping ? null : segment.checkAccess()
          if (denial !== null) this.#fail(denial.side, denial.sense)
          if (this.#isStopping) this.#endPiece(piece)
          else this.#write(piece, data)
        }),
      ),
    )
  }

  /** Write a piece. Blocks of zeroes stay without space where both sides are thin. */
  #write(piece: Piece, data: Buffer): void {
    this.#enterDestination(piece, (store, offsetBytes, done) => {
      const isThin = store.capabilities.thin && piece.segment.source!.logicalUnit.store.capabilities.thin
      if (isThin && isZero(data)) store.writeZeroes(offsetBytes, data.length, true, done)
      else store.writev([data], offsetBytes, false, done)
    })
  }

  #zero(piece: Piece): void {
    this.#enterDestination(piece, (store, offsetBytes, done) =>
      store.writeZeroes(offsetBytes, piece.byteCount, store.capabilities.thin, done),
    )
  }

  /** Change a piece of the destination, alone in its blocks, because a COMPARE AND WRITE there must not be torn. */
  #enterDestination(piece: Piece, change: (store: BackingStore, offsetBytes: number, done: BackingDone) => void): void {
    const { logicalUnit, offsetBytes } = piece.segment.destination
    const range = { offsetBytes: offsetBytes + piece.at, byteCount: piece.byteCount }
    this.#guard(piece, () =>
      logicalUnit.rangeLocks.acquireForCopy(range, (release) =>
        this.#guard(piece, () => {
          piece.release = release
          if (this.#isStopping) {
            this.#endPiece(piece)
            return
          }
          change(logicalUnit.store, range.offsetBytes, (error) =>
            this.#guard(piece, () => {
              this.#pieceWritten(piece, error)
              this.#endPiece(piece)
            }),
          )
        }),
      ),
    )
  }

  #pieceWritten({ segment, at, byteCount }: Piece, error: BackingError | null): void {
    const { logicalUnit, offsetBytes } = segment.destination
    // A token that was made while this was on its way may have been made of the bytes before.
    logicalUnit.copies.watch.changed({ offsetBytes: offsetBytes + at, byteCount })
    this.#unflushed.add(logicalUnit)
    if (error !== null) {
      this.#fail('destination', senseOfBackingError(error, 'write'))
      return
    }
    this.#writtenPieces.set(at, byteCount)
    this.#transferredBytes += byteCount
  }

  #endPiece(piece: Piece): void {
    if (piece.isEnded) return
    piece.isEnded = true
    this.#piecesInFlight--
    piece.release?.()
    if (piece.buffer !== null) this.#buffers.giveBack(piece.buffer)
    this.#step()
  }

  /** A fault of our own ends the piece and the job, and nothing else. */
  #guard(piece: Piece, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#stopInternally(error)
      this.#endPiece(piece)
    }
  }

  #stopInternally(error: unknown): void {
    this.#onInternalError(error)
    this.#stop(senseOf(SENSE.INTERNAL_TARGET_FAILURE))
  }

  /** A disk without write cache (WCE zero) has what it was given before the copy is done. */
  #flush(): void {
    for (const logicalUnit of this.#unflushed) {
      this.#unflushed.delete(logicalUnit)
      if (!logicalUnit.mustFlushWrites) continue
      this.#piecesInFlight++
      logicalUnit.store.flush((error) => {
        if (error !== null) this.#stop(senseOfBackingError(error, 'write'))
        this.#piecesInFlight--
        this.#step()
      })
      return
    }
    if (this.#piecesInFlight === 0) this.#end('completed')
  }

  #fail(side: CopySide, sense: SenseData): void {
    if (this.#isStopping) return
    let writtenBytes = 0
    for (let next = this.#writtenPieces.get(0); next !== undefined; next = this.#writtenPieces.get(writtenBytes)) {
      writtenBytes += next
    }
    this.#stop(this.#segment!.failure(side, sense, writtenBytes))
  }

  #stop(sense: SenseData): void {
    if (this.#isStopping) return
    this.#isStopping = true
    this.#sense = sense
    this.#buffers.stopWaiting(this.#step)
  }

  #end(status: CopyStatus): void {
    this.#status = status
    this.#ended(this)
  }

  #yieldTurn(): void {
    this.#isWaitingForTurn = true
    setImmediate(() => {
      this.#isWaitingForTurn = false
      this.#turnBytes = 0
      this.#step()
    })
  }
}

function overlapsItself({ source, destination, byteCount }: CopySegment): boolean {
  if (source === null || source.logicalUnit !== destination.logicalUnit) return false
  return extentsOverlap({ ...source, byteCount }, { ...destination, byteCount })
}

const ZEROES = Buffer.alloc(COPY_PIECE_BYTES)

function isZero(piece: Buffer): boolean {
  return piece.equals(ZEROES.subarray(0, piece.length))
}
