/**
 * Whose turn it is to change something: one at a time for each key, in the order of coming. Who waits too long goes away
 * without a turn, so that a change that hangs stops changes only and no callers.
 */

export type EndTurn = () => void

type Waiter = (end: EndTurn) => void

export class Turns {
  readonly #waiting = new Map<string, Waiter[]>()

  /** Resolves with what ends the turn, or with null after `timeoutMs` without one. */
  take(key: string, timeoutMs: number): Promise<EndTurn | null> {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) {
      this.#waiting.set(key, [])
      return Promise.resolve(this.#endOf(key))
    }
    return new Promise((resolve) => {
      const waiter: Waiter = (end) => {
        clearTimeout(timer)
        resolve(end)
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(waiter), 1)
        resolve(null)
      }, timeoutMs)
      waiting.push(waiter)
    })
  }

  #endOf(key: string): EndTurn {
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const next = this.#waiting.get(key)?.shift()
      if (next === undefined) this.#waiting.delete(key)
      else next(this.#endOf(key))
    }
  }
}
