/**
 * What a logical unit has to do with third-party copy (SPC-4): the copy operations that its nexuses started, the jobs that
 * read or write it, the tokens that represent its blocks, and the copy manager that it shares with other logical units.
 */

import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { CopyJob } from './copy-job.ts'
import type { CopyManager } from './copy-manager.ts'
import { CopyOperations } from './copy-operations.ts'
import { RodWatch } from './rod-watch.ts'

export class LogicalUnitCopies {
  readonly manager: CopyManager
  readonly watch: RodWatch
  readonly #operations = new Map<ItlNexus, CopyOperations>()
  readonly #jobs = new Set<CopyJob>()
  /** Who waits for cancelled jobs to come to rest. */
  readonly #waiters = new Set<{ readonly remaining: Set<CopyJob>; readonly done: () => void }>()

  constructor(logicalUnit: LogicalUnit, manager: CopyManager) {
    this.manager = manager
    this.watch = new RodWatch(logicalUnit)
  }

  /** The copy operations of a nexus of this logical unit. */
  operationsOf(itlNexus: ItlNexus): CopyOperations {
    let operations = this.#operations.get(itlNexus)
    if (operations === undefined) {
      operations = new CopyOperations()
      this.#operations.set(itlNexus, operations)
    }
    return operations
  }

  /** A job that concerns this logical unit starts. */
  jobStarted(job: CopyJob): void {
    this.#jobs.add(job)
  }

  /** It has come to rest. */
  jobEnded(job: CopyJob): void {
    this.#jobs.delete(job)
    for (const waiter of [...this.#waiters]) {
      waiter.remaining.delete(job)
      if (waiter.remaining.size > 0) continue
      this.#waiters.delete(waiter)
      waiter.done()
    }
  }

  /** I_T nexus loss: what the nexus copies ends, and what is known of its copies goes. `done` when all is at rest. */
  detach(itlNexus: ItlNexus, done: () => void): void {
    this.#operations.delete(itlNexus)
    this.cancel((job) => job.itlNexuses.includes(itlNexus), done)
  }

  /**
   * A reset: every copy that concerns this logical unit ends and nothing is known of it any more, tokens are void. `done`
   * when all is at rest.
   */
  reset(done: () => void): void {
    this.watch.revokeAll()
    this.#operations.clear()
    this.cancel(() => true, done)
  }

  /** PREEMPT AND ABORT (SPC-4 5.13.11.2.6): what the preempted nexuses copy ends. `done` when all is at rest. */
  abortPreempted(preempted: ReadonlySet<ItlNexus>, done: () => void): void {
    this.cancel((job) => job.itlNexuses.some((itlNexus) => preempted.has(itlNexus)), done)
  }

  /** Cancel jobs; `done` when the last of them has come to rest, possibly at once. */
  cancel(selects: (job: CopyJob) => boolean, done: () => void): void {
    const selected = [...this.#jobs].filter(selects)
    const waiter = { remaining: new Set(selected), done }
    if (selected.length === 0) {
      done()
      return
    }
    this.#waiters.add(waiter)
    for (const job of selected) job.cancel()
  }
}
