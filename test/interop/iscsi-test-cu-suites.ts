/**
 * How the server is judged by `iscsi-test-cu`: what servers each suite is run against, which tests cannot run, and the
 * table of all results. The interop test and `npm run conformance` are its two users, so that both run the same.
 */

import { createSparseFile } from '../support/disk-files.ts'
import { listSuites, type Outcome, runSuite, type SuiteOutcome, type TestOutcome } from '../support/iscsi-test-cu.ts'
import { formatMarkdownTable } from '../support/markdown-table.ts'
import { startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** The name of the table's marker lines in README.md. */
export const README_TABLE = 'iscsi-test-cu'

/** A server to run a suite against, and the ways to its disk that the suite is told of. */
interface Setup {
  readonly args: readonly string[]
  readonly paths: 1 | 2
}

const PLAIN: Setup = { args: [], paths: 1 }
/** Through two target ports. Their second initiator is the other path then, and otherwise a session of another name. */
const TWO_PATHS: Setup = { args: [], paths: 2 }
const COARSE: Setup = { args: ['--physical-block-size', '8192'], paths: 1 }
const READ_ONLY: Setup = { args: ['--read-only'], paths: 1 }
const REMOVABLE: Setup = { args: ['--removable'], paths: 1 }

/**
 * The servers of suites that a plain disk leaves nothing or not everything to test. Sanitize is not run through two paths:
 * its Reservations then leaves the reservation of the second path behind, which its Reset, rightly, cannot overcome.
 */
const SETUPS: Readonly<Record<string, readonly Setup[]>> = {
  CompareAndWrite: [PLAIN, COARSE],
  MultipathIO: [TWO_PATHS],
  NoMedia: [REMOVABLE],
  PreventAllow: [REMOVABLE, { ...REMOVABLE, paths: 2 }],
  ProutPreempt: [PLAIN, TWO_PATHS],
  ProutReserve: [PLAIN, TWO_PATHS],
  ReadOnly: [READ_ONLY],
  Reserve6: [PLAIN, TWO_PATHS],
  StartStopUnit: [REMOVABLE],
  WriteSame10: [PLAIN, COARSE],
  WriteSame16: [PLAIN, COARSE],
}

/**
 * The tests that skip themselves on every server. These see that a length of zero is refused, as WSNZ says, and have
 * nothing more to ask; with WSNZ zero WriteSame10.UnmapUntilEnd would expect a block that is not zero to be unmapped.
 */
export const SKIPPED_TESTS: readonly string[] = ['WriteSame10.ZeroBlocks', 'WriteSame16.ZeroBlocks']

const DISK_BYTES = 2 ** 30

/** Runs every suite in turn, each against fresh servers and disks, and passes on each result as it comes. */
export async function runAllSuites(
  args: readonly string[],
  report: (outcome: SuiteOutcome) => void = () => undefined,
): Promise<SuiteOutcome[]> {
  const outcomes: SuiteOutcome[] = []
  for (const [suite, testNames] of await listSuites()) {
    const outcome = await runSuiteInItsSetups(suite, testNames, args)
    report(outcome)
    outcomes.push(outcome)
  }
  return outcomes
}

/**
 * Runs one suite against each of its servers, which get `args` too. A test has failed when it fails anywhere, and is
 * skipped when it is skipped everywhere.
 */
export async function runSuiteInItsSetups(
  suite: string,
  testNames: readonly string[],
  args: readonly string[] = [],
): Promise<SuiteOutcome> {
  const runs: SuiteOutcome[] = []
  for (const setup of SETUPS[suite] ?? [PLAIN]) runs.push(await runOnFreshDisk(suite, testNames, setup, args))
  return { suite, tests: testNames.map((_, at) => combine(runs.map(({ tests }) => tests[at]!))) }
}

/** The outcome of one test from those of its runs. */
function combine(runs: readonly TestOutcome[]): TestOutcome {
  const decisive = (['failed', 'passed', 'skipped'] as const).map((outcome) =>
    runs.find((run) => run.outcome === outcome),
  )
  return decisive.find((run) => run !== undefined)!
}

/** Runs a suite against the first of two disks of a server that has two target ports. */
async function runOnFreshDisk(
  suite: string,
  testNames: readonly string[],
  setup: Setup,
  args: readonly string[],
): Promise<SuiteOutcome> {
  using directory = temporaryDirectory()
  const disks = [directory.file('disk.img'), directory.file('other.img')]
  for (const disk of disks) createSparseFile(disk, DISK_BYTES)
  await using server = await startServer({
    directory: directory.path,
    args: [...disks, ...args, ...setup.args, '--listen', '127.0.0.1:0,2'],
  })
  const ports = [...server.output().matchAll(/^listening on .+:(\d+)$/gm)].map(([, port]) => Number(port))
  const secondPort = ports.find((port) => port !== server.port)!
  const secondUrl = setup.paths === 2 ? server.url(0, { port: secondPort }) : null
  return await runSuite(server.url(0), suite, testNames, secondUrl)
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
