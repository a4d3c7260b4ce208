/** Secrets as JSON carries them: a text is its own UTF-8 bytes, other bytes are `base64:` and their base64. */

const NOTATION = 'base64:'

/** Whatever bytes these are, `secretBytes` gives them back. */
export function secretText(secret: Buffer): string {
  const text = secret.toString('utf8')
  const isPlain = Buffer.from(text, 'utf8').equals(secret) && !text.startsWith(NOTATION)
  return isPlain ? text : NOTATION + secret.toString('base64')
}

export function secretBytes(text: string): Buffer {
  return text.startsWith(NOTATION) ? Buffer.from(text.slice(NOTATION.length), 'base64') : Buffer.from(text, 'utf8')
}
