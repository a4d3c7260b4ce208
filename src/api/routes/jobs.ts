/** /jobs: what takes a while. */

import { Type } from 'typebox'
import type { Exchange } from '../exchange.ts'
import { actorOf } from '../exchange.ts'
import type { Api } from '../fastify.ts'
import { jobBody } from '../representations.ts'
import { IdPath } from '../schemas/common.ts'
import { Job } from '../schemas/job.ts'
import { operation } from './operation.ts'

const jobs = operation('Jobs')

export function jobRoutes(api: Api, exchange: Exchange): void {
  api.get(
    '/jobs',
    jobs('viewer', 'listJobs', 'Jobs that run, and those that ended lately', { response: { 200: Type.Array(Job) } }),
    async (request) => exchange.provider(request).queryAsyncs().map(jobBody),
  )

  api.get(
    '/jobs/:id',
    jobs('viewer', 'getJob', 'A job as it stands', { params: IdPath, response: { 200: Job } }),
    async (request) => jobBody(exchange.provider(request).getAsync(request.params.id)),
  )

  api.post(
    '/jobs/:id/cancel',
    jobs('operator', 'cancelJob', 'Give a job up before it takes effect', { params: IdPath, response: { 200: Job } }),
    async (request) => {
      const job = exchange.provider(request).getAsync(request.params.id)
      const call = { actor: actorOf(request), method: 'Async.cancel', objectId: job.id }
      await exchange.management.audited(call, async () => job.cancel())
      exchange.management.recordAudit(call, 'S_OK')
      return jobBody(job)
    },
  )
}
