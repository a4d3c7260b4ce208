/**
 * Which requirements the tests carry in their titles, read from the text of the test files: without running them, for
 * the rules of `test/tidy`, and to know which files to run.
 */

import type { SourceFile } from '../tidy/source-files.ts'
import { TOPICS } from './requirements.ts'

/** Tests of the table itself, whose titles and data are no claims. */
const OWN_TESTS = 'test/unit/compliance/'

const BRACKETED = /\[([A-Z]+-\d+)\]/g
/** In a title made of parts an id stands in a table of cases, as a string of its own. */
const QUOTED = new RegExp(`'((?:${Object.keys(TOPICS).join('|')})-\\d+)'`, 'g')

/** The ids that a test's full name carries, in brackets. */
export function idsInTitle(title: string): string[] {
  return [...title.matchAll(BRACKETED)].map((match) => match[1]!)
}

/** The ids that each test file carries, by its path; files without any are left out. */
export function carriedIds(files: readonly SourceFile[]): Map<string, ReadonlySet<string>> {
  const carried = new Map<string, ReadonlySet<string>>()
  for (const { path, text } of files) {
    if (!path.endsWith('.test.ts') || path.startsWith(OWN_TESTS)) continue
    const ids = new Set([...text.matchAll(BRACKETED), ...text.matchAll(QUOTED)].map((match) => match[1]!))
    if (ids.size > 0) carried.set(path, ids)
  }
  return carried
}
