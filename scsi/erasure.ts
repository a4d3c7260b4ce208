/**
 * The format or sanitize operation of a logical unit (SBC-4): it belongs to the medium and not to the command that asked
 * for it, so neither task management nor a reset ends it, and after a restart it goes on where it was. While it runs, and
 * after it failed, few commands are answered (`ErasureClass`), and the others are told how far it is.
 *
 * Before the first pass the plan is in the saved state, copies have ended, tokens are void, and every command that had
 * begun to work on the medium has ended; the whole medium is locked until the end. A failed operation, and one whose end
 * could not be recorded, leaves the medium inaccessible until another one succeeds or, where that was allowed, EXIT
 * FAILURE MODE gives it back: whoever gets access can rely on it that nothing will be erased behind his back.
 */

import type { BackingError } from './backing/backing-store.ts'
import { decodeProgress, type ErasurePass, type ErasurePlan, encodeProgress, erasedBlock } from './erasure-plan.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SELF_TEST_RESULT } from './self-test.ts'
import { type SenseData, senseOf, senseOfBackingError } from './sense.ts'
import { SENSE } from './sense-codes.ts'

/** How the operation takes its time, so that other disks of the machine get theirs. */
export interface ErasurePace {
  /** Patterns are written no faster. */
  readonly bytesPerSecond: number
  readonly wait: (resume: () => void, delayMs: number) => void
}

/** Called when the operation ends, with what the command that waits for it reports; null for success. */
export type ErasureEnded = (failure: SenseData | null) => void

const SAVED_STATE_KEY = 'erasure'

/** How much is done at once: little where every byte is written, much where most are holes. */
const PIECE_BYTES: Readonly<Record<ErasurePass, number>> = {
  pattern: 4 * 2 ** 20,
  invertedPattern: 4 * 2 ** 20,
  zeroes: 16 * 2 ** 20,
  unmap: 1024 * 2 ** 20,
}

/** What is done again after a restart at most. */
const CHECKPOINT_BYTES = 2 ** 30

/** PROGRESS INDICATION (SPC-3 4.5.2.4.4) is in units of this part of the whole. */
const PROGRESS_PARTS = 65536

export class Erasure {
  /** Most commands are refused: all that the way of a READ looks at. */
  isBlocking = false
  readonly #logicalUnit: LogicalUnit
  readonly #pace: ErasurePace | null
  #plan: ErasurePlan | null = null
  #doneBytes = 0
  #savedBytes = 0
  #hasFailed = false
  #piece: { readonly pass: ErasurePass; readonly bytes: Buffer } | null = null
  #ended: ErasureEnded = () => {}
  #unlock: () => void = () => {}

  constructor(logicalUnit: LogicalUnit, pace: ErasurePace | null) {
    this.#logicalUnit = logicalUnit
    this.#pace = pace
    const saved = logicalUnit.savedState.read(SAVED_STATE_KEY)
    if (saved === null) return
    const { plan, doneBytes, hasFailed } = decodeProgress(saved)
    this.#plan = plan
    this.#doneBytes = doneBytes
    this.#hasFailed = hasFailed || logicalUnit.store.capabilities.readOnly
    this.isBlocking = true
  }

  get isRunning(): boolean {
    return this.#plan !== null && !this.#hasFailed
  }

  /** The operation that failed; null when none did. */
  get failed(): ErasurePlan | null {
    return this.#hasFailed ? this.#plan : null
  }

