/**
 * DiskRAID's grammar: commands are rows, and this finds the row that a line means. Keywords, flags and the names of
 * parameters may be shortened as far as only one begins so; whatever a row does not name is a syntax error.
 */

import { DiskRaidSyntaxError, type Token, tokenize } from './tokens.ts'

export interface CommandSyntax {
  /** The keywords, such as `create lun simple`. */
  readonly words: string
  /** What follows them, for `help`. */
  readonly usage?: string
  readonly parameters?: Readonly<Record<string, 'required' | 'optional'>>
  readonly flags?: readonly string[]
  /** How many further words it takes; none by default. */
  readonly restMax?: number
}

export interface ParsedCommand<Row extends CommandSyntax> {
  readonly row: Row
  readonly parameters: ReadonlyMap<string, string>
  readonly flags: ReadonlySet<string>
  readonly rest: readonly string[]
}

/** What one line means; null when it is empty or a remark. Errors: `DiskRaidSyntaxError`. */
export function parseLine<Row extends CommandSyntax>(line: string, rows: readonly Row[]): ParsedCommand<Row> | null {
  if (/^\s*(?:rem(?:\s.*)?)?$/is.test(line)) return null
  const tokens = tokenize(line)
  const { row, used } = findRow(tokens, rows)
  return readArguments(row, tokens.slice(used))
}

/** Word by word: the rows that can still be meant, until the words of one are used up. */
function findRow<Row extends CommandSyntax>(
  tokens: readonly Token[],
  rows: readonly Row[],
): { row: Row; used: number } {
  let meant = rows
  for (let used = 0; ; used++) {
    const ended = meant.find((row) => keywordsOf(row).length === used)
    const further = [...new Set(meant.flatMap((row) => keywordsOf(row)[used] ?? []))]
    const token = tokens[used]
    const keyword = token === undefined || token.key !== null || token.isQuoted ? null : complete(token.value, further)
    if (keyword === null) {
      if (ended !== undefined) return { row: ended, used }
      const what = token === undefined ? 'the command is not complete' : `${described(token)} is not understood`
      throw new DiskRaidSyntaxError(`${what}: allowed here is ${further.join(', ')}`)
    }
    meant = meant.filter((row) => keywordsOf(row)[used] === keyword)
  }
}

const keywordsOf = ({ words }: CommandSyntax) => words.split(' ')
const described = ({ key, value }: Token) => (key === null ? value : `${key}=`)

function readArguments<Row extends CommandSyntax>(row: Row, tokens: readonly Token[]): ParsedCommand<Row> {
  const parameters = new Map<string, string>()
  const flags = new Set<string>()
  const rest: string[] = []
  const names = Object.keys(row.parameters ?? {})
  for (const token of tokens) {
    const name = token.key === null ? null : complete(token.key, names)
    const flag = token.key === null && !token.isQuoted ? complete(token.value, row.flags ?? []) : null
    if (name !== null) {
      if (parameters.has(name)) throw new DiskRaidSyntaxError(`${name}= is given twice`)
      parameters.set(name, token.value)
    } else if (flag !== null) flags.add(flag)
    else if (token.key === null && rest.length < (row.restMax ?? 0)) rest.push(token.value)
    else throw new DiskRaidSyntaxError(`${described(token)} is not understood: ${usageOf(row)}`)
  }
  for (const [name, need] of Object.entries(row.parameters ?? {})) {
    if (need === 'required' && !parameters.has(name))
      throw new DiskRaidSyntaxError(`${name}= is missing: ${usageOf(row)}`)
  }
  return { row, parameters, flags, rest }
}

export const usageOf = ({ words, usage }: CommandSyntax): string => (usage === undefined ? words : `${words} ${usage}`)

/** The keyword that `word` is, or is the beginning of; null when it is none. Errors: when it begins several. */
function complete(word: string, keywords: readonly string[]): string | null {
  const wanted = word.toLowerCase()
  if (keywords.includes(wanted)) return wanted
  const begun = wanted === '' ? [] : keywords.filter((keyword) => keyword.startsWith(wanted))
  if (begun.length > 1) throw new DiskRaidSyntaxError(`${word} may be ${begun.join(' or ')}`)
  return begun[0] ?? null
}

const UNIT_EXPONENTS: Readonly<Record<string, number>> = { b: 0, kb: 1, mb: 2, gb: 3, tb: 4, pb: 5 }

/** A size in DiskRAID's way, in bytes: powers of 1024, and megabytes when no unit is given. */
export function parseDiskRaidSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})\s*([kmgtp]?b)?$/i.exec(text) ?? []
  const bytes = Number(digits) * 1024 ** UNIT_EXPONENTS[unit.toLowerCase() || 'mb']!
  if (digits !== '' && bytes > 0 && Number.isSafeInteger(bytes)) return bytes
  throw new DiskRaidSyntaxError(
    `size=${text} is no size: a number above 0, then B, KB, MB, GB, TB, PB or nothing for MB`,
  )
}

/** `0,2,5`: indexes in the current list. */
export function parseIndexes(text: string): number[] {
  if (/^\d{1,6}(?:,\d{1,6})*$/.test(text)) return text.split(',').map(Number)
  throw new DiskRaidSyntaxError(`${text} is no list of numbers such as 0 or 0,2`)
}
