/**
 * What /metrics tells, apart from latencies: a table of families, each computed from the data plane's own counters when
 * somebody asks. Labels are object ids, names of tables here and codes of the standards: as many as there are objects.
 */

import { COMMAND_TABLE } from '../../scsi/command-table.ts'
import { SENSE_KEY } from '../../scsi/sense-codes.ts'
import type { Configuration, ObjectId } from '../management/configuration.ts'
import type { DataPlane, IoCounters, SessionInfo } from '../management/data-plane.ts'
import type { LogicalUnitMetrics, TargetMetrics } from './metrics-source.ts'

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: (state: State) => Iterable<Sample>
}

/** What one answer is made from. */
export interface State {
  readonly configuration: Configuration
  readonly dataPlane: DataPlane
  readonly sessions: readonly SessionInfo[]
  readonly logicalUnits: readonly LogicalUnitMetrics[]
  readonly targets: readonly TargetMetrics[]
  readonly history: History
  readonly eventLoopDelay: { percentile(percentile: number): number; readonly max: number }
  readonly version: string
}

/** What is over and still counts. */
export class History {
  sessionsBegun = 0
  readonly refusalsByStatus = new Map<number, number>()
  readonly #countersByTarget = new Map<ObjectId, IoCounters>()

  sessionEnded({ targetId, counters }: SessionInfo): void {
    if (targetId !== null) this.#countersByTarget.set(targetId, sum(this.countersOf(targetId), counters))
  }

  countersOf(targetId: ObjectId): IoCounters {
    return this.#countersByTarget.get(targetId) ?? NO_IO
  }

