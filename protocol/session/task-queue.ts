/**
 * The way of a session's tasks from their turn in CmdSN order to the SCSI layer: at once, or when the outbound queue of
 * their connection has room. A session that drains hands out none.
 *
 * Invariant: tasks are handed out in the order in which their turn came, on whichever connections.
 */

import { executeTask } from '../connection/task-lifecycle.ts'
import type { NodeContext } from '../node-context.ts'
import { hastenAcknowledgement, isAwaitingAcknowledgement } from '../recovery/acknowledgement-timeouts.ts'
import type { Session } from './session.ts'
import type { Task } from './task.ts'

export class TaskQueue {
  readonly #context: NodeContext
  readonly #session: Session
  readonly #waiting: Task[] = []
  #isDispatching = false
  /** Called when the last command that runs has ended; set by `drain`. */
  #drained: (() => void) | null = null

  constructor(context: NodeContext, session: Session) {
    this.#context = context
    this.#session = session
  }

  /** Nothing is handed out any more, because the session is about to be dropped. */
  get isDraining(): boolean {
    return this.#drained !== null
  }

  /** A task's turn has come. */
  dispatch(task: Task): void {
    if (this.#drained === null && this.#waiting.length === 0 && !this.#isHeldBack(task)) {
      executeTask(task)
      return
    }
    this.#waiting.push(task)
    hastenAcknowledgement(task.connection)
  }

  /** There may be room: hand out what waits. */
  dispatchWaiting(): void {
    if (this.#waiting.length === 0 || this.#isDispatching || this.#drained !== null) return
    this.#isDispatching = true
    while (this.#waiting.length > 0 && !this.#isHeldBack(this.#waiting[0]!)) executeTask(this.#waiting.shift()!)
    this.#isDispatching = false
    const [next] = this.#waiting
    if (next !== undefined) hastenAcknowledgement(next.connection)
  }

  /** `task` ends before it was handed out, if it waits here. */
  remove(task: Task): void {
    const index = this.#waiting.indexOf(task)
    if (index >= 0) this.#waiting.splice(index, 1)
  }

  /** Hand out no further command; `drained` is called when those that run and can be answered have been. */
  drain(drained: () => void): void {
    this.#drained = drained
    this.taskEnded()
  }

  /** A task is gone, or out of service with its connection. */
  taskEnded(): void {
    if (this.#drained === null) return
    for (const task of this.#session.tasks.values()) {
      if (task.phase !== 'waiting' && task.connection.isSending) return
    }
    const drained = this.#drained
    this.#drained = () => {}
    // Not from within what has ended the task, which may be in the middle of ending others.
    this.#context.scheduler.defer(drained)
  }

  /** The session has ended. */
  clear(): void {
    this.#waiting.length = 0
  }

  /**
   * Too much waits to leave on the only connection, or is kept there. With several, one whose initiator does not read must
   * not hold up the others, but answers that are not acknowledged do: that ends in time, by acknowledgement or with the
   * connection, and without it the initiator could have any amount kept.
   */
  #isHeldBack({ connection }: Task): boolean {
    if (!connection.isCongested || !connection.isSending) return false
    return this.#session.connections.size <= 1 || isAwaitingAcknowledgement(connection)
  }
}
