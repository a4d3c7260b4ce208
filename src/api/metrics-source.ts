/** What the metrics need of the data plane beyond `DataPlane`: the counters of the logical units that it serves. */

import type { ClassLatencies } from '../../scsi/command-latencies.ts'
import type { LogicalUnitStatistics } from '../../scsi/logical-unit-statistics.ts'
import type { ObjectId } from '../management/configuration.ts'

export interface MetricsSource {
  /** Of each LUN that is served now. The counters are live and never set back while the LUN is served. */
  logicalUnits(): Iterable<LogicalUnitMetrics>
  /** Of each target that is served now, the same. */
  targets(): Iterable<TargetMetrics>
}

export interface LogicalUnitMetrics {
  readonly id: ObjectId
  readonly statistics: LogicalUnitStatistics
  /** Commands that have arrived and not ended. */
  readonly queueDepth: number
}

export interface TargetMetrics {
  readonly iscsiName: string
  readonly latencies: ClassLatencies
}
