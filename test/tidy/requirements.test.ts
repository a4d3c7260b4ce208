/** The compliance table and the titles of the tests: neither names what the other does not have. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { groupOf } from '../compliance/requirement.ts'
import { NOT_APPLICABLE, REQUIREMENTS, TOPICS } from '../compliance/requirements.ts'
import { formatTotals, judge } from '../compliance/table.ts'
import { carriedIds } from '../compliance/titles.ts'
import { readTable } from '../support/readme-table.ts'
import { isSection } from './section-numbers.ts'
import { ROOT, readSourceFiles } from './source-files.ts'

const ids = REQUIREMENTS.map(([id]) => id)
const carried = carriedIds(readSourceFiles())
const shown = new Set([...carried.values()].flatMap((idsOfFile) => [...idsOfFile]))

describe('requirements', () => {
  it('are numbered from 1 in each group, and every group has a topic', () => {
    const groups = Object.groupBy(ids, groupOf)
    expect(Object.keys(groups).toSorted()).toEqual(Object.keys(TOPICS).toSorted())
    for (const [group, members] of Object.entries(groups)) {
      expect(members).toEqual(members!.map((_, index) => `${group}-${index + 1}`))
    }
  })

  it('have titles of their own', () => {
    const titles = REQUIREMENTS.map(([, , , title]) => title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  it('name sections of RFC 7143 that exist', () => {
    const missing = REQUIREMENTS.flatMap(([id, , sections]) =>
      sections
        .replace(/(^|, )RFC .*/, '')
        .split(', ')
        .filter((section) => section !== '' && !/^([A-E]\.|appendix [A-E])/.test(section) && !isSection(section))
        .map((section) => `${id}: ${section}`),
    )
    expect(missing).toEqual([])
  })

  it('are each shown by a test or cannot apply', () => {
    expect(ids.filter((id) => !shown.has(id) && !(id in NOT_APPLICABLE))).toEqual([])
  })

  it('that cannot apply are known and have no test', () => {
    expect(Object.keys(NOT_APPLICABLE).filter((id) => !ids.includes(id) || shown.has(id))).toEqual([])
  })

  it('have no other ids in the titles of tests', () => {
    const unknown = [...carried].flatMap(([path, idsOfFile]) =>
      [...idsOfFile].filter((id) => !ids.includes(id)).map((id) => `${path}: ${id}`),
    )
    expect(unknown).toEqual([])
  })

  it('have their totals in README.md', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    expect(readTable(readme, 'compliance')).toBe(formatTotals(judge(shown, new Set())))
  })
})
