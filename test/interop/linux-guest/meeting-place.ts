/**
 * Where guests that run at the same time wait for each other: `host meet` in a script goes on when all of them have come
 * there. A guest that fails never comes, so its failure ends the waiting of the others, now and later.
 */

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class MeetingPlace {
  readonly #guestCount: number
  #waiting: Waiting[] = []
  #failure: Error | null = null

  constructor(guestCount: number) {
    this.#guestCount = guestCount
  }

  /** Resolves when as many have called this as there are guests; the next call begins anew. */
  meet(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ resolve, reject })
    if (this.#waiting.length === this.#guestCount) for (const guest of this.#takeAll()) guest.resolve()
    return promise
  }

  /** A guest has ended with this failure. */
  fail(failure: Error): void {
    this.#failure ??= failure
    for (const guest of this.#takeAll()) guest.reject(failure)
  }

  /** The first failure that came. */
  get failure(): Error | null {
    return this.#failure
  }

  #takeAll(): Waiting[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }
}
