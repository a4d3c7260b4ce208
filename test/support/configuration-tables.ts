/**
 * The tables of docs/configuration.md, from the code: names, defaults and what is allowed from the tables that the command
 * line reads, what a limit means from the comment above it where it is declared.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeRange, formatLimit, LIMIT_NAMES } from '../../src/limit-values.ts'
import { LIMITS, loginPreferences } from '../../src/limits.ts'
import { describeAdmitted, formatParameter, PARAMETER_KEYS } from '../../src/login-parameters.ts'
import { ROOT } from '../tidy/source-files.ts'
import { formatMarkdownTable } from './markdown-table.ts'

export const CONFIGURATION_GUIDE = join(ROOT, 'docs/configuration.md')

/** By the name under which the guide marks their place. */
export const CONFIGURATION_TABLES: Readonly<Record<string, () => string>> = {
  limits: formatLimits,
  parameters: formatParameters,
}

function formatLimits(): string {
  const meanings = readMeanings(['protocol/limits.ts', 'src/limits.ts'])
  const rows = LIMIT_NAMES.map((name) => {
    const meaning = meanings.get(name)
    if (meaning === undefined) throw new Error(`${name} has no comment that says what it means`)
    return [`\`${name}\``, formatLimit(name, LIMITS[name]), describeRange(name), meaning]
  })
  return formatMarkdownTable(['Limit', 'Default', 'Allowed', 'Meaning'], rows)
}

function formatParameters(): string {
  const { session, connection } = loginPreferences(LIMITS)
  const rows = PARAMETER_KEYS.map((key) => [
    `\`${key}\``,
    formatParameter(key, { ...session, ...connection }),
    describeAdmitted(key),
  ])
  return formatMarkdownTable(['Key', 'Default', 'Allowed'], rows)
}

/** A comment, and the members that it stands above. */
const COMMENTED_MEMBERS = /\/\*\*((?:(?!\*\/).)*)\*\/\s*((?:readonly \w+: number\s*)+)/gs

function readMeanings(paths: readonly string[]): ReadonlyMap<string, string> {
  const meanings = new Map<string, string>()
  for (const path of paths) {
    const source = readFileSync(join(ROOT, path), 'utf8')
    for (const [, comment = '', members = ''] of source.matchAll(COMMENTED_MEMBERS)) {
      const meaning = comment.replaceAll(/\s*\n\s*\* ?/g, ' ').trim()
      for (const [, name = ''] of members.matchAll(/readonly (\w+)/g)) meanings.set(name, meaning)
    }
  }
  return meanings
}
