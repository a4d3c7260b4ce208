/** The guides in docs/management say what the code does: their tables, their links, and the options that they name. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MANAGEMENT_GUIDES } from '../support/management-tables.ts'
import { readTable } from '../support/readme-table.ts'
import { ROOT } from './source-files.ts'

const FOLDER = join(ROOT, 'docs/management')

describe('docs/management', () => {
  it.each(
    MANAGEMENT_GUIDES.flatMap(({ path, tables }) =>
      Object.entries(tables).map(([name, format]) => [path.slice(ROOT.length + 1), name, format] as const),
    ),
  )('%s has the table of %s as the code has it; else: npm run docs', (path, name, format) => {
    expect(readTable(readFileSync(join(ROOT, path), 'utf8'), name)).toBe(format())
  })

  it('links only to files that exist', () => {
    const broken = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) => {
        const path = join(FOLDER, name)
        const links = [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!)
        return links.filter((link) => !existsSync(join(dirname(path), link))).map((link) => `${name}: ${link}`)
      })
    expect(broken).toEqual([])
  })
})
