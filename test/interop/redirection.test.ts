import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { runTool } from '../support/run-tool.ts'
import { startServer } from '../support/server-process.ts'

const NAME = 'iqn.2026-11.example:moved'
const DISK = ['disk.img', '--size', '1M', '--target-name', NAME]

describeWithTools(['iscsi-inq', 'iscsi-ls'], 'libiscsi', () => {
  it('[PORT-5] follows a redirection to another server', async () => {
    await using home = await startServer({ args: DISK })
    await using former = await startServer({ args: [...DISK, '--redirect', `${home.host}:${home.port}`] })
    const serialNumber = ['-e', '1', '-c', '128']
    const direct = await runTool('iscsi-inq', [...serialNumber, home.url(0)])
    expect(direct).toMatch(/Unit Serial Number:\[\S+\]/)
    expect(await runTool('iscsi-inq', [...serialNumber, former.url(0)])).toBe(direct)
    expect(former.output()).toContain(`are sent elsewhere, for the time being: ${home.host}:${home.port}`)
    expect(await runTool('iscsi-ls', [former.portalUrl])).toContain(`Portal:${former.host}:${former.port},1`)
  })

  it('finds every portal with its group', async () => {
    await using server = await startServer({
      args: [...DISK, '--listen', '127.0.0.2:0,0', '--listen', '127.0.0.2:0,7'],
    })
    const listing = await runTool('iscsi-ls', [server.portalUrl])
    expect(listing).toMatch(/^Target:iqn\.2026-11\.example:moved Portal:127\.0\.0\.1:\d+,1$/m)
    expect(listing).toMatch(/Portal:127\.0\.0\.2:\d+,0/)
    expect(listing).toMatch(/Portal:127\.0\.0\.2:\d+,7/)
  })

  it('reaches a portal with IPv6', async () => {
    await using server = await startServer({ args: [...DISK, '--listen', '[::1]:0,6'] })
    const port = /^listening on \[::1\]:(\d+)$/m.exec(server.output())?.[1]
    expect(await runTool('iscsi-inq', [`iscsi://[::1]:${port}/${NAME}/0`])).toContain('Vendor:LUNETTE')
  })
})
