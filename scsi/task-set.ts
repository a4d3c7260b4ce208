/**
 * The task set of a logical unit (SAM-5): every command from its arrival to its end, for all I_T nexuses together
 * (TST 000b). Decides when a command may run by its task attribute, and winds commands down for task management. While
 * all commands are SIMPLE nothing is ever dormant and a command costs one insertion and one removal.
 *
 * SIMPLE commands in flight at the same time have no order among themselves, not even where they overlap
 * (QUEUE ALGORITHM MODIFIER 1h): an initiator that wants an order waits, or says ORDERED.
 */

import { type Command, TASK_ATTRIBUTE } from './command.ts'
import { endAborted } from './completion.ts'

interface AbortWaiter {
  readonly remaining: Set<Command>
  readonly done: () => void
}

export class TaskSet {
  readonly #start: (command: Command) => void
  /** In order of arrival. */
  readonly #commands = new Set<Command>()
  /** Those that may not run yet; in order of arrival too. */
  readonly #dormant = new Set<Command>()
  #orderedCount = 0
  #headOfQueueCount = 0
  #isAdvancing = false
  #waiters: AbortWaiter[] = []

  /** `start` runs a command that entered the enabled state. */
  constructor(start: (command: Command) => void) {
    this.#start = start
  }

  get size(): number {
    return this.#commands.size
  }

  /** A command arrived: run it now or keep it dormant. */
  insert(command: Command): void {
    const mayRun = this.#mayRunOnArrival(command)
    this.#commands.add(command)
    if (command.taskAttribute === TASK_ATTRIBUTE.ORDERED) this.#orderedCount++
    else if (command.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#headOfQueueCount++
    if (mayRun) this.#start(command)
    else this.#dormant.add(command)
  }

  /** A command is about to end. False when it is not in the set. */
  remove(command: Command): boolean {
    if (!this.#commands.delete(command)) return false
    if (command.taskAttribute === TASK_ATTRIBUTE.ORDERED) this.#orderedCount--
    else if (command.taskAttribute === TASK_ATTRIBUTE.HEAD_OF_QUEUE) this.#headOfQueueCount--
    return true
  }

  /** The transport has heard of the end of a removed command: let those go on that waited for it. */
  commandEnded(command: Command): void {
    if (this.#waiters.length > 0) this.#settleWaiters(command)
    if (this.#dormant.size > 0) this.#advance()
  }

  /** Whether the command has arrived and not ended. */
  has(command: Command): boolean {
    return this.#commands.has(command)
  }

  /**
   * Abort the commands that `selects` picks. `done` comes when the last of them has ended, which for one with backing
   * I/O in flight is when that I/O came to rest: nothing of them can reach the medium after `done`.
   */
  abort(selects: (command: Command) => boolean, done: () => void): readonly Command[] {
    const selected = [...this.#commands].filter(selects)
    if (selected.length === 0) {
      done()
      return selected
    }
    this.#waiters.push({ remaining: new Set(selected), done })
    // All are marked before the first one ends, because an end may start others.
    const running: Command[] = []
    const dormant: Command[] = []
    for (const command of selected) {
      command.isAborted = true
      if (this.#dormant.delete(command)) dormant.push(command)
      else running.push(command)
    }
    for (const command of dormant) if (this.#commands.has(command)) endAborted(command)
    for (const command of running) command.operation?.abort()
    return selected
  }

  #mayRunOnArrival(command: Command): boolean {
    switch (command.taskAttribute) {
      case TASK_ATTRIBUTE.HEAD_OF_QUEUE:
        return true
      case TASK_ATTRIBUTE.ORDERED:
        return this.#commands.size === 0
      default:
        return this.#orderedCount === 0 && this.#headOfQueueCount === 0
    }
  }

  /** Run dormant commands that may run now. A loop, because a started command may end at once and free the next. */
  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    try {
      for (let next = this.#takeNextRunnable(); next !== null; next = this.#takeNextRunnable()) this.#start(next)
    } finally {
      this.#isAdvancing = false
    }
  }

  /** The oldest dormant command that waits for nothing any more, no longer dormant; or null. */
  #takeNextRunnable(): Command | null {
    if (this.#headOfQueueCount > 0) return null
    let isFirst = true
    for (const command of this.#commands) {
      const isOrdered = command.taskAttribute === TASK_ATTRIBUTE.ORDERED
      if ((!isOrdered || isFirst) && this.#dormant.delete(command)) return command
      if (isOrdered) return null
      isFirst = false
    }
    return null
  }

  #settleWaiters(command: Command): void {
    const settled: AbortWaiter[] = []
    for (const waiter of this.#waiters) {
      if (waiter.remaining.delete(command) && waiter.remaining.size === 0) settled.push(waiter)
    }
    if (settled.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.remaining.size > 0)
    for (const waiter of settled) waiter.done()
  }
}
