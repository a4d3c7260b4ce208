/** /healthz, /readyz and /metrics, at the root: for what watches the server. */

import type { Management } from '../../management/management.ts'
import type { Api } from '../fastify.ts'
import type { Metrics } from '../metrics.ts'
import { Health } from '../schemas/server.ts'
import { operation } from './operation.ts'

const server = operation('Server')

export function healthRoutes(api: Api, management: Management, metrics: Metrics, closing: AbortSignal): void {
  api.get(
    '/healthz',
    server('everybody', 'getHealth', 'The process answers', { response: { 200: Health } }),
    async () => ({ status: 'ok' as const, failing: [] }),
  )

  api.get(
    '/readyz',
    server('everybody', 'getReadiness', 'The store can be written and portals listen; 503 while not', {
      response: { 200: Health, 503: Health },
    }),
    async (_request, reply) => {
      const failing = closing.aborted ? ['server'] : failingParts(management)
      if (failing.length > 0) reply.code(503)
      return { status: failing.length === 0 ? ('ok' as const) : ('notReady' as const), failing }
    },
  )

  api.get(
    '/metrics',
    server('viewer', 'getMetrics', "Metrics in Prometheus' text format", {}),
    async (_request, reply) => {
      reply.type(metrics.contentType)
      return metrics.read()
    },
  )
}

/** Kinds of what is not as it should be, without details: nobody had to say who they are. */
function failingParts(management: Management): string[] {
  const failing: string[] = []
  try {
    const { portals } = management.read()
    if (management.storeFault !== null) failing.push('store')
    const statuses = [...portals.values()].map(({ id, status }) => [
      status,
      management.dataPlane.portalState(id).status,
    ])
    if (statuses.some(([wanted, real]) => wanted === 'online' && real !== 'online')) failing.push('portals')
  } catch {
    failing.push('store')
  }
  return failing
}
