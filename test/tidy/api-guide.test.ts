/** docs/management/api.md says what the server says about itself. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { API_GUIDE, apiTables } from '../support/api-reference.ts'
import { readTable } from '../support/readme-table.ts'

describe('docs/management/api.md', () => {
  it('has the tables as the code has them; else: npm run docs', async () => {
    const guide = readFileSync(API_GUIDE, 'utf8')
    for (const [name, table] of Object.entries(await apiTables())) expect(readTable(guide, name)).toBe(table)
  })
})
