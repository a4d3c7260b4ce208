import { describe, expect, it } from 'vitest'
import { judgeSuite, parseList } from '../../support/iscsi-test-cu.ts'

const ended = { exitCode: 0, signal: null, stderr: '', hasTimedOut: false }
const SUMMARY = '\nRun Summary:    Type  Total    Ran Passed Failed Inactive\n'

/** The text of a real run, shortened. */
const OUTPUT = `
     CUnit - A unit testing framework for C - Version 2.1-3

Suite: Reserve6
  Test: Simple ...passed
  Test: 2Initiators ...    Take out a RESERVE6 from the first initiator
    [FAILED] MODESENSE6 successful but should have failed
FAILED
    1. test_reserve6_2initiators.c:70  - CU_ASSERT_EQUAL(_r,0)
    2. test_reserve6_2initiators.c:71  - CU_ASSERT_EQUAL(_r,0)
  Test: TargetColdReset ...    [SKIPPED] Task Management function is not working/implemented

passed
  Test: LUNReset ...passed    [SKIPPED] PERSISTENT RESERVE IN is not implemented.
`

const NAMES = ['Simple', '2Initiators', 'TargetColdReset', 'LUNReset']
const outcomes = (stdout: string, how: object = {}): string[] =>
  judgeSuite({ ...ended, ...how, stdout }, NAMES).map((test) => test.outcome)

describe('judgeSuite', () => {
  it('tells passed, failed and skipped apart, whatever is cleared up afterwards', () => {
    expect(outcomes(OUTPUT + SUMMARY)).toEqual(['passed', 'failed', 'skipped', 'passed'])
  })

  it('keeps the failed assertions for the message', () => {
    const failed = judgeSuite({ ...ended, stdout: OUTPUT + SUMMARY }, NAMES)[1]!
    expect(failed.detail).toContain('2. test_reserve6_2initiators.c:71')
  })

  it('counts a test without a verdict and those behind it as failed', () => {
    const crashed = OUTPUT.slice(0, OUTPUT.indexOf('FAILED\n    1.'))
    expect(outcomes(crashed, { exitCode: null, signal: 'SIGSEGV' })).toEqual(['passed', 'failed', 'failed', 'failed'])
  })

  it('counts every test as failed when the login fails, and says why', () => {
    const tests = judgeSuite({ ...ended, exitCode: 255, stdout: '', stderr: 'Login Failed.' }, NAMES)
    expect(tests.map((test) => test.outcome)).toEqual(['failed', 'failed', 'failed', 'failed'])
    expect(tests[0]!.detail).toContain('exit code 255\nLogin Failed.')
  })
})

describe('parseList', () => {
  it('takes every suite once', () => {
    const text = 'ALL\nALL.Read6\nALL.Read6.Simple\nALL.Read6.BeyondEol\nSCSI\nSCSI.Read6\nSCSI.Read6.Simple\n'
    expect([...parseList(text)]).toEqual([['Read6', ['Simple', 'BeyondEol']]])
  })
})
