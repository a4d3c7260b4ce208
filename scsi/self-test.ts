/**
 * Self-tests of a logical unit (SPC-3 5.5): blocks from all over the medium are read, some for the short test and more for
 * the extended one. One runs at a time, in the foreground inside its SEND DIAGNOSTIC, or in the background. The Self-Test
 * Results log page reports the last twenty, but no default self-test that passed: the status says all of it (SPC-3 5.5.1),
 * and its entry, all zero in the first hour, is one that never ran to initiators, which look no further then.
 */

import type { BackingError, BackingStore } from './backing/backing-store.ts'
import type { DeviceClock } from './device-clock.ts'
import { senseOfBackingError } from './sense.ts'
import { SENSE, type SenseCondition } from './sense-codes.ts'

/** SELF-TEST CODE of SEND DIAGNOSTIC (SPC-3 table 171); zero stands for the default self-test. */
export const SELF_TEST_CODE = {
  DEFAULT: 0b000,
  BACKGROUND_SHORT: 0b001,
  BACKGROUND_EXTENDED: 0b010,
  ABORT_BACKGROUND: 0b100,
  FOREGROUND_SHORT: 0b101,
  FOREGROUND_EXTENDED: 0b110,
} as const

/** SELF-TEST RESULTS (SPC-3 table 218). */
export const SELF_TEST_RESULT = {
  PASSED: 0x0,
  ABORTED_BY_SEND_DIAGNOSTIC: 0x1,
  ABORTED_OTHERWISE: 0x2,
  FAILED: 0x5,
  IN_PROGRESS: 0xf,
} as const

export interface SelfTestEntry {
  readonly code: number
  result: number
  /** Power on hours when it ended. */
  hours: number
  /** Where the first failure was; null for none. */
  failedOffsetBytes: number | null
  condition: SenseCondition
}

/** How the test reads; the reader accounts for the I/O, and may end it with 'aborted'. */
export type ReadForSelfTest = (
  buffers: readonly Buffer[],
  offsetBytes: number,
  done: (error: BackingError | 'aborted' | null) => void,
) => void

/** The log page has room for this many results. */
export const SELF_TEST_ENTRIES_MAX = 20
const SHORT_SAMPLES = 16
const EXTENDED_SAMPLES = 256
const SAMPLE_BYTES = 4096

export class SelfTests {
  readonly #currentStore: () => BackingStore
  readonly #clock: DeviceClock
  /** The most recent first. */
  readonly entries: SelfTestEntry[] = []
  #background: SelfTestEntry | null = null

  constructor(currentStore: () => BackingStore, clock: DeviceClock) {
    this.#currentStore = currentStore
    this.#clock = clock
  }

  get isRunningInBackground(): boolean {
    return this.#background !== null
  }

  /** Start a test in the background. */
  startInBackground(code: number): void {
    const read: ReadForSelfTest = (buffers, offsetBytes, done) => this.#currentStore().readv(buffers, offsetBytes, done)
    this.#background = this.run(code, read, () => {
      this.#background = null
    })
    if (this.#background.result !== SELF_TEST_RESULT.IN_PROGRESS) this.#background = null
  }

  /** End the test in the background, if one runs, with this result. */
  abort(result: number): void {
    if (this.#background !== null) this.#end(this.#background, result)
    this.#background = null
  }

  /** Run a test whose reads go through `read`; `ended` comes when the last read is done, possibly before the return. */
  run(code: number, read: ReadForSelfTest, ended: (entry: SelfTestEntry) => void): SelfTestEntry {
    const condition = SENSE.NO_ADDITIONAL_SENSE_INFORMATION
    const entry: SelfTestEntry = {
      code,
      result: SELF_TEST_RESULT.IN_PROGRESS,
      hours: 0,
      failedOffsetBytes: null,
      condition,
    }
    this.entries.unshift(entry)
    this.entries.length = Math.min(this.entries.length, SELF_TEST_ENTRIES_MAX)
    this.#readNext(entry, read, sampleOffsets(code, this.#currentStore().sizeBytes), ended)
    return entry
  }

  #readNext(
    entry: SelfTestEntry,
    read: ReadForSelfTest,
    offsetsBytes: readonly number[],
    ended: (entry: SelfTestEntry) => void,
  ): void {
    const [offsetBytes, ...rest] = offsetsBytes
    // Whoever aborts a test has ended it: it reads nothing more.
    if (entry.result !== SELF_TEST_RESULT.IN_PROGRESS) return
    if (offsetBytes === undefined) {
      this.#end(entry, SELF_TEST_RESULT.PASSED)
      ended(entry)
      return
    }
    const { sizeBytes } = this.#currentStore()
    // The medium was ejected, or has become shorter.
    if (offsetBytes >= sizeBytes) {
      this.#end(entry, SELF_TEST_RESULT.ABORTED_OTHERWISE)
      ended(entry)
      return
    }
    const buffer = Buffer.alloc(Math.min(SAMPLE_BYTES, sizeBytes - offsetBytes))
    read([buffer], offsetBytes, (error) => {
      if (error === null) {
        this.#readNext(entry, read, rest, ended)
        return
      }
      if (entry.result !== SELF_TEST_RESULT.IN_PROGRESS) return
      if (error === 'aborted') this.#end(entry, SELF_TEST_RESULT.ABORTED_OTHERWISE)
      else this.#fail(entry, offsetBytes, error)
      ended(entry)
    })
  }

  #fail(entry: SelfTestEntry, offsetBytes: number, error: BackingError): void {
    entry.failedOffsetBytes = offsetBytes
    entry.condition = senseOfBackingError(error, 'read').condition
    this.#end(entry, SELF_TEST_RESULT.FAILED)
  }

  #end(entry: SelfTestEntry, result: number): void {
    entry.result = result
    entry.hours = this.#clock.powerOnHours
    const at = this.entries.indexOf(entry)
    const isToldByStatus = entry.code === SELF_TEST_CODE.DEFAULT && result === SELF_TEST_RESULT.PASSED
    if (isToldByStatus && at >= 0) this.entries.splice(at, 1)
  }
}

/** Places from the first to the last block, evenly spread; a small disk has fewer. */
function sampleOffsets(code: number, sizeBytes: number): readonly number[] {
  const isExtended = code === SELF_TEST_CODE.BACKGROUND_EXTENDED || code === SELF_TEST_CODE.FOREGROUND_EXTENDED
  const places = Math.max(1, Math.ceil(sizeBytes / SAMPLE_BYTES))
  const samples = Math.min(places, isExtended ? EXTENDED_SAMPLES : SHORT_SAMPLES)
  const last = places - 1
  return Array.from({ length: samples }, (_, i) => Math.floor((last * i) / Math.max(1, samples - 1)) * SAMPLE_BYTES)
}
