/** What the whole process does when its surroundings or we ourselves fail. Installed once, by `main.ts`. */

import { EXIT_CODE } from '../failure.ts'
import { createLog } from '../log.ts'

/** Output that cannot be written, because its reader went away (`lunette | head -1`) or its disk is full, stops no server. */
export function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/**
 * Resolves when the reader of our output has all of it: a pipe takes only so much at once, and ending the process loses the
 * rest of a long list. A reader that went away counts as one that has it.
 */
export function outputTaken(): Promise<void> {
  if (process.stdout.writableLength === 0) return Promise.resolve()
  return new Promise((done) => process.stdout.write('', () => done()))
}

/**
 * An error that nobody caught is our bug, and after it nothing in memory can be trusted: say so and end at once, without
 * another write. The kernel lets go of the locks, and initiators log in again when the server is back.
 */
export function reportInternalErrors(): void {
  process.on('uncaughtException', (error, origin) => {
    createLog('fatal').fatal(
      { err: error, origin, uptimeSeconds: Math.round(process.uptime()), memory: process.memoryUsage() },
      'internal error: the server ends now; acknowledged writes are with the operating system and not lost. Please report this',
    )
    process.exit(EXIT_CODE.failure)
  })
}
