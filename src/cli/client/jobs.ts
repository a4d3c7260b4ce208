/** Waiting for a job of the server, with a progress bar where somebody is watching. */

import { SingleBar } from 'cli-progress'
import { type ApiClient, jobFailure } from './api-client.ts'
import type { Job } from './resources.ts'

const POLL_PERIOD_MS = 250
/** HRESULTs with this bit are failures. */
const SEVERITY = 0x80000000

/** Told of each look at a job that runs, and of its end. */
export interface Progress {
  show(job: Job): void
  end(): void
}

export const NO_PROGRESS: Progress = { show: () => {}, end: () => {} }

/** A bar on `stream`, which is a terminal; made when there is something to show. */
export function progressBar(stream: NodeJS.WriteStream): Progress {
  let bar: SingleBar | null = null
  return {
    show: ({ outputType, percent }) => {
      if (bar === null) {
        bar = new SingleBar({ format: `${outputType} {bar} {percentage} %`, stream, clearOnComplete: true })
        bar.start(100, percent)
      }
      bar.update(percent)
    },
    end: () => bar?.stop(),
  }
}

/** The job when it has ended well. Errors: `ApiFailure`, also when the job failed. */
export async function waitForJob(api: ApiClient, started: Job, progress: Progress = NO_PROGRESS): Promise<Job> {
  let job = started
  try {
    while (!job.isDone) {
      progress.show(job)
      await new Promise((done) => setTimeout(done, POLL_PERIOD_MS))
      job = await api.get<Job>(`/jobs/${job.id}`)
    }
  } finally {
    progress.end()
  }
  if (Number.parseInt(job.hresult, 16) >= SEVERITY) throw jobFailure(job)
  return job
}
