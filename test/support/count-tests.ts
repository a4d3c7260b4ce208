/**
 * Counts what a vitest run did for its last line of output. The count is never better than the truth: a file that
 * crashed, a hook that failed, a test that never ended and an error outside every test are failures of their own.
 */

import type { SerializedError } from 'vitest'
import type { Reporter, TestModule, TestSpecification } from 'vitest/node'

export interface TestCount {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** A vitest reporter that prints nothing; `count()` is valid when the run has ended. */
export class CountingReporter implements Reporter {
  #plannedModuleIds: readonly string[] = []
  #count: TestCount = { passed: 0, failed: 1, skipped: 0 }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#plannedModuleIds = specifications.map((specification) => specification.moduleId)
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const finished = new Set(modules.map((module) => module.moduleId))
    const lost = this.#plannedModuleIds.filter((id) => !finished.has(id)).length
    this.#count = sumCounts([
      ...modules.map(countModule),
      { passed: 0, failed: lost + unhandledErrors.length, skipped: 0 },
    ])
  }

  count(): TestCount {
    return this.#count
  }
}

/** The last line of a test run. */
export function formatCount(count: TestCount): string {
  return `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`
}

function countModule(module: TestModule): TestCount {
  const states = [...module.children.allTests()].map((test) => test.result().state)
  const suites = [module, ...module.children.allSuites()]
  const brokenSuites = suites.filter((suite) => suite.errors().length > 0).length
  const failedTests = states.filter((state) => state !== 'passed' && state !== 'skipped').length
  const failed = failedTests + brokenSuites
  const isUnaccountedFailure = failed === 0 && !['passed', 'skipped'].includes(module.state())
  return {
    passed: states.filter((state) => state === 'passed').length,
    failed: failed + (isUnaccountedFailure ? 1 : 0),
    skipped: states.filter((state) => state === 'skipped').length,
  }
}

function sumCounts(counts: readonly TestCount[]): TestCount {
  const sum = (pick: (count: TestCount) => number): number => counts.reduce((total, count) => total + pick(count), 0)
  return {
    passed: sum((count) => count.passed),
    failed: sum((count) => count.failed),
    skipped: sum((count) => count.skipped),
  }
}
