import { execFileSync } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AllocationMap } from '../../../../scsi/backing/allocation-map.ts'
import { openRawFile } from '../../../../scsi/backing/raw-file.ts'
import { close, flush, pattern, read, readAllocation, write, writeZeroes } from '../../../support/backing-calls.ts'
import {
  directoryForTest,
  makeRawFile,
  operationsWith,
  sparseFile,
  systemFailure,
} from '../../../support/raw-file-stores.ts'

const MIB = 2 ** 20

/** What the file takes on its file system, as du tells it. */
function usedKib(path: string): number {
  return Number(execFileSync('du', ['--block-size=1024', path], { encoding: 'utf8' }).split('\t')[0])
}

describe.runIf(process.platform === 'linux')('a raw file', () => {
  async function fullFile() {
    const path = sparseFile(directoryForTest().file('disk.img'), 8 * MIB)
    const store = await openRawFile(path)
    onTestFinished(async () => void (await close(store)))
    await write(store, 0, pattern(8 * MIB, 1))
    await flush(store)
    return { path, store }
  }

  it('gives space back to the file system, as du sees it, and keeps its size', async () => {
    const { path, store } = await fullFile()
    const fullKib = usedKib(path)
    expect(await writeZeroes(store, MIB, 6 * MIB, true)).toBeNull()
    expect(fullKib - usedKib(path)).toBeGreaterThanOrEqual(6 * 1024)
    expect((await read(store, 7 * MIB, MIB)).equals(pattern(8 * MIB, 1).subarray(7 * MIB))).toBe(true)
  })

  it('never loses a write that follows a hole, and never brings back one that it was punched into', async () => {
    const { store } = await fullFile()
    for (let round = 0; round < 50; round++) {
      const place = (round % 8) * MIB
      await writeZeroes(store, place, MIB, true)
      await write(store, place + 4096 * round, pattern(4096, round))
      expect((await read(store, place + 4096 * round, 4096)).equals(pattern(4096, round))).toBe(true)
      await writeZeroes(store, place + 4096 * round, 4096, true)
      expect((await read(store, place, MIB)).equals(Buffer.alloc(MIB))).toBe(true)
    }
  })

  it('tells its holes also when it is open for reading only', async () => {
    const { path, store } = await fullFile()
    await writeZeroes(store, MIB, MIB, true)
    const reader = await openRawFile(path, { isReadOnly: true })
    const map = new AllocationMap(10)
    expect(await readAllocation(reader, map, 0, 8 * MIB)).toBeNull()
    await close(reader)
    expect(map.extents).toEqual([
      { byteCount: MIB, isAllocated: true },
      { byteCount: MIB, isAllocated: false },
      { byteCount: 6 * MIB, isAllocated: true },
    ])
  })

  it('writes zeroes where the file system refuses a hole after all', async () => {
    const refuse = operationsWith({ punchHole: (_fd, _at, _count, done) => done(systemFailure('EOPNOTSUPP')) })
    const store = await makeRawFile(MIB, { operations: refuse })
    onTestFinished(async () => void (await close(store)))
    await write(store, 0, pattern(MIB, 1))
    expect(await writeZeroes(store, 512, 4096, true)).toBeNull()
    expect((await read(store, 512, 4096)).equals(Buffer.alloc(4096))).toBe(true)
  })

  it('says that it is not thin where holes cannot be punched, and takes everything for allocated', async () => {
    const store = await makeRawFile(MIB, { operations: operationsWith({ canPunchHoles: async () => false }) })
    onTestFinished(async () => void (await close(store)))
    const map = new AllocationMap(10)
    expect(await readAllocation(store, map, 0, MIB)).toBeNull()
    expect([store.capabilities.thin, map.extents]).toEqual([false, [{ byteCount: MIB, isAllocated: true }]])
  })

  it.each([
    ['EIO', 'io'],
    ['ENOSPC', 'noSpace'],
  ])('reports %s of a hole as %s', async (code, kind) => {
    const fail = operationsWith({ punchHole: (_fd, _at, _count, done) => done(systemFailure(code)) })
    const store = await makeRawFile(MIB, { operations: fail })
    onTestFinished(async () => void (await close(store)))
    expect(await writeZeroes(store, 0, 4096, true)).toMatchObject({ kind })
  })
})
