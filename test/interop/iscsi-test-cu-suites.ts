/**
 * How the server is judged by `iscsi-test-cu`: which suites may not fail a single test, what server each suite needs,
 * and the table of all results. The interop test and `npm run conformance` are its two users, so that both run the same.
 */

import { createSparseFile } from '../support/disk-files.ts'
import { listSuites, type Outcome, runSuite, type SuiteOutcome } from '../support/iscsi-test-cu.ts'
import { formatMarkdownTable } from '../support/markdown-table.ts'
import { startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** The name of the table's marker lines in README.md. */
export const README_TABLE = 'iscsi-test-cu'

/** No test of these suites may fail. */
export const MANDATORY_SUITES: readonly string[] = [
  ...['iSCSIcmdsn', 'iSCSIdatasn', 'iSCSIResiduals', 'iSCSITMF'],
  ...['Inquiry', 'Mandatory', 'NoMedia', 'ReadOnly', 'ReportSupportedOpcodes', 'TestUnitReady'],
  ...['PrinReadKeys', 'PrinReportCapabilities', 'PrinServiceactionRange'],
  ...['ProutClear', 'ProutPreempt', 'ProutRegister', 'ProutReserve', 'Reserve6'],
  ...['Read6', 'Read10', 'Read12', 'Read16', 'ReadCapacity10', 'ReadCapacity16'],
  ...['MultipathIO', 'Sanitize', 'Verify10', 'Verify12', 'Verify16', 'Write10', 'Write12', 'Write16'],
  ...['ExtendedCopy', 'ReceiveCopyResults'],
  ...['CompareAndWrite', 'GetLBAStatus', 'OrWrite', 'Prefetch10', 'Prefetch16', 'ReadCapacity16'],
  ...['ReadDefectData10', 'ReadDefectData12', 'Unmap', 'WriteAtomic16'],
  ...['WriteSame10', 'WriteSame16', 'WriteVerify10', 'WriteVerify12', 'WriteVerify16'],
]

/** Suites that say nothing about an ordinary disk and need a server of their own. */
const SERVER_ARGS: Readonly<Record<string, readonly string[]>> = {
  ReadOnly: ['--read-only'],
  CompareAndWrite: ['--physical-block-size', '8192'],
}

const DISK_BYTES = 2 ** 30

/** A second target port, for suites that want another path. */
const SECOND_PATH = ['--listen', '127.0.0.1:0,2']

/** Runs every suite in turn, each against a fresh server and a fresh disk, and passes on each result as it comes. */
export async function runAllSuites(
  args: readonly string[],
  report: (outcome: SuiteOutcome) => void = () => undefined,
): Promise<SuiteOutcome[]> {
  const outcomes: SuiteOutcome[] = []
  for (const [suite, testNames] of await listSuites()) {
    const outcome = await runSuiteOnFreshDisk(suite, testNames, args)
    report(outcome)
    outcomes.push(outcome)
  }
  return outcomes
}

/**
 * Tests that need a server of their own: it begins at once where the one before it left a session without a logout, whose
 * reservation still stands.
 */
const ALONE: Readonly<Record<string, string>> = { Sanitize: 'Reset' }

/** Runs one suite, each of its tests on a disk that is fresh enough for it. */
export async function runSuiteOnFreshDisk(
  suite: string,
  testNames: readonly string[],
  args: readonly string[] = [],
): Promise<SuiteOutcome> {
  const alone = ALONE[suite]
  const { tests } = await runOnFreshDisk(suite, suite, testNames, args)
  if (alone === undefined) return { suite, tests }
  const [repeated] = (await runOnFreshDisk(suite, `${suite}.${alone}`, [alone], args)).tests
  return { suite, tests: tests.map((test) => (test.name === alone ? repeated! : test)) }
}

/** Runs `tests`, a suite or one test of it, against the first of two disks of a server that has two target ports. */
async function runOnFreshDisk(
  suite: string,
  tests: string,
  testNames: readonly string[],
  args: readonly string[],
): Promise<SuiteOutcome> {
  using directory = temporaryDirectory()
  const disks = [directory.file('disk.img'), directory.file('other.img')]
  for (const disk of disks) createSparseFile(disk, DISK_BYTES)
  await using server = await startServer({
    directory: directory.path,
    args: [...disks, ...args, ...SECOND_PATH, ...(SERVER_ARGS[suite] ?? [])],
  })
  const ports = [...server.output().matchAll(/^listening on .+:(\d+)$/gm)].map(([, port]) => Number(port))
  const secondPort = ports.find((port) => port !== server.port)!
  return await runSuite(server.url(0), tests, testNames, server.url(0, { port: secondPort }))
}

const COLUMNS: readonly Outcome[] = ['passed', 'failed', 'skipped']

/** The results as a Markdown table with aligned columns, one row a suite, and a row of sums. */
export function formatTable(outcomes: readonly SuiteOutcome[]): string {
  const rowOf = (title: string, suites: readonly SuiteOutcome[]): string[] => {
    const tests = suites.flatMap((suite) => suite.tests)
    return [title, ...COLUMNS.map((outcome) => `${tests.filter((test) => test.outcome === outcome).length}`)]
  }
  const rows = [...outcomes.map((outcome) => rowOf(outcome.suite, [outcome])), rowOf('**All**', outcomes)]
  return formatMarkdownTable(['Suite', 'Passed', 'Failed', 'Skipped'], rows, 1)
}
