/**
 * What the tasks of one connection take up: an object of the pool, a place in the command window of the session or among
 * the immediate commands of the connection (RFC 7143 4.2.2.1), memory for their data. Invariant: whatever a task took is
 * given back once, its place with the response at the latest. Called when a command comes, when it is answered, and by
 * whoever ends tasks.
 */

import type { Task } from '../session/task.ts'
import type { Connection } from './connection.ts'
import { dropDataIn } from './data-in.ts'
import { abandonTransfers } from './data-out-memory.ts'
import { dropAnswer } from './task-lifecycle.ts'

export class TaskPlaces {
  readonly #connection: Connection
  #immediateCount = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** One more immediate command, if the limit allows it. The place goes back with its task. */
  takeImmediate(): boolean {
    if (this.#immediateCount >= this.#connection.context.limits.immediateCommandsMax) return false
    this.#immediateCount++
    return true
  }

  takeTask(): Task {
    const task = this.#connection.context.tasks.take()
    task.connection = this.#connection
    return task
  }

  /** Give back a task's place in the command window; before its response, so that the response says so. */
  release(task: Task): void {
    if (!task.holdsPlace) return
    task.holdsPlace = false
    if (task.isImmediate) this.#immediateCount--
    else this.#connection.session.window.release()
  }

  /** Nothing more happens to this task; the object goes back to its pool. */
  forgetTask(task: Task): void {
    const { session } = this.#connection
    if (task.holdsPlace) {
      this.release(task)
      // There was no response to say so, and this connection may be gone.
      session.connections.values().next().value?.requestFlush()
    }
    // The tag of an answered task may name another one already.
    if (task.phase !== 'responded') session.tasks.delete(task.initiatorTaskTag | 0)
    if (task.isAnswerDue) dropAnswer(task)
    abandonTransfers(task)
    const hasMadeRoom = task.borrowedSlot !== null || task.sentDataIn !== null
    dropDataIn(task)
    session.queue.taskEnded()
    this.#connection.context.tasks.release(task)
    if (hasMadeRoom) this.#connection.roomMade()
  }
}
