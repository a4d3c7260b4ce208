import { chmodSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { startLunette } from '../support/command-line.ts'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { runTool } from '../support/run-tool.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const HEADING = 'Look at it with libiscsi:\n'
const MUTUAL_CHAP = [
  ...['--chap-user', "al'ice", '--chap-secret-file', 'initiator'],
  ...['--mutual-chap-user', 'the target', '--mutual-chap-secret-file', 'target'],
]

describeWithTools(['iscsi-ls', 'iscsi-inq'], 'the commands that the server prints for libiscsi', () => {
  it.each([
    ['without CHAP', []],
    ['with mutual CHAP', MUTUAL_CHAP],
  ])('work as they stand, %s', async (_what, options) => {
    using directory = temporaryDirectory()
    for (const name of ['initiator', 'target']) {
      writeFileSync(directory.file(name), `secret-of-${name}\n`)
      chmodSync(directory.file(name), 0o600)
    }
    const args = ['--listen', '127.0.0.1:0', '--size', '8M', ...options]
    await using lunette = startLunette(directory.path, args, {}, MAIN)
    await lunette.printed('Stop with Ctrl-C')
    const output = lunette.stdout()
    const commands = output.slice(output.indexOf(HEADING) + HEADING.length).split('\n\n')[0]
    const result = await runTool('sh', ['-e', '-c', commands ?? ''], { cwd: directory.path })
    expect(result).toContain(/^target (\S+)$/m.exec(output)?.[1])
    expect(result).toMatch(/Lun:0 .*DIRECT_ACCESS/)
    expect(result).toContain('Vendor:LUNETTE')
    lunette.signal('SIGTERM')
    expect(await lunette.ended).toEqual({ exitCode: 0, signal: null })
  })
})
