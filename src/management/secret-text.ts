/** Secrets as JSON carries them: a text is its own UTF-8 bytes, other bytes are `base64:` and their base64. */

import { invalidArgument } from './operations/change.ts'

const NOTATION = 'base64:'

/** Whatever bytes these are, `secretBytes` gives them back. */
export function secretText(secret: Buffer): string {
  const text = secret.toString('utf8')
  const isPlain = Buffer.from(text, 'utf8').equals(secret) && !text.startsWith(NOTATION)
  return isPlain ? text : NOTATION + secret.toString('base64')
}

/**
 * The bytes that a text stands for, one at least: none at all would clear a secret, and who sets one never means that.
 * Errors: E_INVALIDARG, without the text.
 */
export function secretBytes(text: string): Buffer {
  if (text === '') throw invalidArgument('a secret has to be given')
  if (!text.startsWith(NOTATION)) return Buffer.from(text, 'utf8')
  const encoded = text.slice(NOTATION.length)
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length > 0 && bytes.toString('base64') === encoded) return bytes
  throw invalidArgument(`a secret that begins with ${NOTATION} goes on with the base64 of its bytes, padded with =`)
}
