/**
 * `lunette` as a process of its own, for tests of its command line: what it printed, how it ended, signals in between.
 * By default the server behind it is a fake (`fake-server-main.ts`) that listens on a real port and serves nothing.
 */

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { adoptChild, type ExitStatus } from './child-processes.ts'

export interface LunetteProcess extends AsyncDisposable {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<ExitStatus>
  /** Resolves when both streams together hold `text`; rejects when the process ends without it. */
  printed(text: string): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** What it prints from now on has no reader. */
  closeStdout(): void
}

export interface LunetteResult extends ExitStatus {
  readonly stdout: string
  readonly stderr: string
}

const FAKE_MAIN = resolve(import.meta.dirname, 'fake-server-main.ts')

/** Start `lunette ARGS` in `directory`; `environment` tells the fake server how to behave. */
export function startLunette(
  directory: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  main: string = FAKE_MAIN,
): LunetteProcess {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: directory,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = adoptChild(child)
  const text = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const watcher of watchers) watcher()
    })
  }
  const all = () => text.stdout + text.stderr
  return {
    pid: child.pid ?? 0,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    ended,
    printed: (wanted) =>
      new Promise((done, fail) => {
        const watcher = () => {
          if (!all().includes(wanted)) return
          watchers.delete(watcher)
          done()
        }
        watchers.add(watcher)
        watcher()
        ended.then(() => fail(new Error(`ended without printing "${wanted}", but:\n${all()}`)), fail)
      }),
    signal: (signal) => void child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Run `lunette ARGS` to its end. */
export async function runLunette(
  directory: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<LunetteResult> {
  await using lunette = startLunette(directory, args, environment)
  const status = await lunette.ended
  return { ...status, stdout: lunette.stdout(), stderr: lunette.stderr() }
}
