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
const UTF8_BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export interface LoadedSecret {
  readonly secret: Buffer
  /** Sentences for the person who starts the server. */
  readonly warnings: readonly string[]
}

/**
 * Read the secret in `path`, the value of `option`: the file's only line, without its end.
 * Errors: `Failure`, naming the option, the file and what is allowed.
 */
export function loadChapSecret(option: string, path: string): LoadedSecret {
  const fail = (reason: string, cause?: unknown) => new Failure(`${option} ${path}: ${reason}`, { cause })
  let content: Buffer
  let mode: number
  try {
    const fd = openSync(path, 'r')
    try {
      mode = fstatSync(fd).mode
      content = readBounded(fd)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw fail(causeOf(error), error)
  }
  const secret = withoutLineEnd(content)
  const reason = refusal(secret)
  if (reason !== null) throw fail(reason)
  return { secret, warnings: warningsFor(option, path, secret, mode) }
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

function refusal(secret: Buffer): string | null {
  if (secret.length === 0) return 'the file is empty'
  if (secret.subarray(0, UTF8_BYTE_ORDER_MARK.length).equals(UTF8_BYTE_ORDER_MARK)) {
    return 'the file begins with a byte order mark, which would become part of the secret: save it as plain text'
  }
  if (secret.length > SECRET_LENGTH_BYTES_MAX) {
    return `the file holds more than ${SECRET_LENGTH_BYTES_MAX} bytes: is it the right one?`
  }
  if (secret.includes(NEW_LINE)) return 'the file holds more than one line: a secret is one line'
  if (secret.length < SECRET_LENGTH_BYTES_MIN) {
    return `the secret has ${secret.length} bytes: at least ${SECRET_LENGTH_BYTES_MIN} are needed, because anybody who listens can try shorter ones out, and initiators such as Windows refuse them`
  }
  return null
}

function warningsFor(option: string, path: string, secret: Buffer, mode: number): string[] {
  const warnings: string[] = []
  if (secret.length > SECRET_LENGTH_BYTES_INTEROPERABLE) {
    warnings.push(
      `${option}: the secret has ${secret.length} bytes; Windows and firmware initiators take at most ${SECRET_LENGTH_BYTES_INTEROPERABLE}`,
    )
  }
  const isReadableByOthers = process.platform !== 'win32' && (mode & 0o044) !== 0
  if (isReadableByOthers) warnings.push(`${option}: other users of this machine can read ${path}; run chmod 600 on it`)
  return warnings
}
