/**
 * libiscsi's conformance suite `iscsi-test-cu`, one suite of its tests at a time. Its exit code says little (tests that
 * it skips count as passed), so the CUnit text is read: a test line, what the test printed, then `passed` or `FAILED`.
 * A test that announces a skip is skipped, and one that has no verdict because the suite crashed, hung or could not log
 * in has failed.
 */

import { describeExit } from './child-processes.ts'
import { runTool, type ToolResult, tryTool } from './run-tool.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export type Outcome = 'passed' | 'failed' | 'skipped'

export interface TestOutcome {
  readonly name: string
  readonly outcome: Outcome
  /** What the test printed, for failure messages and reasons of skips. */
  readonly detail: string
}

export interface SuiteOutcome {
  readonly suite: string
  readonly tests: readonly TestOutcome[]
}

/** Long enough for suites that wait for timeouts of their own on purpose: one looks again only after a minute. */
const SUITE_TIMEOUT_MS = 200_000

/** Each suite with the names of its tests, as this version of iscsi-test-cu lists them. */
export async function listSuites(): Promise<Map<string, string[]>> {
  return parseList(await runTool('iscsi-test-cu', ['--list']))
}

/** Runs one suite against the logical unit at `url`, and at `secondUrl` through another path. Its data are lost. */
export async function runSuite(
  url: string,
  suite: string,
  testNames: readonly string[],
  secondUrl: string | null = null,
): Promise<SuiteOutcome> {
  using directory = temporaryDirectory()
  // Line buffering keeps what was printed before a crash.
  const urls = secondUrl === null ? [url] : [url, secondUrl]
  const args = ['-oL', 'iscsi-test-cu', '--dataloss', '--allow-sanitize', '--test', `ALL.${suite}`, ...urls]
  const result = await tryTool('stdbuf', args, { cwd: directory.path, timeoutMs: SUITE_TIMEOUT_MS })
  return { suite, tests: judgeSuite(result, testNames) }
}

/** The lines `ALL.SUITE.TEST` of `iscsi-test-cu --list`; the other families repeat them. */
export function parseList(text: string): Map<string, string[]> {
  const suites = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [family, suite, test] = line.trim().split('.')
    if (family !== 'ALL' || suite === undefined || test === undefined) continue
    const tests = suites.get(suite) ?? []
    tests.push(test)
    suites.set(suite, tests)
  }
  return suites
}

/** The outcome of each of `testNames`, in that order, from how a run of their suite ended and what it printed. */
export function judgeSuite(result: ToolResult, testNames: readonly string[]): TestOutcome[] {
  const blocks = new Map(splitTests(result.stdout).map((block) => [block.name, block.body]))
  const end = result.hasTimedOut
    ? 'the suite did not end within its time'
    : `the suite ended with ${describeExit(result)}`
  return testNames.map((name) => {
    const body = blocks.get(name)
    if (body === undefined) return { name, outcome: 'failed', detail: `not run: ${end}\n${result.stderr}` }
    // What comes behind the verdict is iscsi-test-cu's own clearing up.
    const [detail, verdict] = /^[\s\S]*?^(passed|FAILED)(?:\n {4}\d+\. .*)*/m.exec(body) ?? []
    if (detail === undefined) return { name, outcome: 'failed', detail: `no verdict: ${end}\n${body}${result.stderr}` }
    if (verdict === 'FAILED') return { name, outcome: 'failed', detail }
    return { name, outcome: detail.includes('[SKIPPED]') ? 'skipped' : 'passed', detail }
  })
}

function splitTests(stdout: string): { name: string; body: string }[] {
  const tests = stdout
    .split('\nRun Summary:')[0]!
    .split(/^ {2}Test: /m)
    .slice(1)
  return tests.map((block) => {
    const [, name, body] = /^(.*?) \.\.\.([\s\S]*)$/.exec(block) ?? [null, block.trim(), '']
    return { name: name!, body: body! }
  })
}
