/**
 * `npm run conformance`: runs all suites of iscsi-test-cu and prints the table of results as Markdown. With --write it
 * also brings the table in README.md up to date; with --check it fails when the one there differs. Reasons for tests
 * that failed go to stderr.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readTable, replaceTable } from '../support/readme-table.ts'
import { installMissingTools } from '../support/tools.ts'
import { formatTable, README_TABLE, runAllSuites } from './iscsi-test-cu-suites.ts'

const README = resolve(import.meta.dirname, '../../README.md')

const { values } = parseArgs({ options: { write: { type: 'boolean' }, check: { type: 'boolean' } } })
if (installMissingTools(['iscsi-test-cu']).length > 0) process.exit(1)

const outcomes = await runAllSuites([], ({ suite, tests }) => {
  for (const test of tests) {
    if (test.outcome === 'failed') process.stderr.write(`${suite}.${test.name} failed: ${test.detail.trim()}\n`)
  }
})
const table = formatTable(outcomes)
process.stdout.write(`${table}\n`)

const readme = readFileSync(README, 'utf8')
if (values.write) writeFileSync(README, replaceTable(readme, README_TABLE, table))
if (values.check && readTable(readme, README_TABLE) !== table) {
  process.stderr.write(
    'The table in README.md is not this one. Bring it up to date with: npm run conformance -- --write\n',
  )
  process.exitCode = 1
}
