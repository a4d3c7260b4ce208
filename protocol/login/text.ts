/**
 * The text format of RFC 7143 6.1: NUL-terminated key=value pairs in Login and Text PDUs, and the value syntaxes that
 * keys are made of. Pure and total: malformed input is a value that says what is wrong, never an exception. Used by
 * the Login Phase, by the Text Request handler and by SendTargets.
 */

export interface TextPair {
  readonly key: string
  readonly value: string
}

/** Why a text cannot be read. */
export interface TextProblem {
  readonly problem: string
}

/** The longest key-name (RFC 7143 6.1, standard-label). */
const KEY_NAME_BYTES_MAX = 63

/** The longest simple-value, unless a key says otherwise (RFC 7143 6.1). */
const SIMPLE_VALUE_BYTES_MAX = 255

/** Values that only answers may have (RFC 7143 6.2). */
export const ANSWER_ONLY_VALUES: readonly string[] = ['Reject', 'Irrelevant', 'NotUnderstood']

/**
 * The characters of a standard-label, and `#` for X#NodeArchitecture. The rule that a key begins with a capital letter
 * is not enforced: iSCSIProtocolLevel breaks it, and a key with the wrong case is answered NotUnderstood.
 */
const KEY_NAME_PATTERN = /^[A-Za-z0-9.\-+@_#]+$/

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Splits a complete logical text data segment into its pairs, in order, duplicates included.
 *
 * Errors: a pair that is not terminated, not UTF-8, without `=`, or whose key-name is not a standard-label.
 * Spec: RFC 7143 6.1.
 */
export function parseText(text: Buffer): readonly TextPair[] | TextProblem {
  const pairs: TextPair[] = []
  let offset = 0
  while (offset < text.length) {
    const end = text.indexOf(0, offset)
    if (end === -1) return { problem: `the pair at byte ${offset} does not end with a NUL` }
    const pair = parsePair(text.subarray(offset, end), offset)
    if ('problem' in pair) return pair
    pairs.push(pair)
    offset = end + 1
  }
  return pairs
}

function parsePair(bytes: Buffer, offsetBytes: number): TextPair | TextProblem {
  let pair: string
  try {
    pair = UTF8.decode(bytes)
  } catch {
    return { problem: `the pair at byte ${offsetBytes} is not UTF-8` }
  }
  const equals = pair.indexOf('=')
  if (equals === -1) return { problem: `the pair at byte ${offsetBytes}, ${quote(pair)}, has no "="` }
  const key = pair.slice(0, equals)
  if (!KEY_NAME_PATTERN.test(key) || key.length > KEY_NAME_BYTES_MAX) {
    return { problem: `${quote(key)} is not a key name: 1 to ${KEY_NAME_BYTES_MAX} of A-Z a-z 0-9 . - + @ _ #` }
  }
  return { key, value: pair.slice(equals + 1) }
}

/**
 * Encodes pairs, each with its NUL. Ownership: a new buffer.
 * Errors: throws on a NUL inside a pair, which would smuggle in another pair; callers give only checked strings.
 */
export function encodeText(pairs: readonly TextPair[]): Buffer {
  for (const { key, value } of pairs) {
    if (key.includes('\0') || value.includes('\0')) throw new TypeError(`the value of ${quote(key)} contains a NUL`)
  }
  return Buffer.from(pairs.map(({ key, value }) => `${key}=${value}\0`).join(''), 'utf8')
}

const DECIMAL_CONSTANT = /^(?:0|[1-9][0-9]*)$/
const HEX_CONSTANT = /^0[xX][0-9a-fA-F]+$/
const BASE64_CONSTANT = /^0[bB](?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
const NUMERICAL_VALUE_BITS = 64
const NUMERICAL_VALUE_DIGITS_MAX = 20

/**
 * Reads a numerical-value (decimal-constant or hex-constant below 2^64); null for anything else. Exact up to 2^53; the
 * greater ones, which no key admits, come out as the nearest number.
 */
export function parseNumericalValue(value: string): number | null {
  const isDecimal = DECIMAL_CONSTANT.test(value) && value.length <= NUMERICAL_VALUE_DIGITS_MAX
  const isHex = HEX_CONSTANT.test(value) && value.length <= SIMPLE_VALUE_BYTES_MAX
  if (!isDecimal && !isHex) return null
  const number = BigInt(value.toLowerCase())
  return number >> BigInt(NUMERICAL_VALUE_BITS) === 0n ? Number(number) : null
}

/** Whether a value is a numerical-range, `low~high` with low <= high. */
export function isNumericalRange(value: string): boolean {
  const bounds = value.split('~').map(parseNumericalValue)
  const [low, high] = bounds
  return bounds.length === 2 && low != null && high != null && low <= high
}

/**
 * Reads a binary-value in hex or base64 (RFC 7143 6.1); null for anything else, decimal-constants included because
 * they have no length of their own. An odd number of hex digits counts its first digit as a byte.
 */
export function parseBinaryValue(value: string): Buffer | null {
  if (HEX_CONSTANT.test(value)) {
    const digits = value.slice(2)
    return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  }
  if (BASE64_CONSTANT.test(value) && value.length > 2) return Buffer.from(value.slice(2), 'base64')
  return null
}

/** A binary-value as `0x` and lower-case hex, the form that every deployed initiator reads. */
export function encodeBinaryValue(bytes: Buffer): string {
  return `0x${bytes.toString('hex')}`
}

const QUOTED_CHARACTERS_MAX = 64

/** Foreign text for a log line: shortened, and quoted so that it cannot forge lines. */
export function quote(text: string): string {
  const shown = text.length > QUOTED_CHARACTERS_MAX ? `${text.slice(0, QUOTED_CHARACTERS_MAX)}...` : text
  return JSON.stringify(shown)
}
