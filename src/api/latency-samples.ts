/**
 * Histograms of how long commands take: by target or LUN and class of command, of those beyond a bound all together; and by
 * operation code, of all LUNs together.
 */

import {
  type ClassLatencies,
  LATENCY_BOUNDS_US,
  type LatencyHistogram,
  SAMPLE_INTERVAL,
} from '../../scsi/command-latencies.ts'
import { type Labels, operationCodeLabels, type State } from './metric-families.ts'

/** LUNs beyond these share the histograms of `lun="other"`, targets those of `target="other"`. */
export const OBJECTS_WITH_LATENCY_MAX = 128

const US_PER_S = 1e6

const MEANING = `From the arrival of a command at a LUN to its response; one command in ${SAMPLE_INTERVAL} is timed`

export interface HistogramFamily {
  readonly name: string
  readonly help: string
  readonly samples: (state: Pick<State, 'logicalUnits' | 'targets'>) => HistogramSample[]
}

export const LATENCY_FAMILIES: readonly HistogramFamily[] = [
  {
    name: 'lunette_target_command_duration_seconds',
    help: `${MEANING}; by target and class of command`,
    samples: ({ targets }) =>
      byClass(
        'target',
        targets.map(({ iscsiName, latencies }) => [iscsiName, latencies]),
      ),
  },
  {
    name: 'lunette_lun_command_duration_seconds',
    help: `${MEANING}; by LUN and class of command`,
    samples: ({ logicalUnits }) =>
      byClass(
        'lun',
        logicalUnits.map(({ id, statistics }) => [id, statistics.latencies]),
      ),
  },
  { name: 'lunette_scsi_command_duration_seconds', help: `${MEANING}; by operation code`, samples: ofOperationCodes },
]

export interface HistogramSample {
  readonly labels: Labels
  readonly value: number
  readonly metricName: string
}

function byClass(kind: 'target' | 'lun', objects: readonly (readonly [string, ClassLatencies])[]): HistogramSample[] {
  const own = objects.slice(0, OBJECTS_WITH_LATENCY_MAX).map(([label, latencies]) => [label, [latencies]] as const)
  const others = objects.slice(OBJECTS_WITH_LATENCY_MAX).map(([, latencies]) => latencies)
  const groups = others.length === 0 ? own : [...own, ['other', others] as const]
  return groups.flatMap(([label, latencies]) =>
    (['read', 'write', 'other'] as const).flatMap((operation) =>
      histogramSamples(
        `lunette_${kind}_command_duration_seconds`,
        { [kind]: label, operation },
        latencies.map((each: ClassLatencies) => each[operation]),
      ),
    ),
  )
}

function ofOperationCodes({ logicalUnits }: Pick<State, 'logicalUnits'>): HistogramSample[] {
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
