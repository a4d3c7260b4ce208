/**
 * A log that peers cannot flood: of each message only so many lines a period are written, and how many were left out is
 * told with the next line after it. Messages are constant texts (what varies is in the fields), so that they can be
 * counted by their text.
 */

import type { ProtocolLog } from '../protocol/node-context.ts'

export interface LogBounds {
  /** Lines with the same message in one period. */
  readonly linesMax: number
  readonly periodMs: number
}

/** `nowMs`: monotonic time in milliseconds. */
export function limitLog(log: ProtocolLog, { linesMax, periodMs }: LogBounds, nowMs: () => number): ProtocolLog {
  const counts = new Map<string, number>()
  let periodEndMs = nowMs() + periodMs

  function startPeriod(): void {
    periodEndMs = nowMs() + periodMs
    const exceeded = [...counts].filter(([, lines]) => lines > linesMax)
    counts.clear()
    for (const [of, lines] of exceeded) log.warn({ of, lines: lines - linesMax }, 'left out log lines')
  }

  function mayWrite(message: string): boolean {
    if (nowMs() >= periodEndMs) startPeriod()
    const lines = (counts.get(message) ?? 0) + 1
    counts.set(message, lines)
    if (lines === linesMax + 1) log.warn({ of: message, seconds: periodMs / 1000 }, 'leaving out further log lines')
    return lines <= linesMax
  }

  const limited = (level: keyof ProtocolLog) => (fields: object, message: string) => {
    if (mayWrite(message)) log[level](fields, message)
  }
  return { debug: log.debug.bind(log), info: limited('info'), warn: limited('warn'), error: limited('error') }
}
