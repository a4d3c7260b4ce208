/**
 * A connection of a living session that is out of service (RFC 7143 7.1.4.3, 7.5, 8.2): it failed, or was removed for
 * recovery. Its state is kept for Time2Wait and Time2Retain, for a logout that names its CID, for a login that takes its
 * CID, and at error recovery level 2 for its tasks, which can be reassigned once it has been logged out. At lower levels,
 * and for immediate commands at every level (7.14), nothing can bring a task back, so those end at once. What ends, or
 * was ending already in a logout that the connection did not survive, is at rest before another one logs it out.
 *
 * Invariant: the timer runs exactly while nobody is cleaning the connection up.
 */

import type { Connection } from '../connection/connection.ts'
import type { Timer } from '../node-context.ts'
import type { Session } from '../session/session.ts'
import type { Task } from '../session/task.ts'
import { discardUndelivered, tasksOf, terminateTasks } from '../session/task-termination.ts'
import { suspendTransfers } from './task-transfer.ts'

const MS_PER_SECOND = 1000

/**
 * How long the state of a session's lost connections is kept. Units: milliseconds; zero for not at all, which is what a
 * DefaultTime2Retain of zero asks for whatever DefaultTime2Wait is (RFC 7143 13.16).
 */
export function retentionMs({ parameters, isDiscovery }: Session): number {
  const { defaultTime2Wait, defaultTime2Retain } = parameters
  return isDiscovery || defaultTime2Retain === 0 ? 0 : (defaultTime2Wait + defaultTime2Retain) * MS_PER_SECOND
}

export class LostConnection {
  readonly connection: Connection
  readonly #expired: () => void
  #timer: Timer | null = null
  #isLoggedOut: boolean
  /** Terminations whose tasks are still in flight. */
  #unrestedCount = 0
  #restListeners: (() => void)[] = []
  #cleanupListeners: (() => void)[] = []

  /**
   * `isLoggedOut`: the connection itself has asked to be removed for recovery, and there is nothing to clean up.
   * `expired` is called when Time2Wait and Time2Retain are over.
   */
  constructor(connection: Connection, isLoggedOut: boolean, expired: () => void) {
    this.connection = connection
    this.#isLoggedOut = isLoggedOut
    this.#expired = expired
  }

  /** The session has taken this connection out of service: its tasks wait for what comes, or end. */
  begin(): void {
    const { connection } = this
    const { session } = connection
    if (this.#isLoggedOut) discardUndelivered(connection)
    const tasks = tasksOf(connection)
    const isRecoverable = session.parameters.errorRecoveryLevel === 2 && retentionMs(session) > 0
    const isKept = ({ isImmediate, isTerminating }: Task) => isRecoverable && !isImmediate && !isTerminating
    for (const task of tasks) if (isKept(task)) suspendTransfers(task)
    if (isRecoverable) this.#terminate(tasks.filter((task) => !isKept(task)))
    else this.endTasks()
    this.#startTimer()
  }

  get cid(): number {
    return this.connection.cid
  }

  /** Its logout has been completed: its CID is free, and its tasks may be reassigned. */
  get isLoggedOut(): boolean {
    return this.#isLoggedOut
  }

  /** Somebody is logging it out. */
  get isInCleanup(): boolean {
    return this.connection.state === 'IN_CLEANUP'
  }

  /** Call `rested` when nothing of the tasks that were ended is in flight any more; at once when that is so already. */
  whenAtRest(rested: () => void): void {
    if (this.#unrestedCount === 0) rested()
    else this.#restListeners.push(rested)
  }

  /** Call `ended` when the cleanup that is under way has succeeded or failed, and whoever did it is done with it. */
  whenCleanupEnds(ended: () => void): void {
    this.#cleanupListeners.push(ended)
  }

  /** A logout for this connection has begun, explicitly or by a login with its CID (M2). */
  beginCleanup(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.connection.advanceCleanup('cleanupStarted')
  }

  /** That logout did not come to its end (M3). */
  abandonCleanup(): void {
    this.connection.advanceCleanup('cleanupFailed')
    this.#startTimer()
    this.#tellCleanupEnded()
  }

  /** The connection has been logged out (M4); who does not discard it now keeps its tasks for reassignment. */
  completeCleanup(): void {
    this.connection.advanceCleanup('cleanupCompleted')
    this.#isLoggedOut = true
    discardUndelivered(this.connection)
    this.#startTimer()
    this.#tellCleanupEnded()
  }

  /** End the tasks that are kept, and forget the answers that could be asked for again. */
  endTasks(): void {
    discardUndelivered(this.connection)
    this.#terminate(tasksOf(this.connection))
    this.connection.statuses.forgetUnacknowledged()
  }

  /** Nothing is kept any longer. `event`: what ends a cleanup that nobody completed. */
  discard(event: 'stateTimedOut' | 'sessionClosed'): void {
    this.#timer?.cancel()
    this.#timer = null
    this.connection.statuses.forgetUnacknowledged()
    if (!this.#isLoggedOut) this.connection.advanceCleanup(event)
  }

  #terminate(tasks: ReturnType<typeof tasksOf>): void {
    if (tasks.length === 0) return
    this.#unrestedCount++
    terminateTasks(this.connection.session, tasks, () => {
      this.#unrestedCount--
      if (this.#unrestedCount > 0) return
      for (const rested of this.#restListeners.splice(0)) rested()
    })
  }

  #tellCleanupEnded(): void {
    for (const ended of this.#cleanupListeners.splice(0)) this.connection.context.scheduler.defer(ended)
  }

  #startTimer(): void {
    this.#timer?.cancel()
    this.#timer = this.connection.setTimer(retentionMs(this.connection.session), this.#expired)
  }
}
