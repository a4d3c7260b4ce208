/** `lunette` in this process: what it printed and its exit code, for commands that talk to an API. */

import { writeFileSync } from 'node:fs'
import { runCommandLine } from '../../src/cli/program.ts'
import type { FakeApi } from './fake-api.ts'
import type { TemporaryDirectory } from './temporary-directory.ts'

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export async function runCommand(args: readonly string[]): Promise<CommandResult> {
  const text = { stdout: '', stderr: '' }
  const exitCode = await runCommandLine(args, {
    startServer: () => Promise.reject(new Error('no server was to be started')),
    writeOut: (out) => {
      text.stdout += out
    },
    writeError: (error) => {
      text.stderr += error
    },
    exitNow: () => {},
    drainTimeoutMs: 1000,
  })
  return { exitCode, ...text }
}

/** Run commands against `api`, with a token in `directory`. */
export function commandsOf(api: Pick<FakeApi, 'url' | 'token'>, directory: TemporaryDirectory) {
  const tokenFile = directory.file('token')
  writeFileSync(tokenFile, `${api.token}\n`, { mode: 0o600 })
  return (...args: string[]) => runCommand([...args, '--server', api.url, '--token-file', tokenFile])
}
