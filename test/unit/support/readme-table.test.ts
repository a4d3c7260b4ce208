import { describe, expect, it } from 'vitest'
import { formatTable } from '../../interop/iscsi-test-cu-suites.ts'
import { readTable, replaceTable } from '../../support/readme-table.ts'

const README = 'Before\n<!-- iscsi-test-cu: begin -->\nold\n<!-- iscsi-test-cu: end -->\nAfter\n'

describe('the table in the README', () => {
  it('is replaced between its markers and read back', () => {
    const readme = replaceTable(README, 'iscsi-test-cu', '| a |\n| b |')
    expect(readme).toBe('Before\n<!-- iscsi-test-cu: begin -->\n\n| a |\n| b |\n\n<!-- iscsi-test-cu: end -->\nAfter\n')
    expect(readTable(readme, 'iscsi-test-cu')).toBe('| a |\n| b |')
    expect(replaceTable(readme, 'iscsi-test-cu', '| a |\n| b |')).toBe(readme)
  })

  it('needs its markers', () => {
    expect(() => readTable('nothing', 'iscsi-test-cu')).toThrow('<!-- iscsi-test-cu: begin -->')
  })

  it('counts each suite and all of them', () => {
    const test = (outcome: 'passed' | 'failed' | 'skipped') => ({ name: 'x', outcome, detail: '' })
    const table = formatTable([
      { suite: 'Read6', tests: [test('passed'), test('skipped')] },
      { suite: 'Unmap', tests: [test('failed')] },
    ])
    expect(table.split('\n')).toEqual([
      '| Suite   | Passed | Failed | Skipped |',
      '| ------- | -----: | -----: | ------: |',
      '| Read6   |      1 |      0 |       1 |',
      '| Unmap   |      0 |      1 |       0 |',
      '| **All** |      1 |      1 |       1 |',
    ])
  })
})
