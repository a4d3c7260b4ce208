import { statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { POOLED_IO, SYNCHRONOUS_IO } from '../../../../scsi/backing/io-policy.ts'
import { openRawFile } from '../../../../scsi/backing/raw-file.ts'
import { close, flush, pattern, read, write, writeZeroes } from '../../../support/backing-calls.ts'
import { describeBackingStore } from '../../../support/backing-suite.ts'
import { directoryForTest, makeRawFile, operationsWith, sparseFile } from '../../../support/raw-file-stores.ts'

const MIB = 2 ** 20

describeBackingStore('a raw file', (sizeBytes) => makeRawFile(sizeBytes))
describeBackingStore('a raw file through the pool', (sizeBytes) => makeRawFile(sizeBytes, { policy: POOLED_IO }))
describeBackingStore('a raw file at once', (sizeBytes) => makeRawFile(sizeBytes, { policy: SYNCHRONOUS_IO }))

describe('a raw file', () => {
  it('keeps its bytes from one opening to the next', async () => {
    const path = directoryForTest().file('disk.img')
    const first = await openRawFile(sparseFile(path, MIB))
    await write(first, 1000, pattern(100_000, 1), 3)
    expect(await close(first)).toBeNull()
    const second = await openRawFile(path)
    expect(second.sizeBytes).toBe(MIB)
    expect(await read(second, 1000, 100_000)).toEqual(pattern(100_000, 1))
    await close(second)
  })

  it.each([
    { title: 'at once', policy: SYNCHRONOUS_IO },
    { title: 'through the pool', policy: POOLED_IO },
  ])('reaches every byte of a disk of several TiB $title', async ({ policy }) => {
    const store = await makeRawFile(6 * 2 ** 40, { policy })
    const places = [0, 2 ** 31 - 100, 2 ** 32 - 100, 2 ** 42 + 2 ** 32 - 1, store.sizeBytes - 4096]
    for (const [seed, place] of places.entries()) expect(await write(store, place, pattern(4096, seed), 2)).toBeNull()
    for (const [seed, place] of places.entries()) {
      expect(await read(store, place, 4096)).toEqual(pattern(4096, seed))
      expect(await read(store, place, 4096, 3)).toEqual(pattern(4096, seed))
    }
    expect(await read(store, 2 ** 40, 4096)).toEqual(Buffer.alloc(4096))
    await close(store)
  })

  it('says what it can do', async () => {
    const store = await makeRawFile(MIB)
    expect(store.capabilities).toMatchObject({ readOnly: false, volatileWriteCache: true, thin: true })
    expect(Math.log2(store.capabilities.optimalIoBytes) % 1).toBe(0)
    expect(store.capabilities.optimalIoBytes).toBeGreaterThanOrEqual(4096)
    await close(store)
  })

  it('opened read-only serves reads, refuses changes, and needs no sync', async () => {
    const path = directoryForTest().file('disk.img')
    const writable = await openRawFile(sparseFile(path, MIB))
    await write(writable, 0, pattern(4096, 1))
    await close(writable)
    const operations = operationsWith({ dataSync: () => expect.unreachable('a read-only file was synced') })
    const store = await openRawFile(path, { isReadOnly: true, operations })
    expect(store.capabilities).toMatchObject({ readOnly: true, volatileWriteCache: false })
    expect((await write(store, 0, Buffer.alloc(512)))?.kind).toBe('readOnly')
    expect((await writeZeroes(store, 0, 512))?.kind).toBe('readOnly')
    expect(await flush(store)).toBeNull()
    expect(await read(store, 0, 4096)).toEqual(pattern(4096, 1))
    expect(await close(store)).toBeNull()
  })

  it('stays sparse where zeroes are written over holes', async () => {
    const path = directoryForTest().file('disk.img')
    const store = await openRawFile(sparseFile(path, 8 * MIB))
    const before = statSync(path).blocks
    expect(await writeZeroes(store, 0, 8 * MIB)).toBeNull()
    expect(statSync(path).blocks).toBe(before)
    await write(store, 4 * MIB, pattern(4096, 1))
    expect(await writeZeroes(store, 0, 8 * MIB)).toBeNull()
    expect(statSync(path).blocks * 512).toBeLessThan(MIB)
    expect((await read(store, 0, 8 * MIB)).equals(Buffer.alloc(8 * MIB))).toBe(true)
    await close(store)
  })

  it('does not look before it zeroes a file without holes', async () => {
    let reads = 0
    const real = operationsWith({})
    const operations = operationsWith({
      allocatedBytes: (_fd, done) => done(null, MIB),
      read: (fd, buffers, offsetBytes, done) => {
        reads += 1
        real.read(fd, buffers, offsetBytes, done)
      },
    })
    const store = await makeRawFile(MIB, { operations })
    expect(await writeZeroes(store, 0, MIB)).toBeNull()
    expect(reads).toBe(0)
    await close(store)
  })

  it('is durable before a write with force unit access is done', async () => {
    const calls: string[] = []
    const real = operationsWith({})
    const operations = operationsWith({
      writeSync: (fd, buffers, offsetBytes) => {
        calls.push('write')
        return real.writeSync(fd, buffers, offsetBytes)
      },
      dataSync: (fd, done) => {
        calls.push('sync')
        real.dataSync(fd, (error) => {
          calls.push('synced')
          done(error)
        })
      },
    })
    const store = await makeRawFile(MIB, { operations, policy: SYNCHRONOUS_IO })
    expect(await write(store, 0, pattern(512, 1), 1, false)).toBeNull()
    expect(calls).toEqual(['write'])
    expect(await write(store, 0, pattern(512, 2), 1, true)).toBeNull()
    expect(calls).toEqual(['write', 'write', 'sync', 'synced'])
    await close(store)
  })

  it('closes its descriptor once, after the last operation and a sync', async () => {
    const calls: string[] = []
    const real = operationsWith({})
    const operations = operationsWith({
      read: (fd, buffers, offsetBytes, done) =>
        real.read(fd, buffers, offsetBytes, (error, byteCount) => {
          calls.push('read')
          done(error, byteCount)
        }),
      dataSync: (fd, done) => {
        calls.push('sync')
        real.dataSync(fd, done)
      },
      close: (fd, done) => {
        calls.push('close')
        real.close(fd, done)
      },
    })
    const store = await makeRawFile(MIB, { operations, policy: POOLED_IO })
    const reading = read(store, 0, MIB)
    expect(await close(store)).toBeNull()
    await reading
    expect((await close(store))?.kind).toBe('closed')
    expect(calls).toEqual(['read', 'sync', 'close'])
  })
})
