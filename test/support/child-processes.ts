/**
 * The child processes of tests and benchmarks: none outlives the process that started it. Whoever spawns one adopts it
 * here; what is still running when this process exits is killed by its pid.
 */

import type { ChildProcess } from 'node:child_process'

/** How a process ended: exactly one of the two is not null. */
export interface ExitStatus {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Takes charge of `child` until it ends.
 * Errors: the promise rejects when the program could not be started at all.
 */
export function adoptChild(child: ChildProcess): Promise<ExitStatus> {
  running.add(child)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      running.delete(child)
      reject(error)
    })
    child.once('close', (exitCode, signal) => {
      running.delete(child)
      resolve({ exitCode, signal })
    })
  })
}

/** "exit code 1" or "SIGKILL", for messages. */
export function describeExit(status: ExitStatus): string {
  return status.signal ?? `exit code ${status.exitCode}`
}
