/**
 * The management API: REST resources over the object model at /api/v1, events, metrics, health and the OpenAPI document.
 * `startApi` is all that the rest of the program needs. Everything that is refused is refused here or by the object model;
 * the handlers in `routes/` only translate.
 */

import type { Management } from '../management/management.ts'
import { EventLog } from './event-stream.ts'
import { BASE_PATH, Exchange } from './exchange.ts'
import type { Api } from './fastify.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { MetricsSource } from './metrics-source.ts'
import { recordRoutes, tokenRoutes } from './routes/administration.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { jobRoutes } from './routes/jobs.ts'
import { lunRoutes } from './routes/luns.ts'
import { portalGroupRoutes, portalRoutes } from './routes/portals.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { discoveryUserRoutes, importTargetRoutes, subSystemRoutes } from './routes/sub-system.ts'
import { chapRoutes, targetRoutes } from './routes/targets.ts'
import { type ApiServerOptions, type RegisterRoutes, type RunningApi, startApiServer } from './server.ts'

export type { RunningApi } from './server.ts'

export interface ApiOptions extends ApiServerOptions {
  readonly management: Management
  readonly metricsSource: MetricsSource
  /** Where a backup may lie while it is sent; only its owner may look in. */
  readonly scratchDirectory: string
}

/** Errors: `Failure` when it must not listen there; the system's own errors when it cannot. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const events = new EventLog(options.management.notifications)
  const metrics = metricsOf(options)
  const release = () => {
    events.close()
    metrics.close()
  }
  try {
    const server = await startApiServer(options, apiRoutes(options, events, metrics))
    const close = async () => {
      await server.close()
      release()
    }
    return { ...server, close }
  } catch (error) {
    release()
    throw error
  }
}

function metricsOf({ management, metricsSource: source, version }: ApiOptions): Metrics {
  const { dataPlane } = management
  return createMetrics({ configuration: () => management.configuration, dataPlane, source, version })
}

/** All that can be asked, apart from the OpenAPI document. */
export function apiRoutes(options: ApiOptions, events: EventLog, metrics: Metrics): RegisterRoutes {
  const { management, tokens, scratchDirectory } = options
  return async (api, closing) => {
    const exchange = new Exchange(management, closing)
    healthRoutes(api, management, metrics, closing)
    const resources = async (base: Api) => {
      subSystemRoutes(base, exchange)
      lunRoutes(base, exchange)
      targetRoutes(base, exchange)
      chapRoutes(base, exchange)
      portalGroupRoutes(base, exchange)
      portalRoutes(base, exchange)
      sessionRoutes(base, exchange)
      importTargetRoutes(base, exchange)
      discoveryUserRoutes(base, exchange)
      jobRoutes(base, exchange)
      configurationRoutes(base, exchange)
      eventRoutes(base, events, tokens, closing)
      tokenRoutes(base, exchange, tokens)
      recordRoutes(base, exchange, scratchDirectory)
    }
    await api.register(resources, { prefix: BASE_PATH })
  }
}
