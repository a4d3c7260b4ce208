/**
 * The log: structured lines on standard error, so that standard output stays with what people and scripts read at the
 * start. JSON when something collects it, one plain line an event when a person watches the terminal. Nothing secret
 * is ever given to it: secrets live in `AuthenticationPolicy` objects, which nobody logs.
 */

import { type DestinationStream, destination, type Logger, pino } from 'pino'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const STANDARD_ERROR_FD = 2

/** Lines that could not be written and wait for the next attempt; what comes beyond is lost. */
const UNWRITTEN_BYTES_MAX = 64 * 1024

export function createLog(level: LogLevel): Logger {
  return pino({ level, base: null }, process.stderr.isTTY ? humanStream() : jsonStream())
}

/**
 * Written synchronously: the last line before an exit is the one that matters. A log that cannot be written (its disk is
 * full, its reader is gone) is no reason to stop serving.
 */
function jsonStream(): DestinationStream {
  const stream = destination({ dest: STANDARD_ERROR_FD, sync: true, maxLength: UNWRITTEN_BYTES_MAX })
  stream.on('error', () => {})
  return stream
}

const humanStream = (): DestinationStream => ({
  write: (line) => {
    process.stderr.write(formatForPeople(line))
  },
})

/** One line of pino's JSON as a person reads it: time, level, message, the rest as name=value, a stack below. */
export function formatForPeople(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>
  const stack = (rest.err as { stack?: string } | undefined)?.stack
  if (stack !== undefined) delete rest.err
  const clock = new Date(Number(time)).toISOString().slice(11, 23)
  const label = (pino.levels.labels[Number(level)] ?? 'log').toUpperCase().padEnd(5)
  const fields = Object.entries(rest).map(([name, value]) => ` ${name}=${inline(value)}`)
  return `${clock} ${label} ${msg ?? ''}${fields.join('')}${stack === undefined ? '' : `\n${stack}`}\n`
}

const inline = (value: unknown) =>
  typeof value === 'string' && /^[^\s"=\p{C}]+$/u.test(value) ? value : escapeInvisible(JSON.stringify(value))

/** JSON leaves control characters above ASCII and those that change the direction of text, which terminals act on. */
const escapeInvisible = (json: string) =>
  json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
