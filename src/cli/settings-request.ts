/**
 * `--limit` and `--parameter`: each value read, nothing said twice, nothing contradicting; and the list of all of them that
 * `lunette limits` prints.
 */

import { UsageError } from '../failure.ts'
import { describeRange, formatLimit, LIMIT_NAMES, parseLimit } from '../limit-values.ts'
import { LIMITS, type Limits, loginPreferences, type PreferredParameters } from '../limits.ts'
import { describeAdmitted, formatParameter, PARAMETER_KEYS, parseParameter } from '../login-parameters.ts'

/** Errors: `UsageError`, naming the value and what is allowed. */
export function readLimits(texts: readonly string[] = []): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {}
  for (const text of texts) {
    const parsed = parseLimit(text)
    if (parsed.kind === 'invalid') throw new UsageError(`--limit ${text} ${parsed.reason}`)
    if (limits[parsed.name] !== undefined) throw new UsageError(`--limit ${text}: ${parsed.name} is given twice`)
    limits[parsed.name] = parsed.value
  }
  return limits
}

/** Errors: `UsageError`, naming the value and what is allowed. */
export function readParameters(texts: readonly string[] = []): Partial<PreferredParameters> {
  const wanted = new Map<string, PreferredParameters[keyof PreferredParameters]>()
  for (const text of texts) {
    const parsed = parseParameter(text)
    if (parsed.kind === 'invalid') throw new UsageError(`--parameter ${text} ${parsed.reason}`)
    if (wanted.has(parsed.name)) throw new UsageError(`--parameter ${text}: ${parsed.key} is given twice`)
    wanted.set(parsed.name, parsed.value)
  }
  const parameters: Partial<PreferredParameters> = Object.fromEntries(wanted)
  demandShortFirstBurst(parameters)
  return parameters
}

/** RFC 7143 13.14: what travels unasked is a part of the first burst. */
function demandShortFirstBurst(wanted: Partial<PreferredParameters>): void {
  const { firstBurstLength, maxBurstLength } = loginPreferences(LIMITS, wanted).session
  if (wanted.firstBurstLength === undefined || wanted.firstBurstLength === firstBurstLength) return
  throw new UsageError(
    `--parameter FirstBurstLength=${wanted.firstBurstLength} exceeds MaxBurstLength, which is ${maxBurstLength}`,
  )
}

/** Every limit and every parameter with its default and what it may be, a line each. */
export function listSettings(): string {
  const { session, connection } = loginPreferences(LIMITS)
  const limits = LIMIT_NAMES.map((name) => [name, formatLimit(name, LIMITS[name]), describeRange(name)] as const)
  const parameters = PARAMETER_KEYS.map(
    (key) => [key, formatParameter(key, { ...session, ...connection }), describeAdmitted(key)] as const,
  )
  return [
    'Limits: --limit NAME=VALUE (default, allowed)',
    ...alignColumns(limits),
    '',
    'Login parameters: --parameter KEY=VALUE (default, allowed)',
    ...alignColumns(parameters),
    '',
  ].join('\n')
}

function alignColumns(rows: readonly (readonly [string, string, string])[]): string[] {
  const widthOf = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length))
  return rows.map(([name, value, allowed]) => `  ${name.padEnd(widthOf(0))}  ${value.padEnd(widthOf(1))}  ${allowed}`)
}
