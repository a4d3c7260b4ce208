/**
 * The asynchronous operations of this process, by id: those that run, and for those who ask later the last ones that are
 * done. They do not outlive the process: what one of them committed is in the configuration, and what it had not is undone at
 * the next start.
 */

import { Async, type AsyncOrigin, type AsyncOutput, type AsyncProgress } from './async.ts'
import type { ObjectId } from './configuration.ts'
import type { SuccessName } from './hresult.ts'

/** Of any output. */
export type Job = Async<AsyncOutput | null>

export class Jobs {
  readonly #jobs = new Map<ObjectId, Job>()
  readonly #finishedMax: number

  constructor(finishedMax: number) {
    this.#finishedMax = finishedMax
  }

  start<T extends AsyncOutput | null>(
    origin: AsyncOrigin,
    hresult: SuccessName,
    work: (progress: AsyncProgress) => Promise<T>,
  ): Async<T> {
    const job = new Async<T>(origin, hresult, work, () => new Date())
    this.#jobs.set(job.id, job as unknown as Job)
    this.#forgetOldest()
    return job
  }

  /** Null when there is none, or none any more. */
  find(id: ObjectId): Job | null {
    return this.#jobs.get(id) ?? null
  }

  /** In the order of their beginning. */
  list(): readonly Job[] {
    return [...this.#jobs.values()]
  }

  /** Until all that run now are done. */
  async settle(): Promise<void> {
    await Promise.all(this.list().map((job) => job.wait()))
  }

  #forgetOldest(): void {
    let excess = this.#jobs.size - this.#finishedMax
    for (const [id, job] of this.#jobs) {
      if (excess <= 0) return
      if (!job.isSignalled) continue
      this.#jobs.delete(id)
      excess--
    }
  }
}