  /** Targets that are gone count no longer. */
  retain(targets: ReadonlyMap<ObjectId, unknown>): void {
    for (const id of this.#countersByTarget.keys()) if (!targets.has(id)) this.#countersByTarget.delete(id)
  }
}

const NO_IO: IoCounters = { readCommands: 0, readBytes: 0, writeCommands: 0, writtenBytes: 0 }

function sum(a: IoCounters, b: IoCounters): IoCounters {
  return {
    readCommands: a.readCommands + b.readCommands,
    readBytes: a.readBytes + b.readBytes,
    writeCommands: a.writeCommands + b.writeCommands,
    writtenBytes: a.writtenBytes + b.writtenBytes,
  }
}

const NS_PER_S = 1e9
const US_PER_S = 1e6

export const FAMILIES: readonly Family[] = [
  {
    name: 'lunette_build_info',
    help: 'The running version; always 1',
    type: 'gauge',
    samples: ({ version }) => [[{ version, node: process.versions.node }, 1]],
  },
  {
    name: 'lunette_configuration_generation',
    help: 'Changes of the configuration that were committed',
    type: 'gauge',
    samples: ({ configuration }) => [[{}, configuration.generation]],
  },
  {
    name: 'lunette_sessions',
    help: 'Sessions of initiators now; discovery sessions have no target',
    type: 'gauge',
    samples: ({ configuration, sessions }) => [
      ...perTarget(configuration, sessions, (own) => own.length),
      [{ target: '' }, sessions.filter(({ targetId }) => targetId === null).length],
    ],
  },
  {
    name: 'lunette_connections',
    help: 'TCP connections of sessions now',
    type: 'gauge',
    samples: ({ configuration, sessions }) =>
      perTarget(configuration, sessions, (own) =>
        own.reduce((count, { connections }) => count + connections.length, 0),
      ),
  },
  {
    name: 'lunette_sessions_begun_total',
    help: 'Sessions that began since the start',
    type: 'counter',
    samples: ({ history }) => [[{}, history.sessionsBegun]],
  },
  {
    name: 'lunette_login_refusals_total',
    help: 'Refused logins since the start, by Status-Class and Status-Detail',
    type: 'counter',
    samples: ({ history }) =>
      [...history.refusalsByStatus].map(([status, count]) => [{ status: `0x${hexadecimal(status, 4)}` }, count]),
  },
  {
    name: 'lunette_target_commands_total',
    help: 'Commands that initiators sent through a target',
    type: 'counter',
    samples: (state) => targetSamples(state, 'readCommands', 'writeCommands'),
  },
  {
    name: 'lunette_target_bytes_total',
    help: 'Bytes read and written through a target',
    type: 'counter',
    samples: (state) => targetSamples(state, 'readBytes', 'writtenBytes'),
  },
  {
    name: 'lunette_lun_up',
    help: '1 while a LUN is online',
    type: 'gauge',
    samples: ({ configuration, dataPlane }) =>
      [...configuration.luns.values()].map(({ id, friendlyName }) => [
        { lun: id, name: friendlyName },
        dataPlane.lunState(id).status === 'online' ? 1 : 0,
      ]),
  },
  {
    name: 'lunette_lun_size_bytes',
    help: 'Size of a LUN',
    type: 'gauge',
    samples: (state) => lunSizes(state, 'sizeBytes'),
  },
  {
    name: 'lunette_lun_allocated_bytes',
    help: 'Bytes that the file of a LUN takes',
    type: 'gauge',
    samples: (state) => lunSizes(state, 'allocatedBytes'),
  },
  {
    name: 'lunette_lun_commands_total',
    help: 'Commands that a LUN ended',
    type: 'counter',
    samples: ({ logicalUnits }) =>
      logicalUnits.flatMap(({ id, statistics: { readCommands, writeCommands } }) => [
        [{ lun: id, operation: 'read' }, readCommands],
        [{ lun: id, operation: 'write' }, writeCommands],
      ]),
  },
  {
    name: 'lunette_lun_bytes_total',
    help: 'Bytes that were read from a LUN and written to it',
    type: 'counter',
    samples: ({ logicalUnits }) =>
      logicalUnits.flatMap(({ id, statistics: { readBytes, writtenBytes } }) => [
        [{ lun: id, operation: 'read' }, readBytes],
        [{ lun: id, operation: 'write' }, writtenBytes],
      ]),
  },
  {
    name: 'lunette_lun_errors_total',
    help: 'Commands that a LUN ended with CHECK CONDITION, by sense key',
    type: 'counter',
    samples: ({ logicalUnits }) =>
      logicalUnits.flatMap(({ id, statistics }) =>
        SENSE_KEYS.map(
          ([name, key]): Sample => [{ lun: id, sense_key: name }, statistics.errorsBySenseKey[key] ?? 0],
        ).filter(([, count]) => count > 0),
      ),
  },
  {
    name: 'lunette_lun_queue_depth',
    help: 'Commands that a LUN has taken and not ended',
    type: 'gauge',
    samples: ({ logicalUnits }) => logicalUnits.map(({ id, queueDepth }) => [{ lun: id }, queueDepth]),
  },
  {
    name: 'lunette_scsi_commands_total',
    help: 'Commands that all LUNs ended, by operation code',
    type: 'counter',
    samples: ({ logicalUnits }) => operationCodeSamples(logicalUnits),
  },
  {
    name: 'lunette_portal_up',
    help: '1 while a portal listens',
    type: 'gauge',
    samples: ({ configuration, dataPlane }) =>
      [...configuration.portals.keys()].map((id) => [
        { portal: id },
        dataPlane.portalState(id).status === 'online' ? 1 : 0,
      ]),
  },
  {
    name: 'lunette_event_loop_delay_seconds',
    help: 'How late the event loop was since the last question',
    type: 'gauge',
    samples: ({ eventLoopDelay }) => [
      ...[50, 90, 99].map(
        (percentile): Sample => [
          { quantile: String(percentile / 100) },
          eventLoopDelay.percentile(percentile) / NS_PER_S,
        ],
      ),
      [{ quantile: '1' }, eventLoopDelay.max / NS_PER_S],
    ],
  },
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time',
    type: 'counter',
    samples: () => {
      const { user, system } = process.cpuUsage()
      return [[{}, (user + system) / US_PER_S]]
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process',
    type: 'gauge',
    samples: () => [[{}, process.memoryUsage.rss()]],
  },
  {
    name: 'process_start_time_seconds',
    help: 'When the process began, in seconds since 1970',
    type: 'gauge',
    samples: () => [[{}, performance.timeOrigin / 1000]],
  },
]

const SENSE_KEYS = Object.entries(SENSE_KEY).map(([name, key]) => [name.toLowerCase(), key] as const)

/** Where several commands share an operation code, the code stands for itself. */
const COMMAND_NAMES: ReadonlyMap<number, string> = new Map(
  [...Map.groupBy(COMMAND_TABLE, ({ operationCode }) => operationCode)].flatMap(([operationCode, rows]) =>
    rows.length === 1 ? [[operationCode, rows[0]!.name]] : [],
  ),
)

function* operationCodeSamples(logicalUnits: readonly LogicalUnitMetrics[]): Generator<Sample> {
  for (let operationCode = 0; operationCode < 256; operationCode++) {
    const count = logicalUnits.reduce(
      (so, { statistics }) => so + statistics.commandsByOperationCode[operationCode]!,
      0,
    )
    if (count > 0) yield [operationCodeLabels(operationCode), count]
  }
}

export function operationCodeLabels(operationCode: number): Labels {
  const code = `0x${hexadecimal(operationCode, 2)}`
  return { operation_code: code, command: COMMAND_NAMES.get(operationCode) ?? code }
}

function perTarget(
  { targets }: Configuration,
  sessions: readonly SessionInfo[],
  value: (own: readonly SessionInfo[]) => number,
): Sample[] {
  const byTarget = Map.groupBy(sessions, ({ targetId }) => targetId)
  return [...targets.values()].map(({ id, iscsiName }) => [{ target: iscsiName }, value(byTarget.get(id) ?? [])])
}

function targetSamples(state: State, read: keyof IoCounters, write: keyof IoCounters): Sample[] {
  const running = new Map<ObjectId | null, IoCounters>()
  for (const { targetId, counters } of state.sessions) {
    running.set(targetId, sum(running.get(targetId) ?? NO_IO, counters))
  }
  return [...state.configuration.targets.values()].flatMap(({ id, iscsiName }): Sample[] => {
    const total = sum(state.history.countersOf(id), running.get(id) ?? NO_IO)
    return [
      [{ target: iscsiName, operation: 'read' }, total[read]],
      [{ target: iscsiName, operation: 'write' }, total[write]],
    ]
  })
}

function lunSizes({ configuration, dataPlane }: State, size: 'sizeBytes' | 'allocatedBytes'): Sample[] {
  return [...configuration.luns.keys()].flatMap((id) => {
    const bytes = dataPlane.lunState(id)[size]
    return bytes === null ? [] : [[{ lun: id }, bytes] satisfies Sample]
  })
}

const hexadecimal = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
