import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { adoptChild } from '../../../support/child-processes.ts'
import { startLunette } from '../../../support/command-line.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

it('goes on serving when nobody reads its standard output any more', async () => {
  using directory = temporaryDirectory()
  await using lunette = startLunette(directory.path, ['--listen', '127.0.0.1:0'])
  lunette.closeStdout()
  await lunette.printed('"serving"')
  lunette.signal('SIGTERM')
  expect(await lunette.ended).toEqual({ exitCode: 0, signal: null })
  expect(lunette.stderr()).not.toContain('internal error')
})

it.runIf(process.platform === 'linux').each([
  ['log', 1],
  ['standard output', 2],
] as const)('goes on serving when the disk is full that its %s goes to', async (_case, readable) => {
  using directory = temporaryDirectory()
  const full = openSync('/dev/full', 'w')
  const main = resolve(import.meta.dirname, '../../../support/fake-server-main.ts')
  const child = spawn(process.execPath, [main, '--listen', '127.0.0.1:0'], {
    cwd: directory.path,
    stdio: ['ignore', readable === 1 ? 'pipe' : full, readable === 2 ? 'pipe' : full],
  })
  const ended = adoptChild(child)
  closeSync(full)
  const stream = readable === 1 ? child.stdout : child.stderr
  await Promise.race([new Promise((started) => stream?.once('data', started)), ended])
  child.kill('SIGTERM')
  expect(await ended).toEqual({ exitCode: 0, signal: null })
})