  /** What commands get that are not answered; null when all are. */
  get refusal(): SenseData | null {
    if (this.#plan === null) return null
    const isFormat = this.#plan.kind === 'format'
    if (this.#hasFailed) return senseOf(isFormat ? SENSE.MEDIUM_FORMAT_CORRUPTED : SENSE.SANITIZE_COMMAND_FAILED)
    const condition = isFormat
      ? SENSE.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS
      : SENSE.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS
    const part = this.#doneBytes / (this.#mediumBytes * this.#plan.passes.length)
    return senseOf(condition, { progress: Math.min(Math.floor(part * PROGRESS_PARTS), PROGRESS_PARTS - 1) })
  }

  /**
   * Begin; `ended` comes at the end, possibly before this call returns.
   * Errors: throws when the plan cannot be saved; then nothing has changed.
   */
  start(plan: ErasurePlan, ended: ErasureEnded): void {
    this.#save(plan, 0, false)
    this.#plan = plan
    this.#doneBytes = 0
    this.#savedBytes = 0
    this.#hasFailed = false
    this.isBlocking = true
    this.#ended = ended
    this.#lockMedium()
  }

  /** Go on with what was under way when this disk was last served. To be called once, before the first command. */
  resume(): void {
    if (this.isRunning) this.#lockMedium()
  }

  /**
   * EXIT FAILURE MODE: the medium is accessible again, with whatever it holds.
   * Errors: throws when that cannot be saved; then nothing has changed.
   */
  exitFailureMode(): void {
    if (this.#hasFailed) this.#forget()
  }

  get #mediumBytes(): number {
    const { blockCount, blockLengthBytes } = this.#logicalUnit.properties
    return blockCount * blockLengthBytes
  }

  /** Begin when nobody works on the medium any more. */
  #lockMedium(): void {
    const { copies, rangeLocks, selfTests } = this.#logicalUnit
    selfTests.abort(SELF_TEST_RESULT.ABORTED_OTHERWISE)
    copies.watch.revokeAll()
    copies.cancel(
      () => true,
      () =>
        rangeLocks.acquireForCopy({ offsetBytes: 0, byteCount: this.#mediumBytes }, (release) => {
          this.#unlock = release
          this.#eraseNext()
        }),
    )
  }

  #eraseNext(): void {
    const { store } = this.#logicalUnit
    const passNumber = Math.floor(this.#doneBytes / this.#mediumBytes)
    const pass = this.#plan!.passes[passNumber]
    if (pass === undefined) {
      this.#finish()
      return
    }
    const offsetBytes = this.#doneBytes - passNumber * this.#mediumBytes
    const byteCount = Math.min(PIECE_BYTES[pass], this.#mediumBytes - offsetBytes)
    const done = (error: BackingError | null) => {
      if (error === null) this.#erased(pass, byteCount)
      else this.#fail(error)
    }
    if (pass === 'zeroes' || pass === 'unmap') store.writeZeroes(offsetBytes, byteCount, pass === 'unmap', done)
    else store.writev([this.#pieceOf(pass).subarray(0, byteCount)], offsetBytes, false, done)
  }

  /** The bytes of a pass, made once for all of it. */
  #pieceOf(pass: ErasurePass): Buffer {
    if (this.#piece?.pass !== pass) {
      const { blockLengthBytes } = this.#logicalUnit.properties
      const block = erasedBlock(this.#plan!, pass, blockLengthBytes)
      this.#piece = { pass, bytes: Buffer.alloc(Math.min(PIECE_BYTES[pass], this.#mediumBytes), block) }
    }
    return this.#piece.bytes
  }

  #erased(pass: ErasurePass, byteCount: number): void {
    this.#doneBytes += byteCount
    const isPassDone = this.#doneBytes % this.#mediumBytes === 0
    if (isPassDone || this.#doneBytes - this.#savedBytes >= CHECKPOINT_BYTES) this.#saveProgress()
    else if (this.#pace === null || pass === 'zeroes' || pass === 'unmap') this.#eraseNext()
    else this.#pace.wait(() => this.#eraseNext(), (byteCount / this.#pace.bytesPerSecond) * 1000)
  }

  /** What counts as done is on the medium: a later pass writes over it there, and a restart does not repeat it. */
  #saveProgress(): void {
    this.#logicalUnit.store.flush((error) => {
      if (error !== null) {
        this.#fail(error)
        return
      }
      try {
        this.#save(this.#plan!, this.#doneBytes, false)
      } catch {
        this.#fail(null)
        return
      }
      this.#savedBytes = this.#doneBytes
      this.#eraseNext()
    })
  }

  #finish(): void {
    try {
      this.#forget()
    } catch {
      this.#fail(null)
      return
    }
    this.#end(null)
  }

  /** A store that was closed is no failure: the server ends, and its next start goes on. */
  #fail(error: BackingError | null): void {
    if (error?.kind === 'closed') {
      this.#end(senseOfBackingError(error, 'write'))
      return
    }
    this.#hasFailed = true
    try {
      this.#save(this.#plan!, this.#doneBytes, true)
    } catch {
      // What is saved says that the operation goes on at the next start; until then it has failed.
    }
    this.#end(senseOf(this.#plan!.kind === 'format' ? SENSE.FORMAT_COMMAND_FAILED : SENSE.SANITIZE_COMMAND_FAILED))
  }

  #end(failure: SenseData | null): void {
    const ended = this.#ended
    this.#ended = () => {}
    this.#piece = null
    this.#unlock()
    ended(failure)
  }

  #forget(): void {
    this.#logicalUnit.savedState.write(SAVED_STATE_KEY, null)
    this.#plan = null
    this.#hasFailed = false
    this.isBlocking = false
  }

  #save(plan: ErasurePlan, doneBytes: number, hasFailed: boolean): void {
    this.#logicalUnit.savedState.write(SAVED_STATE_KEY, encodeProgress({ plan, doneBytes, hasFailed }))
  }
}
