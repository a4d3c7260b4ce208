/** docs/configuration.md says what the code does: its tables, and the options that the command line has. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/cli/program.ts'
import { CONFIGURATION_GUIDE, CONFIGURATION_TABLES } from '../support/configuration-tables.ts'
import { readTable } from '../support/readme-table.ts'

const guide = readFileSync(CONFIGURATION_GUIDE, 'utf8')

describe('docs/configuration.md', () => {
  it.each(Object.entries(CONFIGURATION_TABLES))(
    'has the table of %s as the code has it; else: npm run docs',
    (name, format) => {
      expect(readTable(guide, name)).toBe(format())
    },
  )

  it('names only options that there are', async () => {
    const options = new Set((await help()).match(/--[a-z-]+/g))
    expect(options.size).toBeGreaterThan(20)
    expect([...new Set(guide.match(/(?<=[\s`])--[a-z][a-z-]*/g))].filter((option) => !options.has(option))).toEqual([])
  })
})

async function help(): Promise<string> {
  let text = ''
  const unused = () => {
    throw new Error('help needs nothing but a place to write to')
  }
  await runCommandLine(['--help'], {
    startServer: unused,
    writeOut: (part) => {
      text += part
    },
    writeError: unused,
    exitNow: unused,
    drainTimeoutMs: 0,
  })
  return text
}
