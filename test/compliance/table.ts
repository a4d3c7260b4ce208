/** The compliance table: one row a requirement with what the tests showed of it, and the totals by group. */

import { formatMarkdownTable } from '../support/markdown-table.ts'
import { formatSections, groupOf, LEVEL_NAMES, type RequirementRow } from './requirement.ts'
import { NOT_APPLICABLE, REQUIREMENTS, TOPICS } from './requirements.ts'

export type Verdict = 'passed' | 'failed' | 'notApplicable' | 'untested'

export interface JudgedRequirement {
  readonly row: RequirementRow
  readonly verdict: Verdict
}

/** Judge every requirement by the ids of tests that passed and failed. */
export function judge(passed: ReadonlySet<string>, failed: ReadonlySet<string>): readonly JudgedRequirement[] {
  return REQUIREMENTS.map((row) => {
    const [id] = row
    if (failed.has(id)) return { row, verdict: 'failed' }
    if (passed.has(id)) return { row, verdict: 'passed' }
    return { row, verdict: id in NOT_APPLICABLE ? 'notApplicable' : 'untested' }
  })
}

const VERDICT_COLUMNS: readonly (readonly [verdict: Verdict, title: string])[] = [
  ['passed', 'Passed'],
  ['failed', 'Failed'],
  ['notApplicable', 'Not applicable'],
  ['untested', 'No test'],
]

/** Markdown with a row for each requirement. */
export function formatRequirements(judged: readonly JudgedRequirement[]): string {
  const rows = judged.map(({ row: [id, level, sections, title], verdict }) => [
    id,
    LEVEL_NAMES[level],
    formatSections(sections),
    title,
    verdictText(id, verdict),
  ])
  return formatMarkdownTable(['Id', 'Level', 'Section', 'Requirement', 'Result'], rows)
}

/** Markdown with a row for each group and a row of sums. */
export function formatTotals(judged: readonly JudgedRequirement[]): string {
  const head = ['Group', 'About', 'Requirements', ...VERDICT_COLUMNS.map(([, title]) => title)]
  const totalsOf = (members: readonly JudgedRequirement[]): string[] =>
    [
      members.length,
      ...VERDICT_COLUMNS.map(([verdict]) => members.filter((row) => row.verdict === verdict).length),
    ].map(String)
  const rows = Object.entries(TOPICS).map(([group, topic]) => [
    group,
    topic,
    ...totalsOf(judged.filter(({ row }) => groupOf(row[0]) === group)),
  ])
  return formatMarkdownTable(head, [...rows, ['**All**', '', ...totalsOf(judged)]], 2)
}

function verdictText(id: string, verdict: Verdict): string {
  if (verdict === 'notApplicable') return `not applicable: ${NOT_APPLICABLE[id]}`
  return verdict === 'untested' ? 'no test' : verdict
}
