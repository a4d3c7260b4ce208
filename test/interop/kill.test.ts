import { statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describeWithTools } from '../support/describe-with-tools.ts'
import { createSparseFile } from '../support/disk-files.ts'
import { runTool, type ToolResult, tryTool } from '../support/run-tool.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MIB = 2 ** 20
const DISK_BYTES = 256 * MIB
const FLUSHED_BYTES = 64 * MIB
const WRITE_BYTES = 4096

describeWithTools(['qemu-io', 'qemu-img', 'qemu-iscsi', 'iscsi-inq'], 'kill -9', () => {
  it('loses no flushed write and no identity, also when it comes amid writes', async () => {
    using directory = temporaryDirectory()
    createSparseFile(directory.file('disk.img'), DISK_BYTES)
    const start = (): Promise<ServerProcess> => startServer({ directory: directory.path, args: ['disk.img'] })
    const before = await start()
    const identity = await identityOf(before)
    await runTool('qemu-io', ['-f', 'raw', '-c', `write -P 0x5a 0 ${FLUSHED_BYTES}`, '-c', 'flush', before.url(0)])
    const writer = startWriting(before.url(0))
    await waitUntil(() => allocatedBytes(directory.file('disk.img')) > FLUSHED_BYTES + 8 * MIB)
    await before.kill()
    await writer

    await using after = await start()
    expect(await identityOf(after)).toEqual(identity)
    expect(after.targetName).toBe(before.targetName)
    await runTool('qemu-io', ['-f', 'raw', '-c', `read -P 0x5a 0 ${FLUSHED_BYTES}`, after.url(0)])
  })

  it('keeps the identity of the disk that the server made itself', async () => {
    using directory = temporaryDirectory()
    const before = await startServer({ directory: directory.path })
    const identity = await identityOf(before)
    await before.kill()
    await using after = await startServer({ directory: directory.path })
    expect(await identityOf(after)).toEqual(identity)
    expect(after.targetName).toBe(before.targetName)
  })
})

/**
 * Writes behind what was flushed, to the end of the disk at most. It would try to reconnect to a server that is gone for
 * as long as it is let.
 */
function startWriting(url: string): Promise<ToolResult> {
  const count = (DISK_BYTES - FLUSHED_BYTES) / WRITE_BYTES
  const sizes = ['-c', `${count}`, '-d', '32', '-s', `${WRITE_BYTES}`, '-o', `${FLUSHED_BYTES}`]
  return tryTool('qemu-img', ['bench', '-w', '--pattern=17', '-f', 'raw', ...sizes, url], { timeoutMs: 3_000 })
}

function allocatedBytes(path: string): number {
  return statSync(path).blocks * 512
}

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setTimeout(5)
}

/** Unit serial number and designators as iscsi-inq prints them. */
async function identityOf(server: ServerProcess): Promise<string[]> {
  const pages = [0x80, 0x83].map((page) => runTool('iscsi-inq', ['-e', '1', '-c', `${page}`, server.url(0)]))
  return await Promise.all(pages)
}
