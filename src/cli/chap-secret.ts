/**
 * CHAP secrets read from files (RFC 7143 9.2.1). They never appear on a command line, where every user of the machine
 * sees them, and no message here ever quotes one.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { causeOf, Failure } from '../failure.ts'

/** RFC 7143 9.2.1 wants 96 bits at least; Windows refuses less as well. */
const SECRET_LENGTH_BYTES_MIN = 12
/** The most that Windows and firmware initiators take. */
const SECRET_LENGTH_BYTES_INTEROPERABLE = 16
/** More than anybody's secret; a file beyond this is the wrong file. */
const SECRET_LENGTH_BYTES_MAX = 255

const NEW_LINE = 0x0a
const STANDARD_INPUT = 0
const UTF8_BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export interface LoadedSecret {
  readonly secret: Buffer
  /** Sentences for the person who starts the server. */
  readonly warnings: readonly string[]
}

/**
 * Read the secret in `path`, the value of `option`: the file's only line, without its end. A line that begins with `hex:`
 * or `base64:` is the notation of a binary secret, and the bytes are the secret; `-` is standard input. `mayBeShort` makes a warning of the
 * refusal of secrets below 96 bits.
 * Errors: `Failure`, naming the option, the file and what is allowed.
 */
export function loadChapSecret(option: string, path: string, mayBeShort = false): LoadedSecret {
  const fail = (reason: string, cause?: unknown) => new Failure(`${option} ${path}: ${reason}`, { cause })
  let content: Buffer
  let mode: number
  try {
    const isStandardInput = path === '-'
    const fd = isStandardInput ? STANDARD_INPUT : openSync(path, 'r')
    try {
      mode = isStandardInput ? 0 : fstatSync(fd).mode
      content = readBounded(fd)
    } finally {
      if (!isStandardInput) closeSync(fd)
    }
  } catch (error) {
    throw fail(causeOf(error), error)
  }
  const line = withoutLineEnd(content)
  const reason = refusalOfFile(line)
  if (reason !== null) throw fail(reason)
  const secret = decode(line)
  if (typeof secret === 'string') throw fail(secret)
  const weakness = weaknessOf(secret)
  if (weakness !== null && !mayBeShort) throw fail(`${weakness}; --allow-short-secrets accepts that`)
  const isBinary = secret !== line
  return { secret, warnings: warningsFor({ option, path, secret, mode, isBinary, weakness }) }
}

/** Reads pipes as well as files, so that a secret may come from a password manager. */
function readBounded(fd: number): Buffer {
  const buffer = Buffer.alloc(SECRET_LENGTH_BYTES_MAX + '\r\n'.length + 1)
  let length = 0
  while (length < buffer.length) {
    const bytesRead = readSync(fd, buffer, length, buffer.length - length, null)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

function withoutLineEnd(content: Buffer): Buffer {
  const text = content.toString('latin1')
  return content.subarray(0, text.replace(/\r?\n$/, '').length)
}

function refusalOfFile(line: Buffer): string | null {
  if (line.length === 0) return 'the file is empty'
  if (line.subarray(0, UTF8_BYTE_ORDER_MARK.length).equals(UTF8_BYTE_ORDER_MARK)) {
    return 'the file begins with a byte order mark, which would become part of the secret: save it as plain text'
  }
  if (line.length > SECRET_LENGTH_BYTES_MAX) {
    return `the file holds more than ${SECRET_LENGTH_BYTES_MAX} bytes: is it the right one?`
  }
  return line.includes(NEW_LINE) ? 'the file holds more than one line: a secret is one line' : null
}

/**
 * The bytes that a line stands for, or why it stands for none. The notations of RFC 7143 6.1, 0x and 0b, would not do
 * here: a secret of random hex digits may begin with 0b.
 */
function decode(line: Buffer): Buffer | string {
  const [, notation, digits = ''] = /^(hex|base64):(.*)$/s.exec(line.toString('latin1')) ?? []
  switch (notation) {
    case 'hex':
      return /^(?:[0-9a-f]{2})+$/i.test(digits)
        ? Buffer.from(digits, 'hex')
        : 'what follows "hex:" is no even number of hex digits'
    case 'base64':
      return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(digits) && digits !== ''
        ? Buffer.from(digits, 'base64')
        : 'what follows "base64:" is not base64, padded with "="'
    default:
      return line
  }
}

function weaknessOf(secret: Buffer): string | null {
  if (secret.length >= SECRET_LENGTH_BYTES_MIN) return null
  return `the secret has ${secret.length} bytes: at least ${SECRET_LENGTH_BYTES_MIN} are needed, because anybody who listens can try shorter ones out, and initiators such as Windows refuse them`
}

interface SecretFacts {
  readonly option: string
  readonly path: string
  readonly secret: Buffer
  readonly mode: number
  readonly isBinary: boolean
  readonly weakness: string | null
}

function warningsFor({ option, path, secret, mode, isBinary, weakness }: SecretFacts): string[] {
  const warnings: string[] = []
  if (weakness !== null) warnings.push(`${option}: ${weakness}`)
  if (isBinary) {
    warnings.push(
      `${option}: the secret in ${path} is binary; the commands printed below show its file, give initiators the same bytes in their own notation`,
    )
  }
  if (secret.length > SECRET_LENGTH_BYTES_INTEROPERABLE) {
    warnings.push(
      `${option}: the secret has ${secret.length} bytes; Windows and firmware initiators take at most ${SECRET_LENGTH_BYTES_INTEROPERABLE}`,
    )
  }
  const isReadableByOthers = process.platform !== 'win32' && (mode & 0o044) !== 0
  if (isReadableByOthers) warnings.push(`${option}: other users of this machine can read ${path}; run chmod 600 on it`)
  return warnings
}
