/**
 * Knows the operations of one store that wait for the system, so that `close` can wait for the last one and whatever
 * comes later is turned away. A descriptor number is reused by the system as soon as it is closed: an operation that
 * slipped past this gate could write into somebody else's file.
 */

import type { BackingDone } from './backing-store.ts'

export class OperationGate {
  #inFlightCount = 0
  #isClosed = false
  #whenIdle: (() => void) | null = null

  /** Closed, or waiting for the last operations to end: new ones are refused. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** An operation, or a part of one, begins to wait; it is over when what is returned, which calls `done`, was called. */
  begin(done: BackingDone): BackingDone {
    this.#inFlightCount += 1
    return (error) => {
      try {
        done(error)
      } finally {
        this.#inFlightCount -= 1
        this.#runIfIdle()
      }
    }
  }

  /** Refuses new operations from now on and calls `whenIdle` once nothing is under way. To be called once. */
  close(whenIdle: () => void): void {
    this.#isClosed = true
    this.#whenIdle = whenIdle
    this.#runIfIdle()
  }

  #runIfIdle(): void {
    const whenIdle = this.#whenIdle
    if (whenIdle === null || this.#inFlightCount > 0) return
    this.#whenIdle = null
    whenIdle()
  }
}
