import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../../../scsi/backing/memory.ts'
import { read, write, writeZeroes } from '../../../support/backing-calls.ts'
import { describeBackingStore } from '../../../support/backing-suite.ts'

describeBackingStore('a memory store', (sizeBytes) => new MemoryStore(sizeBytes))

describe('a memory store', () => {
  it('takes memory only for what was written, even when it is huge', async () => {
    const store = new MemoryStore(2 ** 53 - 1)
    expect(store.allocatedBytes).toBe(0)
    await write(store, 2 ** 52, Buffer.from('far away'))
    expect(store.allocatedBytes).toBeGreaterThan(0)
    expect(store.allocatedBytes).toBeLessThanOrEqual(2 ** 17)
    expect((await read(store, 2 ** 52, 8)).toString()).toBe('far away')
  })

  it('gives whole chunks back, and only if it may', async () => {
    const store = new MemoryStore(2 ** 20)
    await write(store, 0, Buffer.alloc(2 ** 20, 1))
    expect(store.allocatedBytes).toBe(2 ** 20)
    await writeZeroes(store, 0, 2 ** 20, false)
    expect(store.allocatedBytes).toBe(2 ** 20)
    await writeZeroes(store, 1, 2 ** 19, true)
    const expected = 2 ** 20 - (2 ** 19 - store.capabilities.optimalIoBytes)
    expect(store.allocatedBytes).toBe(expected)
  })

  it('refuses changes when it is read-only', async () => {
    const store = new MemoryStore(4096, { isReadOnly: true })
    expect(store.capabilities.readOnly).toBe(true)
    expect((await write(store, 0, Buffer.alloc(512)))?.kind).toBe('readOnly')
    expect((await writeZeroes(store, 0, 512))?.kind).toBe('readOnly')
    expect(await read(store, 0, 4096)).toEqual(Buffer.alloc(4096))
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('cannot have a size of %d', (sizeBytes) => {
    expect(() => new MemoryStore(sizeBytes)).toThrow(`not ${sizeBytes}`)
  })
})
