/**
 * The log pages of a disk (SPC-4, SBC-3), one row a page. A page is a pure function of what the logical unit has counted.
 * Counters can be set back to zero and never hold a threshold; nothing of a log is saved. Called by LOG SENSE and LOG
 * SELECT only.
 */

import type { BackingSpace } from '../backing/backing-store.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import type { LogicalUnitStatistics, ResettableCounter } from '../logical-unit-statistics.ts'
import { THRESHOLD_SET_BYTES } from '../provisioning-watch.ts'
import { SELF_TEST_ENTRIES_MAX, type SelfTestEntry } from '../self-test.ts'
import { SENSE } from '../sense-codes.ts'

/** What pages are made of. */
export interface LogSource {
  readonly statistics: LogicalUnitStatistics
  readonly selfTestEntries: readonly SelfTestEntry[]
  readonly properties: LogicalUnitProperties
  /** There is a test device failure to report. */
  readonly isFailureTested: boolean
  /** For a page that `needsSpace`. */
  readonly space: BackingSpace
}

export interface LogParameter {
  readonly code: number
  readonly value: Buffer
  readonly isCounter: boolean
}

export interface LogPage {
  readonly pageCode: number
  readonly subpageCode: number
  readonly name: string
  /** In ascending order of parameter code. */
  readonly parameters: (source: LogSource) => readonly LogParameter[]
  /** What LOG SELECT sets back to zero. */
  readonly counters: readonly ResettableCounter[]
  /** It tells how much space there is, which only a thin disk reports. */
  readonly needsSpace: boolean
}

/** Subpage code that asks for a list of subpages. */
const ALL_SUBPAGES = 0xff

/** Parameter control byte: DS and TSD, for nothing is saved, and FORMAT AND LINKING of a counter or of a binary list. */
const CONTROL_COUNTER = 0x62
const CONTROL_BINARY_LIST = 0x63

/** What a sensor says that can not tell the temperature. */
const TEMPERATURE_UNKNOWN = 0xff

const WRITE_ERROR_COUNTERS = errorCounters(0x02, 'Write Error Counters', 'writtenBytes', 'uncorrectedWriteErrors')
const READ_ERROR_COUNTERS = errorCounters(0x03, 'Read Error Counters', 'readBytes', 'uncorrectedReadErrors')
const VERIFY_ERROR_COUNTERS = errorCounters(0x05, 'Verify Error Counters', 'verifiedBytes', 'uncorrectedVerifyErrors')

const NON_MEDIUM_ERROR = page(
  0x06,
  'Non-Medium Error',
  ({ statistics }) => [counter(0, statistics.sinceReset('nonMediumErrors'))],
  ['nonMediumErrors'],
)

/** SCOPE of a resource count (SBC-3): what is left is shared with other disks, what is used is this one's own. */
const SCOPE = { DEDICATED: 0b01, SHARED: 0b10 } as const

/** Available and used LBA mapping resource counts, in threshold sets. */
const LOGICAL_BLOCK_PROVISIONING: LogPage = {
  ...page(0x0c, 'Logical Block Provisioning', ({ space }) => [
    list(1, resourceCount(space.availableBytes, SCOPE.SHARED)),
    list(2, resourceCount(space.usedBytes, SCOPE.DEDICATED)),
  ]),
  needsSpace: true,
}

const TEMPERATURE = page(0x0d, 'Temperature', () => [list(0, Buffer.from([0, TEMPERATURE_UNKNOWN]))])

/** Accumulated start-stop cycles. */
const START_STOP_CYCLE_COUNTER = page(0x0e, 'Start-Stop Cycle Counter', ({ statistics }) => [
  list(4, unsigned(statistics.startStopCycles, 4)),
])

const SELF_TEST_RESULTS = page(0x10, 'Self-Test Results', ({ selfTestEntries, properties }) =>
  Array.from({ length: SELF_TEST_ENTRIES_MAX }, (_, i) =>
    list(i + 1, selfTestResult(selfTestEntries[i] ?? null, properties.blockLengthBytes)),
  ),
)

