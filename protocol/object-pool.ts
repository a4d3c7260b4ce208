/**
 * Objects that are used again, so that a command costs no new one: tasks, and the memory of headers. An object comes out
 * as new, because going back resets it. Pools of memory in several sizes are bounded in bytes, and have their own files.
 */

/** What a pool keeps. */
export interface Reusable {
  /** Become as new. */
  reset(): void
}

export class ObjectPool<Item extends Reusable> {
  readonly #Item: new () => Item
  readonly #free: Item[] = []
  readonly #keptMax: number
  #takenCount = 0

  /** `keptMax`: how many idle objects are kept; further ones are left to the garbage collector. */
  constructor(Item: new () => Item, keptMax: number) {
    this.#Item = Item
    this.#keptMax = keptMax
  }

  /** Objects that are out at the moment. */
  get takenCount(): number {
    return this.#takenCount
  }

  take(): Item {
    this.#takenCount++
    return this.#free.pop() ?? new this.#Item()
  }

  /** Give back an object that nobody refers to any more. */
  release(item: Item): void {
    this.#takenCount--
    item.reset()
    if (this.#free.length < this.#keptMax) this.#free.push(item)
  }
}
