import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { runTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { pattern } from '../support/wire-scsi.ts'

describeWithTools(['qemu-img', 'qemu-iscsi', 'iscsi-inq'], 'an ISO image', () => {
  const directory = temporaryDirectory()
  const image = directory.file('boot.iso')
  let server: ServerProcess

  beforeAll(async () => {
    const contents = pattern(512 * 2048)
    contents.write('CD001', 16 * 2048 + 1, 'latin1')
    writeFileSync(image, contents)
    server = await startServer({ directory: directory.path, args: [image] })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    directory[Symbol.dispose]()
  })

  it('is a removable CD device to libiscsi', async () => {
    const output = await runTool('iscsi-inq', [server.url(0)])
    expect(output).toMatch(/Peripheral Device Type:MMC/)
    expect(output).toMatch(/Removable:1/)
  })

  it('is read by QEMU as it is', async () => {
    await runTool('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', image, server.url(0)])
  })
})
