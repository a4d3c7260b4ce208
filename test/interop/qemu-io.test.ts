import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { createNoiseFile, createSparseFile } from '../support/disk-files.ts'
import { runTool, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MIB = 2 ** 20
const DISK_BYTES = 64 * MIB

describeWithTools(['qemu-img', 'qemu-io', 'qemu-iscsi'], 'QEMU tools', () => {
  const directory = temporaryDirectory()
  const disk = directory.file('disk.img')
  let server: ServerProcess

  beforeAll(async () => {
    createSparseFile(disk, DISK_BYTES)
    server = await startServer({ directory: directory.path, args: [disk] })
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    directory[Symbol.dispose]()
  })

  /** Runs commands of qemu-io one after another; a pattern that does not match makes it fail. */
  const qemuIo = (...commands: string[]): Promise<string> =>
    runTool('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), server.url(0)])

  it('reads back what it wrote, at every size from a block to several bursts', async () => {
    const sizesBytes = [512, 4096, 65_536, 262_144, MIB, 8 * MIB]
    await qemuIo(...sizesBytes.map((size, i) => `write -P ${i + 1} ${i * 8 * MIB} ${size}`), 'flush')
    await qemuIo(...sizesBytes.map((size, i) => `read -P ${i + 1} ${i * 8 * MIB} ${size}`))
  })

  it('leaves the neighbours of a write alone', async () => {
    await qemuIo('write -P 0xaa 0 1M', 'write -P 0x55 4608 512')
    await qemuIo('read -P 0xaa 0 4608', 'read -P 0x55 4608 512', `read -P 0xaa 5120 ${MIB - 5120}`)
  })

  it('has several requests in flight, and FUA writes among them', async () => {
    const writes = Array.from({ length: 32 }, (_, i) => `aio_write -P ${i + 1} ${i * MIB} 1M`)
    await qemuIo(...writes, 'aio_flush', 'write -f -P 0x77 40M 64k')
    await qemuIo(...writes.map((_, i) => `read -P ${i + 1} ${i * MIB} 1M`), 'read -P 0x77 40M 64k')
  })

  it('reads zeroes where zeroes were written over data', async () => {
    await qemuIo('write -P 0xee 8M 2M', 'write -z 8M 1M')
    await qemuIo('read -P 0 8M 1M', 'read -P 0xee 9M 1M')
  })

  it('refuses to read beyond the end', async () => {
    const result = await tryTool('qemu-io', ['-f', 'raw', '-c', `read ${DISK_BYTES} 512`, server.url(0)])
    expect(result.stdout + result.stderr).toMatch(/Input\/output error|Invalid argument/)
  })

  it('converts an image in and out unchanged', async () => {
    const source = directory.file('source.img')
    const copy = directory.file('copy.img')
    createNoiseFile(source, DISK_BYTES, 7)
    await runTool('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', source, server.url(0)])
    await runTool('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', source, server.url(0)])
    await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', server.url(0), copy])
    await runTool('cmp', [source, copy])
    await runTool('cmp', [source, disk])
  })
})
