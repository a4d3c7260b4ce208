/**
 * `npm run compliance`: runs the tests that carry ids of requirements in their titles and prints the compliance table
 * and its totals. With --write it also brings the totals in README.md up to date; with --results FILE it reads what
 * `npx vitest run --reporter=json --outputFile=FILE` has written instead of running the tests again. The exit code is 1
 * when a requirement has neither a passing test nor a reason why it cannot apply, or when any test failed.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { replaceTable } from '../support/readme-table.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { ROOT, readSourceFiles } from '../tidy/source-files.ts'
import { readResults, type TestReport } from './results.ts'
import { formatRequirements, formatTotals, judge } from './table.ts'
import { carriedIds } from './titles.ts'

const README = join(ROOT, 'README.md')

const { values } = parseArgs({ options: { results: { type: 'string' }, write: { type: 'boolean' } } })

const carried = carriedIds(readSourceFiles())
const report = values.results === undefined ? await run() : read(values.results)
const idsOfFile = (path: string) => carried.get(relative(ROOT, path).replaceAll('\\', '/')) ?? []
const { passed, failed, failures } = readResults(report, idsOfFile)
const judged = judge(passed, failed)
const totals = formatTotals(judged)
for (const failure of failures) process.stderr.write(`${failure}\n`)
if (values.write) writeFileSync(README, replaceTable(readFileSync(README, 'utf8'), 'compliance', totals))
const isComplete = judged.every(({ verdict }) => verdict === 'passed' || verdict === 'notApplicable')
const exitCode = isComplete && failures.length === 0 ? 0 : 1
process.stdout.write(`${formatRequirements(judged)}\n\n${totals}\n`, () => process.exit(exitCode))

/** Run every file whose titles carry ids. */
async function run(): Promise<TestReport> {
  const paths = [...carried.keys()]
  process.stderr.write(`running ${paths.length} test files\n`)
  using directory = temporaryDirectory()
  const outputFile = directory.file('results.json')
  const vitest = await startVitest(
    paths,
    { watch: false, reporters: ['json'], outputFile },
    {},
    { stdout: process.stderr },
  )
  await vitest.close()
  return read(outputFile)
}

function read(path: string): TestReport {
  return JSON.parse(readFileSync(path, 'utf8')) as TestReport
}
