import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { createSparseFile } from '../support/disk-files.ts'
import { runTool, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MIB = 2 ** 20

/** Each vital product data page with what iscsi-inq must print of it. */
const VPD_PAGES = [
  { page: '00h', shows: [/0x80/, /0x83/, /0x86/, /0xb0/, /0xb1/, /0xb2/] },
  { page: '80h', shows: [/^Unit Serial Number:\[\S+\]$/m] },
  {
    page: '83h',
    shows: [/Designator Type:\(3\) NAA/, /Association:\(0\) LOGICAL_UNIT/, /Association:\(1\) TARGET_PORT/],
  },
  { page: 'B0h', shows: [/^maximum transfer length:[1-9]\d*$/m, /^optimal transfer length granularity:\d+$/m] },
  { page: 'B1h', shows: [/^Medium Rotation Rate:/m] },
  { page: 'B2h', shows: [/^provisioning type:\d$/m, /^lbpu:[01]$/m] },
]

describeWithTools(['iscsi-ls', 'iscsi-inq', 'iscsi-readcapacity16'], "libiscsi's utilities", () => {
  const directory = temporaryDirectory()
  let server: ServerProcess

  beforeAll(async () => {
    createSparseFile(directory.file('small.img'), 64 * MIB)
    createSparseFile(directory.file('large.img'), 3 * 2 ** 40)
    server = await startServer({ directory: directory.path, args: ['small.img', 'large.img'] })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    directory[Symbol.dispose]()
  })

  it('iscsi-ls discovers the target and its LUNs with their sizes', async () => {
    const listing = await runTool('iscsi-ls', ['--show-luns', server.portalUrl])
    expect(listing).toContain(`Target:${server.targetName} Portal:${server.host}:${server.port},1`)
    // It rounds the last block's address down, and asks with READ CAPACITY (10), which says nothing beyond 2 TiB.
    expect(listing).toMatch(/Lun:0 +Type:DIRECT_ACCESS \(Size:63M\)/)
    expect(listing).toMatch(/Lun:1 +Type:DIRECT_ACCESS \(Size:1T\)/)
  })

  it('iscsi-inq decodes the standard INQUIRY data', async () => {
    const data = await runTool('iscsi-inq', [server.url(0)])
    expect(data).toContain('Peripheral Device Type:DIRECT_ACCESS')
    expect(data).toContain('Peripheral Qualifier:CONNECTED')
    expect(data).toContain('CmdQue:1')
    expect(data).toMatch(/Vendor:LUNETTE/i)
  })

  it.each(VPD_PAGES)('iscsi-inq decodes VPD page $page', async ({ page, shows }) => {
    const data = await runTool('iscsi-inq', ['-e', '1', '-c', `${Number.parseInt(page, 16)}`, server.url(0)])
    for (const pattern of shows) expect(data).toMatch(pattern)
  })

  it('iscsi-readcapacity16 reads the size, beyond 2 TiB as well', async () => {
    expect(await runTool('iscsi-readcapacity16', ['--size', server.url(0)])).toBe(`${64 * MIB}\n`)
    expect(await runTool('iscsi-readcapacity16', ['--size', server.url(1)])).toBe(`${3 * 2 ** 40}\n`)
  })

  it('a LUN that is not there is refused with its sense code', async () => {
    const result = await tryTool('iscsi-readcapacity16', [server.url(7)])
    expect(result.exitCode).not.toBe(0)
    expect(result.stdout + result.stderr).toContain('LOGICAL_UNIT_NOT_SUPPORTED')
  })

  it('a target that is not there is refused at login', async () => {
    const result = await tryTool('iscsi-inq', [server.url(0).replace(server.targetName, 'iqn.2000-01.nowhere:none')])
    expect(result.exitCode).not.toBe(0)
    expect(result.stdout + result.stderr).toMatch(/not found/i)
  })
})
