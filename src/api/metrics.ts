/**
 * The metrics at /metrics, for Prometheus, made from the tables of `metric-families.ts` and the histograms of
 * `latency-samples.ts` when somebody asks, so that nothing is counted twice and a command pays for none of it.
 *
 * Counters of a LUN begin anew when its file is opened again; Prometheus takes that as the restart that it is.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Registry } from 'prom-client'
import type { Configuration } from '../management/configuration.ts'
import type { DataPlane } from '../management/data-plane.ts'
import { LATENCY_FAMILIES } from './latency-samples.ts'
import { FAMILIES, History, type State } from './metric-families.ts'
import type { MetricsSource } from './metrics-source.ts'

export interface MetricsOptions {
  readonly configuration: () => Configuration
  readonly dataPlane: DataPlane
  readonly source: MetricsSource
  readonly version: string
}

export interface Metrics {
  readonly contentType: string
  /** Everything, in Prometheus' text format. */
  read(): Promise<string>
  close(): void
}

export function createMetrics({ configuration, dataPlane, source, version }: MetricsOptions): Metrics {
  const history = new History()
  const eventLoopDelay = monitorEventLoopDelay()
  eventLoopDelay.enable()
  const unsubscribe = dataPlane.subscribe((event) => {
    if (event.kind === 'sessionBegan') history.sessionsBegun++
    else if (event.kind === 'sessionEnded') history.sessionEnded(event.session)
    else if (event.kind === 'loginRefused') {
      const { status } = event.refusal
      history.refusalsByStatus.set(status, (history.refusalsByStatus.get(status) ?? 0) + 1)
    }
  })
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async read() {
      const current = configuration()
      history.retain(current.targets)
      const logicalUnits = [...source.logicalUnits()]
      const targets = [...source.targets()]
      const sessions = dataPlane.sessions()
      const state = {
        configuration: current,
        dataPlane,
        sessions,
        logicalUnits,
        targets,
        history,
        eventLoopDelay,
        version,
      }
      const text = await render(state)
      eventLoopDelay.reset()
      return text
    },
    close() {
      unsubscribe()
      eventLoopDelay.disable()
    },
  }
}

async function render(state: State): Promise<string> {
  const registry = new Registry()
  const register = (name: string, help: string, type: string, values: () => object[]) => {
    const metric = { name, help, type, aggregator: 'sum', values: [] }
    registry.registerMetric({ ...metric, get: async () => ({ ...metric, values: values() }) } as unknown as never)
  }
  for (const { name, help, type, samples } of FAMILIES) {
    register(name, help, type, () => [...samples(state)].map(([labels, value]) => ({ labels, value })))
  }
  for (const { name, help, samples } of LATENCY_FAMILIES) {
    register(name, help, 'histogram', () => samples(state))
  }
  return registry.metrics()
}