/** The unit of the times in a statistics page: a microsecond. */
const TIME_INTERVAL = { negativeExponent: 6, integer: 1, perMs: 1000 } as const

/**
 * General statistics and performance: commands, blocks, and the time that reads and writes took, as far as samples tell.
 * Idle times and weighted numbers are zero, because they would cost every command a look at the clock.
 */
const GENERAL_STATISTICS_AND_PERFORMANCE = page(
  0x19,
  'General Statistics and Performance',
  ({ statistics, properties: { blockLengthBytes } }) => {
    const { readCommands, writeCommands, readBytes, writtenBytes } = statistics
    const blocksReceived = Math.floor(writtenBytes / blockLengthBytes)
    const blocksTransmitted = Math.floor(readBytes / blockLengthBytes)
    const times = [statistics.readProcessingMs, statistics.writeProcessingMs].map((timeMs) =>
      Math.round(timeMs * TIME_INTERVAL.perMs),
    )
    const WEIGHTED = [0, 0]
    const numbers = [readCommands, writeCommands, blocksReceived, blocksTransmitted, ...times, ...WEIGHTED]
    return [
      list(1, Buffer.concat(numbers.map((number) => unsigned(number, 8)))),
      list(2, unsigned(0, 8)),
      list(3, Buffer.concat([unsigned(TIME_INTERVAL.negativeExponent, 4), unsigned(TIME_INTERVAL.integer, 4)])),
    ]
  },
)

const POWER_CONDITION_TRANSITIONS = page(0x1a, 'Power Condition Transitions', ({ statistics }) => {
  const { active, idle_a, idle_b, idle_c, standby_z, standby_y } = statistics.powerConditionTransitions
  const byCode = { 1: active, 2: idle_a, 3: idle_b, 4: idle_c, 8: standby_z, 9: standby_y }
  return Object.entries(byCode).map(([code, count]) => list(Number(code), unsigned(count, 4)))
})

/**
 * The additional sense code and qualifier of the exception, which can be the test device failure only; the temperature, and
 * in the vendor's byte its threshold, where hosts look for it.
 */
const INFORMATIONAL_EXCEPTIONS = page(0x2f, 'Informational Exceptions', ({ isFailureTested }) => {
  const { asc, ascq } = isFailureTested
    ? SENSE.FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE
    : SENSE.NO_ADDITIONAL_SENSE_INFORMATION
  return [list(0, Buffer.from([asc, ascq, TEMPERATURE_UNKNOWN, TEMPERATURE_UNKNOWN]))]
})

/** The pages that have parameters, in ascending order. */
const LOG_PAGES: readonly LogPage[] = [
  WRITE_ERROR_COUNTERS,
  READ_ERROR_COUNTERS,
  VERIFY_ERROR_COUNTERS,
  NON_MEDIUM_ERROR,
  LOGICAL_BLOCK_PROVISIONING,
  TEMPERATURE,
  START_STOP_CYCLE_COUNTER,
  SELF_TEST_RESULTS,
  GENERAL_STATISTICS_AND_PERFORMANCE,
  POWER_CONDITION_TRANSITIONS,
  INFORMATIONAL_EXCEPTIONS,
]

/** The pages that this logical unit has, apart from those that only list others. */
export function logPagesOf({ capabilities }: LogicalUnitProperties): readonly LogPage[] {
  return LOG_PAGES.filter((row) => capabilities.thin || !row.needsSpace)
}

/** The page of `pages` with these codes; null when there is none. */
export function findLogPage(pages: readonly LogPage[], pageCode: number, subpageCode: number): LogPage | null {
  return pages.find((row) => row.pageCode === pageCode && row.subpageCode === subpageCode) ?? null
}

/**
 * A page that lists pages, header included: page 00h the page codes, 00h with subpage FFh all page and subpage codes, any
 * other page code with subpage FFh the subpages of that page. Null for codes that ask for no list.
 */
