import { describe, expect, it } from 'vitest'
import { runTool, tryTool } from '../../support/run-tool.ts'
import { explainMissingTool } from '../../support/tools.ts'

describe('external tools', () => {
  it('that are not there are named with their package', () => {
    expect(explainMissingTool('iscsi-inq')).toBe('cannot start iscsi-inq: on Debian it is in the package libiscsi-bin')
  })
})

describe('a tool that is run', () => {
  const node = (script: string, timeoutMs?: number) =>
    tryTool(process.execPath, ['-e', script], timeoutMs === undefined ? {} : { timeoutMs })

  it('gives its output and its exit code', async () => {
    const result = await node("process.stdout.write('out'); process.stderr.write('err'); process.exitCode = 3")
    expect(result).toEqual({ exitCode: 3, signal: null, stdout: 'out', stderr: 'err', hasTimedOut: false })
  })

  it('is killed when it does not end', async () => {
    const result = await node('setInterval(() => {}, 1000)', 200)
    expect(result).toMatchObject({ signal: 'SIGKILL', hasTimedOut: true })
  })

  it('fails with everything it printed', async () => {
    await expect(runTool(process.execPath, ['-e', "console.error('why'); process.exit(4)"])).rejects.toThrow(
      /exit code 4\nwhy/,
    )
  })

  it('that does not exist says so', async () => {
    await expect(tryTool('no-such-program', [])).rejects.toThrow('cannot start no-such-program')
  })
})
