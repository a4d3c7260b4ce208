/**
 * The log: structured lines on standard error, so that standard output stays with what people and scripts read at the
 * start. JSON when something collects it, one plain line an event when a person watches the terminal. Nothing secret
 * is ever given to it: secrets live in `AuthenticationPolicy` objects, which nobody logs.
 */

import { type DestinationStream, destination, type Logger, pino } from 'pino'

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const STANDARD_ERROR_FD = 2

/** Written synchronously: the last line before an exit is the one that matters. */
export function createLog(level: LogLevel): Logger {
  const stream = process.stderr.isTTY ? humanStream() : destination({ dest: STANDARD_ERROR_FD, sync: true })
  return pino({ level, base: null }, stream)
}

const humanStream = (): DestinationStream => ({
  write: (line) => {
    process.stderr.write(formatForPeople(line))
  },
})

/** One line of pino's JSON as a person reads it: time, level, message, the rest as name=value, a stack below. */
export function formatForPeople(line: string): string {
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const clock = new Date(Number(time)).toISOString().slice(11, 23)
  const label = (pino.levels.labels[Number(level)] ?? 'log').toUpperCase().padEnd(5)
  const fields = Object.entries(rest).map(([name, value]) => ` ${name}=${inline(value)}`)
  const stack = (err as { stack?: string } | undefined)?.stack
  return `${clock} ${label} ${msg ?? ''}${fields.join('')}${stack === undefined ? '' : `\n${stack}`}\n`
}

const inline = (value: unknown) =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
