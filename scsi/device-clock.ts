/**
 * The timestamp of a logical unit (SPC-4; SPC-3 5.13): milliseconds since midnight, 1 January 1970 UT. It follows the
 * clock of the machine until SET TIMESTAMP sets it, and then runs on from there.
 */

/** TIMESTAMP ORIGIN. */
export const TIMESTAMP_ORIGIN = { SET_TIMESTAMP: 0b010, OTHER_METHOD: 0b011 } as const

export class DeviceClock {
  readonly #nowMs: () => number
  readonly #startedMs: number
  #offsetMs = 0
  #origin: number = TIMESTAMP_ORIGIN.OTHER_METHOD

  /** `nowMs` is the machine's clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#startedMs = nowMs()
  }

  get timestampMs(): number {
    return this.#nowMs() + this.#offsetMs
  }

  get origin(): number {
    return this.#origin
  }

  /** Accumulated power on hours, whole ones. */
  get powerOnHours(): number {
    return Math.max(0, Math.floor((this.#nowMs() - this.#startedMs) / 3_600_000))
  }

  set(timestampMs: number): void {
    this.#offsetMs = timestampMs - this.#nowMs()
    this.#origin = TIMESTAMP_ORIGIN.SET_TIMESTAMP
  }
}
