import { describe, expect, it } from 'vitest'
import { readResults, type TestReport } from '../../compliance/results.ts'

type File = TestReport['testResults'][number]

function file(assertionResults: File['assertionResults'], status = 'passed', message = ''): File {
  return { name: 'a.test.ts', status, message, assertionResults }
}

const outcome = (fullName: string, status: string, ...failureMessages: string[]) => ({
  fullName,
  status,
  failureMessages,
})

const resultsOf = (report: TestReport) => readResults(report, (path) => (path === 'a.test.ts' ? ['PDU-9'] : []))

describe('the results of a run', () => {
  it('pass a requirement whose tests all passed', () => {
    const tests = [outcome('[PDU-1] a', 'passed'), outcome('[PDU-1] [PDU-2] b', 'passed')]
    const { passed, failed, failures } = resultsOf({ success: true, testResults: [file(tests)] })
    expect([[...passed], [...failed], failures]).toEqual([['PDU-1', 'PDU-2'], [], []])
  })

  it('fail a requirement that one of its tests failed for, in whichever file', () => {
    const first = file([outcome('[PDU-1] a', 'passed')])
    const second = file([outcome('[PDU-1] b', 'failed', 'expected 1\nto be 2')], 'failed')
    for (const testResults of [
      [first, second],
      [second, first],
    ]) {
      const { passed, failed, failures } = resultsOf({ success: false, testResults })
      expect([[...passed], [...failed], failures]).toEqual([[], ['PDU-1'], ['[PDU-1] b: expected 1']])
    }
  })

  it.each(['skipped', 'pending', 'todo'])('take nothing from a test that is %s', (status) => {
    const { passed, failed, failures } = resultsOf({
      success: true,
      testResults: [file([outcome('[PDU-1]', status)])],
    })
    expect([passed.size, failed.size, failures]).toEqual([0, 0, []])
  })

  it('fail what a file carries that failed without a test of it', () => {
    const broken = file([], 'failed', 'SyntaxError\nat line 1')
    const unclean = file([outcome('[PDU-9]', 'passed')], 'failed', 'something is left')
    for (const [testFile, message] of [
      [broken, 'SyntaxError'],
      [unclean, 'something is left'],
    ] as const) {
      const { passed, failed, failures } = resultsOf({ success: false, testResults: [testFile] })
      expect([[...passed], [...failed], failures]).toEqual([[], ['PDU-9'], [`a.test.ts: ${message}`]])
    }
  })

  it('tell of errors outside of every test', () => {
    expect(resultsOf({ success: false, testResults: [file([])] }).failures).toEqual(['an error outside of every test'])
  })
})
