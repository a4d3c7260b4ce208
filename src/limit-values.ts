/**
 * `--limit NAME=VALUE`: the limits of `limits.ts` as people write them. The unit of a limit is the end of its name: bytes,
 * milliseconds, or a count; what it may be follows from that and from the few rows below.
 */

import { DURATION_FORMS, formatDuration, parseDuration } from './duration.ts'
import { LIMITS, type Limits } from './limits.ts'
import { parseSize, SIZE_FORMS } from './size.ts'
import { suggestion } from './suggestion.ts'

export type LimitName = keyof Limits

export type ParsedLimit =
  | { readonly kind: 'limit'; readonly name: LimitName; readonly value: number }
  | { readonly kind: 'invalid'; readonly reason: string }

type LimitUnit = 'bytes' | 'milliseconds' | 'count'

interface Range {
  readonly min: number
  readonly max: number
}

/** More than anybody's; the longest timer that there is has 2^31 - 1 ms, which is a little more than 24 days. */
const MAX_BY_UNIT: Readonly<Record<LimitUnit, number>> = {
  bytes: 2 ** 40,
  milliseconds: 24 * 24 * 3_600_000,
  count: 2 ** 31 - 1,
}

/** Where a standard says more than the unit does. */
const RANGES: Readonly<Partial<Record<LimitName, Partial<Range>>>> = {
  // TSIH has 16 bits, and zero is no session (RFC 7143 11.12.6).
  sessionsMax: { max: 0xffff },
  // RFC 7143 6.2 wants six exchanges to be possible.
  loginExchangesMax: { min: 6 },
  // RFC 7143 6.1 wants 8192 bytes to be possible.
  textBytesMax: { min: 8192 },
  // What initiators offer in one login, with room for keys of their own.
  textKeysMax: { min: 64 },
  // TotalAHSLength counts up to 255 words (RFC 7143 11.2.1.5); none at all is possible, too.
  ahsBytesMax: { min: 0, max: 1020 },
  // Zero asks nobody to log out.
  logoutRequestTimeoutMs: { min: 0 },
}

/** In the order of the table. */
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[]

/** Read one `NAME=VALUE`. */
export function parseLimit(text: string): ParsedLimit {
  const [, name = '', valueText] = /^([^=]*)(?:=(.*))?$/s.exec(text)!
  const limit = LIMIT_NAMES.find((candidate) => candidate === name)
  if (limit === undefined) {
    return invalid(`names no limit${suggestion(name, LIMIT_NAMES)}: lunette limits lists them`)
  }
  if (valueText === undefined) return invalid(`has no value: write ${limit}=VALUE, with ${describeRange(limit)}`)
  const value = parseValue(limitUnit(limit), valueText)
  if (typeof value !== 'number') return value
  const { min, max } = limitRange(limit)
  if (value < min || value > max) return invalid(`is out of range: allowed is ${describeRange(limit)}`)
  return { kind: 'limit', name: limit, value }
}

/** What a limit may be, for people. */
export function describeRange(name: LimitName): string {
  const { min, max } = limitRange(name)
  return `${formatLimit(name, min)} to ${formatLimit(name, max)}`
}

/** The value as `parseLimit` reads it. */
export function formatLimit(name: LimitName, value: number): string {
  switch (limitUnit(name)) {
    case 'bytes':
      return formatBytes(value)
    case 'milliseconds':
      return formatDuration(value)
    case 'count':
      return String(value)
  }
}

function limitUnit(name: LimitName): LimitUnit {
  if (name.endsWith('BytesMax')) return 'bytes'
  return name.endsWith('Ms') ? 'milliseconds' : 'count'
}

/** Pools of what is idle may be empty, everything else has to let something happen. */
function limitRange(name: LimitName): Range {
  return { min: name.startsWith('idle') ? 0 : 1, max: MAX_BY_UNIT[limitUnit(name)], ...RANGES[name] }
}

function parseValue(unit: LimitUnit, text: string): number | ParsedLimit {
  switch (unit) {
    case 'bytes': {
      // A disk cannot be empty, a limit can.
      const size = /^0+$/.test(text) ? ({ kind: 'size', bytes: 0 } as const) : parseSize(text)
      return size.kind === 'size' ? size.bytes : invalid(`has a value that is not a size: allowed is ${SIZE_FORMS}`)
    }
    case 'milliseconds':
      return parseDuration(text) ?? invalid(`has a value that is not a duration: allowed is ${DURATION_FORMS}`)
    case 'count':
      return /^\d{1,15}$/.test(text) ? Number(text) : invalid('has a value that is not a whole number')
  }
}

const BYTE_UNITS = ['T', 'G', 'M', 'K'] as const

function formatBytes(bytes: number): string {
  for (const [index, unit] of BYTE_UNITS.entries()) {
    const inUnits = bytes / 1024 ** (BYTE_UNITS.length - index)
    if (inUnits >= 1 && Number.isInteger(inUnits)) return `${inUnits}${unit}`
  }
  return String(bytes)
}

function invalid(reason: string): ParsedLimit {
  return { kind: 'invalid', reason }
}
