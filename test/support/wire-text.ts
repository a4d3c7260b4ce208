/** Text segments of Login and Text PDUs (RFC 7143 6.1) for the test initiator: strict about what the target sends. */

import assert from 'node:assert/strict'

export type TextPair = readonly [key: string, value: string]
export type TextKeys = Readonly<Record<string, string>>

/** Keys that a single text may hold more than once (RFC 7143 appendix C, 13.8). */
const REPEATABLE_KEYS: ReadonlySet<string> = new Set(['TargetName', 'TargetAddress'])

/** RFC 7143 6.1 wants a capital first, and then defines one key that has none. */
const KEY_NAME = /^([A-Z][A-Za-z0-9.\-+@_#]{0,62}|iSCSIProtocolLevel)$/

/** `key=value` pairs, each with its NUL. */
export function encodeText(pairs: TextKeys | readonly TextPair[]): Buffer {
  const list: readonly TextPair[] = Array.isArray(pairs) ? pairs : Object.entries(pairs)
  return Buffer.from(list.map(([key, value]) => `${key}=${value}\0`).join(''), 'utf8')
}

/** The pairs of a target's text, in order. Fails on a missing NUL, a pair without `=`, an illegal or repeated key. */
export function decodeTextPairs(text: Buffer): TextPair[] {
  if (text.length === 0) return []
  assert.equal(text[text.length - 1], 0, 'the last pair must end with a NUL (RFC 7143 6.1)')
  const pairs = text
    .toString('utf8')
    .slice(0, -1)
    .split('\0')
    .map((pair): TextPair => {
      const split = pair.indexOf('=')
      assert.notEqual(split, -1, `pair without "=": ${JSON.stringify(pair)}`)
      return [pair.slice(0, split), pair.slice(split + 1)]
    })
  const seen = new Set<string>()
  for (const [key] of pairs) {
    assert.match(key, KEY_NAME, 'key name (RFC 7143 6.1)')
    assert.ok(REPEATABLE_KEYS.has(key) || !seen.has(key), `the target sent ${key} twice`)
    seen.add(key)
  }
  return pairs
}

/** The same as a record, for texts without repeated keys. */
export function decodeText(text: Buffer): Record<string, string> {
  return Object.fromEntries(decodeTextPairs(text))
}