export function logPageList(all: readonly LogPage[], pageCode: number, subpageCode: number): Buffer | null {
  if (pageCode === 0 && subpageCode === 0) {
    const codes = [0, ...new Set(all.map((row) => row.pageCode))]
    return withHeader(pageCode, subpageCode, Buffer.from(codes))
  }
  if (subpageCode !== ALL_SUBPAGES) return null
  const pages = all.filter((row) => pageCode === 0 || row.pageCode === pageCode)
  if (pages.length === 0) return null
  const lists = pageCode === 0 ? [0, 0, 0, ALL_SUBPAGES] : []
  const codes = [...lists, ...pages.flatMap((row) => [row.pageCode, row.subpageCode])]
  const own = pageCode === 0 ? [] : [pageCode, ALL_SUBPAGES]
  return withHeader(pageCode, subpageCode, Buffer.from([...codes, ...own]))
}

/** A page in wire format, with these of its parameters. Ownership: a fresh buffer. */
export function encodeLogPage({ pageCode, subpageCode }: LogPage, parameters: readonly LogParameter[]): Buffer {
  return withHeader(pageCode, subpageCode, Buffer.concat(parameters.map(encodeParameter)))
}

function withHeader(pageCode: number, subpageCode: number, body: Buffer): Buffer {
  const SPF = 0x40
  const header = Buffer.from([(subpageCode === 0 ? 0 : SPF) | pageCode, subpageCode, 0, 0])
  header.writeUInt16BE(body.length, 2)
  return Buffer.concat([header, body])
}

function encodeParameter({ code, value, isCounter }: LogParameter): Buffer {
  const header = Buffer.from([code >> 8, code & 0xff, isCounter ? CONTROL_COUNTER : CONTROL_BINARY_LIST, value.length])
  return Buffer.concat([header, value])
}

function page(
  pageCode: number,
  name: string,
  parameters: LogPage['parameters'],
  counters: LogPage['counters'] = [],
): LogPage {
  return { pageCode, subpageCode: 0, name, parameters, counters, needsSpace: false }
}

/** Total errors corrected, total bytes processed, total uncorrected errors (SPC-3 table 207). */
function errorCounters(
  pageCode: number,
  name: string,
  bytes: ResettableCounter,
  uncorrected: ResettableCounter,
): LogPage {
  return page(
    pageCode,
    name,
    ({ statistics }) => [
      counter(3, 0),
      counter(5, statistics.sinceReset(bytes)),
      counter(6, statistics.sinceReset(uncorrected)),
    ],
    [bytes, uncorrected],
  )
}

function counter(code: number, value: number): LogParameter {
  return { code, value: unsigned(value, 8), isCounter: true }
}

function list(code: number, value: Buffer): LogParameter {
  return { code, value, isCounter: false }
}

/** A big-endian number that stays at its largest value. */
function unsigned(value: number, byteCount: number): Buffer {
  const data = Buffer.alloc(byteCount)
  if (byteCount === 8) data.writeBigUInt64BE(BigInt(value))
  else data.writeUIntBE(Math.min(value, 2 ** (byteCount * 8) - 1), 0, byteCount)
  return data
}

/** A resource count, its scope and three reserved bytes (SBC-3). */
function resourceCount(byteCount: number, scope: number): Buffer {
  return Buffer.concat([unsigned(Math.floor(byteCount / THRESHOLD_SET_BYTES), 4), Buffer.from([scope, 0, 0, 0])])
}

/** The value of a self-test results log parameter (SPC-3 table 216); all zero for a test that never ran. */
function selfTestResult(entry: SelfTestEntry | null, blockLengthBytes: number): Buffer {
  const value = Buffer.alloc(16)
  if (entry === null) return value
  const { code, result, hours, failedOffsetBytes, condition } = entry
  value[0] = (code << 5) | result
  value.writeUInt16BE(Math.min(hours, 0xffff), 2)
  if (failedOffsetBytes === null) value.fill(0xff, 4, 12)
  else value.writeBigUInt64BE(BigInt(Math.floor(failedOffsetBytes / blockLengthBytes)), 4)
  value[12] = condition.key
  value[13] = condition.asc
  value[14] = condition.ascq
  return value
}
