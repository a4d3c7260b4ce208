import { truncateSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { FileDone, FileOperations } from '../../../scsi/backing/file-operations.ts'
import { POOLED_IO, SYNCHRONOUS_IO } from '../../../scsi/backing/io-policy.ts'
import { openRawFile } from '../../../scsi/backing/raw-file.ts'
import { close, flush, outcome, pattern, read, write, writeZeroes } from '../../support/backing-calls.ts'
import {
  directoryForTest,
  makeRawFile,
  operationsWith,
  sparseFile,
  systemFailure,
} from '../../support/raw-file-stores.ts'

const SIZE_BYTES = 2 ** 20
const POLICIES = [
  { way: 'at once', policy: SYNCHRONOUS_IO },
  { way: 'through the pool', policy: POOLED_IO },
]

/** Calls that fail with `code`: reads and writes, at once and through the pool, the first `count` times. */
function failing(code: string, count = Number.POSITIVE_INFINITY): FileOperations {
  const real = operationsWith({})
  let left = count
  const isHit = () => left-- > 0
  const now =
    (call: FileOperations['readSync']): FileOperations['readSync'] =>
    (...args) => {
      if (isHit()) throw systemFailure(code)
      return call(...args)
    }
  const later =
    (call: FileOperations['read']): FileOperations['read'] =>
    (fd, buffers, offsetBytes, done: FileDone) => {
      if (isHit()) setImmediate(() => done(systemFailure(code), 0))
      else call(fd, buffers, offsetBytes, done)
    }
  return operationsWith({
    readSync: now(real.readSync),
    writeSync: now(real.writeSync),
    read: later(real.read),
    write: later(real.write),
  })
}

const readOutcome = (store: Parameters<typeof read>[0]) =>
  outcome((done) => store.readv([Buffer.alloc(4096)], 8192, done))

describe.each(POLICIES)('when the system fails $way', ({ policy }) => {
  it.each([
    { code: 'ENOSPC', kind: 'noSpace' },
    { code: 'EDQUOT', kind: 'noSpace' },
    { code: 'EROFS', kind: 'readOnly' },
    { code: 'EPERM', kind: 'readOnly' },
    { code: 'EIO', kind: 'io' },
    { code: 'ESTALE', kind: 'io' },
  ])('a write that gets $code is told as $kind, with the code and the place', async ({ code, kind }) => {
    const store = await makeRawFile(SIZE_BYTES, { policy, operations: failing(code) })
    for (const forceUnitAccess of [false, true]) {
      const error = await write(store, 8192, Buffer.alloc(4096), 2, forceUnitAccess)
      expect(error).toMatchObject({ kind, message: expect.stringContaining(code) })
      expect(error?.message).toContain('disk.img bytes 8192 to 12287')
    }
    expect((await writeZeroes(store, 0, SIZE_BYTES))?.kind).toBe(kind)
    await close(store)
  })

  it.each(['EIO', 'ENOSPC', 'EPERM'])('a read that gets %s is told as io', async (code) => {
    const store = await makeRawFile(SIZE_BYTES, { policy, operations: failing(code) })
    expect(await readOutcome(store)).toMatchObject({ kind: 'io', message: expect.stringContaining(code) })
    await close(store)
  })

  it.each(['EINTR', 'EAGAIN'])('%s is no failure', async (code) => {
    for (const count of [1, 50]) {
      const store = await makeRawFile(SIZE_BYTES, { policy, operations: failing(code, count) })
      expect(await write(store, 100, pattern(4096, count), 3)).toBeNull()
      expect(await read(store, 100, 4096)).toEqual(pattern(4096, count))
      await close(store)
    }
  })

  it('EAGAIN for ever is told as io in the end', async () => {
    const store = await makeRawFile(SIZE_BYTES, { policy, operations: failing('EAGAIN') })
    expect((await readOutcome(store))?.kind).toBe('io')
    expect((await write(store, 0, Buffer.alloc(512)))?.kind).toBe('io')
    await close(store)
  })

  it('a read past the end of a file that shrank is an error, and no stale memory', async () => {
    const path = directoryForTest().file('disk.img')
    const store = await openRawFile(sparseFile(path, SIZE_BYTES), { policy })
    truncateSync(path, 10_000)
    const error = await readOutcome(store)
    expect(error).toMatchObject({ kind: 'io', message: expect.stringContaining(`no longer has its ${SIZE_BYTES}`) })
    expect(await read(store, 0, 8192)).toEqual(Buffer.alloc(8192))
    await close(store)
  })
})

describe('when fdatasync fails once', () => {
  /** A disk with acknowledged data that one failed sync lost, and how many syncs the system was asked for. */
  async function afterFailedSync() {
    const path = directoryForTest().file('disk.img')
    const calls = { syncs: 0, writes: 0 }
    const real = operationsWith({})
    const operations = operationsWith({
      writeSync: (fd, buffers, offsetBytes) => {
        calls.writes += 1
        return real.writeSync(fd, buffers, offsetBytes)
      },
      dataSync: (fd, done) => {
        calls.syncs += 1
        if (calls.syncs === 1) setImmediate(() => done(systemFailure('EIO')))
        else real.dataSync(fd, done)
      },
    })
    const store = await openRawFile(sparseFile(path, SIZE_BYTES), { operations, policy: SYNCHRONOUS_IO })
    await write(store, 0, pattern(512, 1))
    expect(await flush(store)).toMatchObject({ kind: 'io', message: expect.stringContaining('EIO') })
    return { path, calls, store }
  }

  it('no later flush, forced write or close claims that data are safe', async () => {
    const { calls, store } = await afterFailedSync()
    expect((await flush(store))?.kind).toBe('io')
    const writesBefore = calls.writes
    expect((await write(store, 0, Buffer.alloc(512), 1, true))?.kind).toBe('io')
    expect(calls.writes).toBe(writesBefore)
    expect((await close(store))?.kind).toBe('io')
    expect(calls.syncs).toBe(1)
  })

  it('reads and plain writes, which promise nothing, go on', async () => {
    const { store } = await afterFailedSync()
    expect(await write(store, 512, pattern(512, 2))).toBeNull()
    expect(await read(store, 512, 512)).toEqual(pattern(512, 2))
    await close(store)
  })

  it('opening the disk again starts anew', async () => {
    const { path, store } = await afterFailedSync()
    await close(store)
    const again = await openRawFile(path)
    expect(await write(again, 0, pattern(512, 3), 1, true)).toBeNull()
    expect(await flush(again)).toBeNull()
    expect(await close(again)).toBeNull()
  })

  it('a forced write that shares the sync fails with it', async () => {
    const operations = operationsWith({ dataSync: (_fd, done) => setImmediate(() => done(systemFailure('EIO'))) })
    const store = await makeRawFile(SIZE_BYTES, { operations })
    const outcomes = await Promise.all([
      write(store, 0, Buffer.alloc(512), 1, true),
      write(store, 512, Buffer.alloc(512), 1, true),
      flush(store),
    ])
    expect(outcomes.map((error) => error?.kind)).toEqual(['io', 'io', 'io'])
    await close(store)
  })
})

it('a failed close of the descriptor is told', async () => {
  const real = operationsWith({})
  const operations = operationsWith({ close: (fd, done) => real.close(fd, () => done(systemFailure('EIO'))) })
  const store = await makeRawFile(SIZE_BYTES, { operations })
  expect(await close(store)).toMatchObject({ kind: 'io', message: expect.stringContaining('close') })
})
