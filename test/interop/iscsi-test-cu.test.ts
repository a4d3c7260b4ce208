import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { listSuites, type SuiteOutcome } from '../support/iscsi-test-cu.ts'
import { readTable } from '../support/readme-table.ts'
import { missingTools } from '../support/tools.ts'
import { formatTable, README_TABLE, runSuiteInItsSetups, SKIPPED_TESTS } from './iscsi-test-cu-suites.ts'

const README = resolve(import.meta.dirname, '../../README.md')

const suites = missingTools(['iscsi-test-cu']).length === 0 ? await listSuites() : new Map<string, string[]>()

describeWithTools(['iscsi-test-cu'], 'iscsi-test-cu on 512-byte blocks', () => {
  const outcomes: SuiteOutcome[] = []

  it.each([...suites])('%s', async (suite, testNames) => {
    const outcome = await runSuiteInItsSetups(suite, testNames)
    outcomes.push(outcome)
    expect(failuresOf(outcome)).toEqual([])
    expect(skipsOf(outcome).filter((test) => !SKIPPED_TESTS.includes(test))).toEqual([])
  })

  it('gives the table in the README', () => {
    expect(readTable(readFileSync(README, 'utf8'), README_TABLE)).toBe(formatTable(outcomes))
  })
})

describeWithTools(['iscsi-test-cu'], 'iscsi-test-cu on 4096-byte blocks', () => {
  it.each([...suites])('%s', async (suite, testNames) => {
    expect(failuresOf(await runSuiteInItsSetups(suite, testNames, ['--block-size', '4096']))).toEqual([])
  })
})

function failuresOf(outcome: SuiteOutcome): string[] {
  return outcome.tests.filter((test) => test.outcome === 'failed').map((test) => `${test.name}: ${test.detail}`)
}

function skipsOf({ suite, tests }: SuiteOutcome): string[] {
  return tests.filter((test) => test.outcome === 'skipped').map((test) => `${suite}.${test.name}`)
}
