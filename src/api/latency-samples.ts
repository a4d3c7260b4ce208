/** Histograms of how long commands take, by LUN and class of command; of the LUNs beyond a bound all together. */

import { type CommandLatencies, LATENCY_BOUNDS_US, type LatencyHistogram } from '../../scsi/command-latencies.ts'
import type { Labels } from './metric-families.ts'
import type { LogicalUnitMetrics } from './metrics-source.ts'

/** LUNs beyond these share the histograms of `lun="other"`. */
export const LUNS_WITH_LATENCY_MAX = 128

const US_PER_S = 1e6

export const LATENCY_FAMILY = 'lunette_lun_command_duration_seconds'
export const LATENCY_HELP = 'From the arrival of a command at a LUN to its response; one command in 16 is timed'

export interface HistogramSample {
  readonly labels: Labels
  readonly value: number
  readonly metricName: string
}

export function latencySamples(logicalUnits: readonly LogicalUnitMetrics[]): HistogramSample[] {
  const own = logicalUnits
    .slice(0, LUNS_WITH_LATENCY_MAX)
    .map(({ id, statistics }) => [id, [statistics.latencies]] as const)
  const others = logicalUnits.slice(LUNS_WITH_LATENCY_MAX).map(({ statistics }) => statistics.latencies)
  const groups = others.length === 0 ? own : [...own, ['other', others] as const]
  return groups.flatMap(([lun, latencies]) =>
    (['read', 'write', 'other'] as const).flatMap((operation) =>
      histogramSamples(
        { lun, operation },
        latencies.map((each: CommandLatencies) => each[operation]),
      ),
    ),
  )
}

/** Buckets as Prometheus counts them: each with all below it. Nothing for a histogram that is empty. */
function histogramSamples(labels: Labels, histograms: readonly LatencyHistogram[]): HistogramSample[] {
  const samples: HistogramSample[] = []
  let count = 0
  for (let bucket = 0; bucket <= LATENCY_BOUNDS_US.length; bucket++) {
    for (const { counts } of histograms) count += counts[bucket]!
    const boundUs = LATENCY_BOUNDS_US[bucket]
    const le = boundUs === undefined ? '+Inf' : String(boundUs / US_PER_S)
    samples.push({ metricName: `${LATENCY_FAMILY}_bucket`, labels: { ...labels, le }, value: count })
  }
  if (count === 0) return []
  const sumUs = histograms.reduce((so, histogram) => so + histogram.sumUs, 0)
  return [
    ...samples,
    { metricName: `${LATENCY_FAMILY}_sum`, labels, value: sumUs / US_PER_S },
    { metricName: `${LATENCY_FAMILY}_count`, labels, value: count },
  ]
}
