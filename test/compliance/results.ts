/** What a run of the tests showed of each requirement: the results that vitest's JSON reporter writes, by id. */

import { idsInTitle } from './titles.ts'

/** As much of vitest's JSON report as is read here. */
export interface TestReport {
  /** False also when an error happened outside of every test. */
  readonly success: boolean
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[] | null
    }[]
  }[]
}

export interface RunResults {
  /** The requirements that at least one test passed for, and no test failed for. */
  readonly passed: ReadonlySet<string>
  readonly failed: ReadonlySet<string>
  /** Tests, files and runs that went wrong, one sentence each, with ids or without. */
  readonly failures: readonly string[]
}

const NOT_RUN: readonly string[] = ['skipped', 'pending', 'todo', 'disabled']

/**
 * Sort the outcomes of all tests under the ids of their titles. A test that did not run shows nothing, and a file that
 * failed for another reason than its tests (it could not be loaded, or left something behind) fails all that
 * `idsOfFile` says it carries.
 */
export function readResults(report: TestReport, idsOfFile: (path: string) => Iterable<string>): RunResults {
  const passed = new Set<string>()
  const failed = new Set<string>()
  const failures: string[] = []
  for (const file of report.testResults) {
    let isExplained = file.status === 'passed'
    for (const { fullName, status, failureMessages } of file.assertionResults) {
      const ids = idsInTitle(fullName)
      if (status === 'passed') {
        for (const id of ids) passed.add(id)
      } else if (!NOT_RUN.includes(status)) {
        isExplained = true
        for (const id of ids) failed.add(id)
        failures.push(`${fullName}: ${firstLine(failureMessages?.[0])}`)
      }
    }
    if (isExplained) continue
    for (const id of idsOfFile(file.name)) failed.add(id)
    failures.push(`${file.name}: ${firstLine(file.message)}`)
  }
  if (!report.success && failures.length === 0) failures.push('an error outside of every test')
  for (const id of failed) passed.delete(id)
  return { passed, failed, failures }
}

function firstLine(message: string | undefined): string {
  return message?.split('\n')[0] || 'failed without a message'
}
