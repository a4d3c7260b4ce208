/**
 * Writes that are there as a whole or not at all, also when this process is killed in the middle or the power fails: what
 * WRITE ATOMIC and COMPARE AND WRITE promise (SBC-4). The blocks belong to the caller alone until `done`.
 *
 * Inside one page of the system's cache a write is indivisible by itself: the kernel looks for a kill only between two
 * pages, and it writes pages out as a whole (to a medium with sectors of 4096 bytes, in one piece). So one block of any
 * length costs a plain write. More than a page is kept in the saved state first, old and new; then it is written and
 * made durable, and then forgotten, one such write after the other. What is found there at the next start is a write
 * that nobody was told of: the old bytes go back. A failed write goes back, too, as far as the store lets it.
 */

import { backingError } from './backing/backing-errors.ts'
import type { BackingDone, BackingError, BackingStore } from './backing/backing-store.ts'
import type { SavedState } from './saved-state.ts'

/** The smallest page that a system has; where they are larger, more would be indivisible. */
const PAGE_BYTES = 4096

/** What a torn write consists of at the finest: no medium has shorter sectors. */
const SECTOR_BYTES = 512

const SAVED_STATE_KEY = 'atomic-write'

interface AtomicWrite {
  readonly offsetBytes: number
  readonly previous: Buffer
  readonly data: Buffer
}

interface QueuedWrite extends AtomicWrite {
  readonly done: BackingDone
}

export class AtomicWriter {
  readonly #store: BackingStore
  readonly #savedState: SavedState
  /** The first one is under way. */
  readonly #queue: QueuedWrite[] = []

  constructor(store: BackingStore, savedState: SavedState) {
    this.#store = store
    this.#savedState = savedState
  }

  /**
   * Write `data` over `previous`, which is what the store holds there.
   * Errors: those of the store; `unsupported` when the saved state cannot be written.
   */
  write(data: Buffer, previous: Buffer, offsetBytes: number, forceUnitAccess: boolean, done: BackingDone): void {
    if (isInOnePage(offsetBytes, data.length)) {
      this.#store.writev([data], offsetBytes, forceUnitAccess, done)
      return
    }
    this.#queue.push({ data, previous, offsetBytes, done })
    if (this.#queue.length === 1) this.#writeNext()
  }

  /** To be called before the first command: undo the write that was under way when this disk was last served. */
  recover(done: BackingDone): void {
    const saved = this.#savedState.read(SAVED_STATE_KEY)
    if (saved === null || this.#store.capabilities.readOnly) {
      done(null)
      return
    }
    const write = decode(saved)
    const found = Buffer.alloc(write.data.length)
    this.#store.readv([found], write.offsetBytes, (error) => {
      if (error !== null) done(error)
      else if (isTorn(found, write)) this.#undo(write, done)
      else done(this.#forget())
    })
  }

  #undo({ previous, offsetBytes }: AtomicWrite, done: BackingDone): void {
    this.#store.writev([previous], offsetBytes, true, (error) => done(error ?? this.#forget()))
  }

  #writeNext(): void {
    const next = this.#queue[0]
    if (next === undefined) return
    const refusal = this.#save(encode(next))
    if (refusal !== null) this.#finish(refusal)
    else this.#store.writev([next.data], next.offsetBytes, true, (error) => this.#written(next, error))
  }

  #written(write: QueuedWrite, error: BackingError | null): void {
    if (error === null) this.#finish(this.#forget())
    else this.#undo(write, () => this.#finish(error))
  }

  #finish(error: BackingError | null): void {
    const finished = this.#queue.shift()!
    finished.done(error)
    this.#writeNext()
  }

  #forget(): BackingError | null {
    return this.#save(null)
  }

  #save(value: Buffer | null): BackingError | null {
    try {
      this.#savedState.write(SAVED_STATE_KEY, value)
      return null
    } catch (error) {
      return backingError('unsupported', `an atomic write could not be recorded: ${String(error)}`)
    }
  }
}

/**
 * Some sectors are old and the others new. A third content is of somebody who wrote after the write had ended, whose
 * record could not be removed; then, as when all are old or all are new, nothing is left to undo.
 */
function isTorn(found: Buffer, { previous, data }: AtomicWrite): boolean {
  let oldCount = 0
  let newCount = 0
  for (let at = 0; at < found.length; at += SECTOR_BYTES) {
    const sector = found.subarray(at, at + SECTOR_BYTES)
    const isOld = sector.equals(previous.subarray(at, at + SECTOR_BYTES))
    const isNew = sector.equals(data.subarray(at, at + SECTOR_BYTES))
    if (!isOld && !isNew) return false
    if (!isNew) oldCount++
    if (!isOld) newCount++
  }
  return oldCount > 0 && newCount > 0
}

function isInOnePage(offsetBytes: number, byteCount: number): boolean {
  return (offsetBytes % PAGE_BYTES) + byteCount <= PAGE_BYTES
}

const OFFSET_BYTES = 8

/** OFFSET (8 bytes), the old bytes, as many new ones. */
function encode({ offsetBytes, previous, data }: AtomicWrite): Buffer {
  const header = Buffer.alloc(OFFSET_BYTES)
  header.writeBigUInt64BE(BigInt(offsetBytes))
  return Buffer.concat([header, previous, data])
}

function decode(saved: Buffer): AtomicWrite {
  const middle = OFFSET_BYTES + (saved.length - OFFSET_BYTES) / 2
  return {
    offsetBytes: Number(saved.readBigUInt64BE()),
    previous: saved.subarray(OFFSET_BYTES, middle),
    data: saved.subarray(middle),
  }
}
