/**
 * Growing and shrinking a logical unit while it is in use (SBC-4). Every I_T nexus is told that the capacity has changed.
 *
 * Whoever shrinks may lose data, so that has to be said; otherwise a tail that holds data stays. New commands are refused
 * behind the new end before anything else happens, those that have begun there end first, and one that passed the check
 * and waited for its blocks meanwhile is refused by the store: nobody writes behind the end, and nobody gets GOOD for
 * blocks that are gone. Meanwhile no format or sanitize operation begins, and the medium is not ejected. Called by
 * `logical-unit.ts` only.
 */

import { AllocationMap } from './backing/allocation-map.ts'
import { backingError } from './backing/backing-errors.ts'
import type { BackingDone, BackingError } from './backing/backing-store.ts'
import type { LogicalUnit } from './logical-unit.ts'
import { SELF_TEST_RESULT } from './self-test.ts'
import { SENSE } from './sense-codes.ts'

export interface ResizeOptions {
  /** What lies behind the new end may be thrown away. */
  readonly mayDiscardData: boolean
}

interface DataInTheWay extends BackingError {
  readonly isDataInTheWay: true
}

function dataInTheWay(sizeBytes: number): DataInTheWay {
  const error = backingError('unsupported', `there are data behind byte ${sizeBytes}, which shrinking would lose`)
  return { ...error, isDataInTheWay: true }
}

/** Whether a logical unit was not made smaller because of what is behind the new end. */
export function isDataInTheWay(error: BackingError): boolean {
  return 'isDataInTheWay' in error
}

/** The first allocated extent of the tail is all that matters; one that is not allocated may lie before it. */
const EXTENTS = 2

export class Resizing {
  readonly #logicalUnit: LogicalUnit
  /** Takes the number of blocks that commands may address. */
  readonly #setBlockCount: (blockCount: number) => void
  #isUnderWay = false

  constructor(logicalUnit: LogicalUnit, setBlockCount: (blockCount: number) => void) {
    this.#logicalUnit = logicalUnit
    this.#setBlockCount = setBlockCount
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** See `LogicalUnit.resize`. */
  start(sizeBytes: number, options: ResizeOptions, done: BackingDone): void {
    const refusal = this.#check(sizeBytes)
    if (refusal !== null) {
      done(refusal)
      return
    }
    this.#isUnderWay = true
    const oldBytes = this.#mediumBytes
    const ended: BackingDone = (error) => {
      this.#isUnderWay = false
      if (error === null && sizeBytes !== oldBytes) {
        this.#logicalUnit.establishUnitAttention(SENSE.CAPACITY_DATA_HAS_CHANGED)
      }
      done(error)
    }
    if (sizeBytes < oldBytes) this.#shrink(sizeBytes, oldBytes, options, ended)
    else this.#grow(sizeBytes, ended)
  }

  get #mediumBytes(): number {
    const { blockCount, blockLengthBytes } = this.#logicalUnit.properties
    return blockCount * blockLengthBytes
  }

  #check(sizeBytes: number): BackingError | null {
    const { erasure, medium, properties } = this.#logicalUnit
    if (medium.isAbsent) return backingError('unsupported', 'there is no medium whose size could be changed')
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % properties.blockLengthBytes !== 0) {
      const allowed = `a positive multiple of the block length ${properties.blockLengthBytes}`
      return backingError('unsupported', `a size of ${sizeBytes} bytes is not possible: it must be ${allowed}`)
    }
    if (this.#isUnderWay) return backingError('unsupported', 'the size is being changed already')
    if (erasure.isBlocking) return backingError('unsupported', 'the medium is being formatted or sanitized')
    return null
  }

  #setSize(sizeBytes: number): void {
    this.#setBlockCount(sizeBytes / this.#logicalUnit.properties.blockLengthBytes)
  }

  #grow(sizeBytes: number, done: BackingDone): void {
    this.#logicalUnit.store.resize(sizeBytes, (error) => {
      if (error === null) this.#setSize(sizeBytes)
      done(error)
    })
  }

  #shrink(sizeBytes: number, oldBytes: number, { mayDiscardData }: ResizeOptions, done: BackingDone): void {
    const { copies, rangeLocks, selfTests } = this.#logicalUnit
    const tail = { offsetBytes: sizeBytes, byteCount: oldBytes - sizeBytes }
    this.#setSize(sizeBytes)
    selfTests.abort(SELF_TEST_RESULT.ABORTED_OTHERWISE)
    copies.cancel(
      () => true,
      () =>
        rangeLocks.acquireForCopy(tail, (release) => {
          const ended: BackingDone = (error) => {
            if (error !== null) this.#setSize(oldBytes)
            release()
            done(error)
          }
          if (mayDiscardData) this.#cut(sizeBytes, tail.byteCount, ended)
          else this.#cutIfUnused(sizeBytes, tail.byteCount, ended)
        }),
    )
  }

  #cutIfUnused(sizeBytes: number, tailBytes: number, done: BackingDone): void {
    const map = new AllocationMap(EXTENTS)
    this.#logicalUnit.store.readAllocation(map, sizeBytes, tailBytes, (error) => {
      if (error !== null) done(error)
      else if (map.extents.some(({ isAllocated }) => isAllocated)) {
        done(dataInTheWay(sizeBytes))
      } else this.#cut(sizeBytes, tailBytes, done)
    })
  }

  #cut(sizeBytes: number, tailBytes: number, done: BackingDone): void {
    this.#logicalUnit.copies.watch.changed({ offsetBytes: sizeBytes, byteCount: tailBytes })
    this.#logicalUnit.store.resize(sizeBytes, done)
  }
}
