/** Tasks that are used again, so that a command costs no new object on this side. */

import { Task } from './task.ts'

export class TaskPool {
  readonly #free: Task[] = []
  readonly #keptMax: number
  #takenCount = 0

  /** `keptMax`: how many idle tasks are kept; further ones are left to the garbage collector. */
  constructor(keptMax: number) {
    this.#keptMax = keptMax
  }

  /** Tasks that are out at the moment. */
  get takenCount(): number {
    return this.#takenCount
  }

  take(): Task {
    this.#takenCount++
    return this.#free.pop() ?? new Task()
  }

  /** Give back a task that nobody refers to any more. */
  release(task: Task): void {
    this.#takenCount--
    task.reset()
    if (this.#free.length < this.#keptMax) this.#free.push(task)
  }
}
