/** `lunette job`: what the server is doing that takes a while. */

import type { Job } from '../client/resources.ts'
import { type Column, yesOrNo } from '../output.ts'
import type { Noun } from './noun.ts'

const COLUMNS: readonly Column<Job>[] = [
  ['ID', ({ id }) => id],
  ['What', ({ outputType }) => outputType],
  ['Percent', ({ percent }) => percent],
  ['Done', ({ isDone }) => yesOrNo(isDone)],
  ['Result', ({ name, hresult }) => name ?? hresult],
]

export const JOB: Noun = {
  name: 'job',
  summary: 'jobs: what takes a while',
  verbs: [
    {
      usage: 'list',
      summary: 'list the jobs that run, and those that ended lately',
      run: async ({ api, output }) => output.list(await api.get<readonly Job[]>('/jobs'), COLUMNS),
    },
    {
      usage: 'show <JOB>',
      summary: 'show a job',
      run: async ({ api, output }, [id = '']) => output.show(await api.get<Job>(jobPath(id)), COLUMNS),
    },
    {
      usage: 'cancel <JOB>',
      summary: 'ask a job to stop before it takes effect',
      async run({ api, output }, [id = '']) {
        const { body } = await api.request('POST', `${jobPath(id)}/cancel`)
        output.done(`job ${id} was cancelled`, body)
      },
    },
    {
      usage: 'wait <JOB>',
      summary: 'wait for a job; the exit code is its result',
      async run({ api, output, finish }, [id = '']) {
        const job = await finish(await api.get<Job>(jobPath(id)))
        output.done(`job ${id} has ended`, job)
      },
    },
  ],
}

const jobPath = (id: string) => `/jobs/${encodeURIComponent(id)}`
