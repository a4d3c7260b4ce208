/**
 * A line of DiskRAID as words. Blanks part words, double quotes hold them together, also after `name=`; a quote is written
 * as two within quotes. Case stays as it is: keywords are compared without it, names are not.
 */

/** The line, its words or its values are not what DiskRAID understands; ends every script. */
export class DiskRaidSyntaxError extends Error {
  override readonly name = 'DiskRaidSyntaxError'
}

export interface Token {
  /** Before the first `=` outside quotes; null when there is none. */
  readonly key: string | null
  /** What follows it, or the whole word, without the quotes. */
  readonly value: string
  /** A quoted word is never a keyword. */
  readonly isQuoted: boolean
}

/** Errors: `DiskRaidSyntaxError` for a quote that is never closed. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = []
  const pattern = /\s*(?:([^\s"=]+)(=))?((?:[^\s"]|"(?:[^"]|"")*")+)?/gy
  let at = 0
  while (at < line.trimEnd().length) {
    pattern.lastIndex = at
    const match = pattern.exec(line)
    const [whole = '', key, equals, raw = ''] = match ?? []
    if (whole.trim() === '') throw new DiskRaidSyntaxError(`a quote is never closed: ${line.slice(at).trim()}`)
    tokens.push({
      key: equals === undefined ? null : (key ?? null),
      value: unquote(raw),
      isQuoted: raw.startsWith('"'),
    })
    at += whole.length
  }
  return tokens
}

function unquote(raw: string): string {
  return raw.replaceAll(/"((?:[^"]|"")*)"/g, (_match, inside: string) => inside.replaceAll('""', '"'))
}
