/**
 * Histograms of how long commands take: by LUN and class of command, of the LUNs beyond a bound all together; and by
 * operation code, of all LUNs together.
 */

import {
  type CommandLatencies,
  LATENCY_BOUNDS_US,
  type LatencyHistogram,
  SAMPLE_INTERVAL,
} from '../../scsi/command-latencies.ts'
import { type Labels, operationCodeLabels } from './metric-families.ts'
import type { LogicalUnitMetrics } from './metrics-source.ts'

/** LUNs beyond these share the histograms of `lun="other"`. */
export const LUNS_WITH_LATENCY_MAX = 128

const US_PER_S = 1e6

const MEANING = `From the arrival of a command at a LUN to its response; one command in ${SAMPLE_INTERVAL} is timed`

export interface HistogramFamily {
  readonly name: string
  readonly help: string
  readonly samples: (logicalUnits: readonly LogicalUnitMetrics[]) => HistogramSample[]
}

export const LATENCY_FAMILIES: readonly HistogramFamily[] = [
  { name: 'lunette_lun_command_duration_seconds', help: `${MEANING}; by LUN and class of command`, samples: ofLuns },
  { name: 'lunette_scsi_command_duration_seconds', help: `${MEANING}; by operation code`, samples: ofOperationCodes },
]

export interface HistogramSample {
  readonly labels: Labels
  readonly value: number
  readonly metricName: string
}

function ofLuns(logicalUnits: readonly LogicalUnitMetrics[]): HistogramSample[] {
  const own = logicalUnits
    .slice(0, LUNS_WITH_LATENCY_MAX)
    .map(({ id, statistics }) => [id, [statistics.latencies]] as const)
  const others = logicalUnits.slice(LUNS_WITH_LATENCY_MAX).map(({ statistics }) => statistics.latencies)
  const groups = others.length === 0 ? own : [...own, ['other', others] as const]
  return groups.flatMap(([lun, latencies]) =>
    (['read', 'write', 'other'] as const).flatMap((operation) =>
      histogramSamples(
        'lunette_lun_command_duration_seconds',
        { lun, operation },
        latencies.map((each: CommandLatencies) => each[operation]),
      ),
    ),
  )
}

function ofOperationCodes(logicalUnits: readonly LogicalUnitMetrics[]): HistogramSample[] {
  const timed = logicalUnits.flatMap(({ statistics }) => [...statistics.latencies.byOperationCode])
  const byCode = Map.groupBy(timed, ([operationCode]) => operationCode)
  return [...byCode].flatMap(([operationCode, own]) =>
    histogramSamples(
      'lunette_scsi_command_duration_seconds',
      operationCodeLabels(operationCode),
      own.map(([, histogram]) => histogram),
    ),
  )
}

/** Buckets as Prometheus counts them: each with all below it. Nothing for a histogram that is empty. */
function histogramSamples(name: string, labels: Labels, histograms: readonly LatencyHistogram[]): HistogramSample[] {
  const samples: HistogramSample[] = []
  let count = 0
  for (let bucket = 0; bucket <= LATENCY_BOUNDS_US.length; bucket++) {
    for (const { counts } of histograms) count += counts[bucket]!
    const boundUs = LATENCY_BOUNDS_US[bucket]
    const le = boundUs === undefined ? '+Inf' : String(boundUs / US_PER_S)
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count })
  }
  if (count === 0) return []
  const sumUs = histograms.reduce((so, histogram) => so + histogram.sumUs, 0)
  return [
    ...samples,
    { metricName: `${name}_sum`, labels, value: sumUs / US_PER_S },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
