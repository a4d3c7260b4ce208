/**
 * Keeps the event loop awake for a moment after bytes came. An initiator that has one command in flight sends the next one
 * some ten microseconds after its answer; going to sleep in between and being woken again takes longer than to look once
 * more. The loop looks for `STAYS_AWAKE_US` after the last arrival and then sleeps, so that a server without work uses no
 * processor time. Not with a single processor, where looking would keep the initiator from running.
 */

import type { Scheduler } from '../node-context.ts'

/** A few times what an initiator on the same network needs to answer; a hundred requests a second cost half a percent. */
const STAYS_AWAKE_US = 50

export class Wakefulness {
  readonly #scheduler: Scheduler
  readonly #isUseful: boolean
  #untilMs = 0
  #isAwake = false

  /** `processorCount`: how many this process may use. */
  constructor(scheduler: Scheduler, processorCount: number) {
    this.#scheduler = scheduler
    this.#isUseful = processorCount > 1
  }

  /** Bytes came. */
  stir(): void {
    if (!this.#isUseful) return
    this.#untilMs = this.#scheduler.nowMs() + STAYS_AWAKE_US / 1000
    if (this.#isAwake) return
    this.#isAwake = true
    this.#scheduler.defer(this.#look)
  }

  readonly #look = (): void => {
    if (this.#scheduler.nowMs() < this.#untilMs) this.#scheduler.defer(this.#look)
    else this.#isAwake = false
  }
}
