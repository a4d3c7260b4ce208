import type { SerializedError } from 'vitest'
import { describe, expect, it } from 'vitest'
import type { TestModule, TestSpecification } from 'vitest/node'
import { CountingReporter, formatCount } from '../../support/count-tests.ts'

type State = 'passed' | 'failed' | 'skipped' | 'pending'

/** As much of vitest's module as the count looks at. */
function fakeModule(
  moduleId: string,
  tests: State[],
  state = 'passed',
  errors: object[] = [],
  suiteErrors: object[] = [],
) {
  const children = {
    allTests: () => tests.map((test) => ({ result: () => ({ state: test }) })),
    allSuites: () => [{ errors: () => suiteErrors }],
  }
  return { moduleId, children, errors: () => errors, state: () => state } as unknown as TestModule
}

function countOf(
  modules: TestModule[],
  unhandledErrors: number,
  planned = modules.map((module) => module.moduleId),
): string {
  const reporter = new CountingReporter()
  reporter.onTestRunStart(planned.map((moduleId) => ({ moduleId }) as TestSpecification))
  reporter.onTestRunEnd(modules, Array<SerializedError>(unhandledErrors).fill({ message: 'late' }))
  return formatCount(reporter.count())
}

describe('the count of tests', () => {
  it('adds up all files', () => {
    const modules = [fakeModule('a', ['passed', 'skipped']), fakeModule('b', ['passed', 'failed'], 'failed')]
    expect(countOf(modules, 0)).toBe('2 passed, 1 failed, 1 skipped')
  })

  it.each([
    ['a file that cannot be loaded', fakeModule('a', [], 'failed', [{}])],
    ['a file that fails without saying why', fakeModule('a', [], 'failed')],
    ['a file whose worker died', fakeModule('a', [], 'queued')],
    ['a hook that fails', fakeModule('a', ['skipped'], 'failed', [], [{}])],
    ['a test that never ended', fakeModule('a', ['pending'], 'failed')],
  ])('takes %s for a failure', (_title, module) => {
    expect(countOf([module], 0)).toContain(' 1 failed')
  })

  it('takes errors outside every test for failures', () => {
    expect(countOf([fakeModule('a', ['passed'])], 2)).toBe('1 passed, 2 failed, 0 skipped')
  })

  it('takes a file that was planned and never heard of for a failure', () => {
    expect(countOf([fakeModule('a', ['passed'])], 0, ['a', 'b'])).toBe('1 passed, 1 failed, 0 skipped')
  })

  it('is a failure when the run never ended', () => {
    expect(formatCount(new CountingReporter().count())).toBe('0 passed, 1 failed, 0 skipped')
  })
})
