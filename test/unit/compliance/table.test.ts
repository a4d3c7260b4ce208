import { describe, expect, it } from 'vitest'
import { formatSections } from '../../compliance/requirement.ts'
import { NOT_APPLICABLE, REQUIREMENTS } from '../../compliance/requirements.ts'
import { formatRequirements, formatTotals, judge } from '../../compliance/table.ts'

const judged = judge(new Set(['PDU-1', 'PDU-2']), new Set(['PDU-3']))
const cellsOf = (line: string) => line.split('|').map((cell) => cell.trim())

describe('the compliance table', () => {
  it('has one row for each requirement, with its result or why it cannot apply', () => {
    const lines = formatRequirements(judged).split('\n')
    expect(lines.length).toBe(2 + REQUIREMENTS.length)
    const results = new Map(lines.map((line) => [cellsOf(line)[1], cellsOf(line)[5]]))
    expect(['PDU-1', 'PDU-3', 'PDU-4', 'SEC-22'].map((id) => results.get(id))).toEqual([
      'passed',
      'failed',
      'no test',
      `not applicable: ${NOT_APPLICABLE['SEC-22']}`,
    ])
  })

  it('counts each group and all of them', () => {
    const lines = formatTotals(judged).split('\n').map(cellsOf)
    expect(lines.find(([, group]) => group === 'PDU')!.slice(3, -1)).toEqual(['20', '2', '1', '0', '17'])
    const inapplicable = Object.keys(NOT_APPLICABLE).length
    expect(lines.at(-1)!.slice(3, -1)).toEqual(['371', '2', '1', `${inapplicable}`, `${371 - 3 - inapplicable}`])
  })

  it('says of which document a section is', () => {
    expect(formatSections('11.2, 11.3')).toBe('RFC 7143 11.2, 11.3')
    expect(formatSections('RFC 7144 5.2')).toBe('RFC 7144 5.2')
  })
})
