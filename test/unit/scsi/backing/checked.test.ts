import { describe, expect, it } from 'vitest'
import type { BackingDone, BackingStore } from '../../../../scsi/backing/backing-store.ts'
import { CheckedStore } from '../../../../scsi/backing/checked.ts'
import { MemoryStore } from '../../../../scsi/backing/memory.ts'
import { close, flush, outcome, pattern, read, write, writeZeroes } from '../../../support/backing-calls.ts'
import { describeBackingStore } from '../../../support/backing-suite.ts'

const SIZE_BYTES = 8192

describeBackingStore('a checked store', (sizeBytes) => new CheckedStore(new MemoryStore(sizeBytes)))

/** A memory store that counts what reaches it and may misbehave, checked; what the check complained about. */
function misbehaving(changes: Partial<BackingStore>) {
  const complaints: string[] = []
  const memory = new MemoryStore(SIZE_BYTES)
  const bare: BackingStore = {
    capabilities: memory.capabilities,
    sizeBytes: memory.sizeBytes,
    readv: memory.readv.bind(memory),
    writev: memory.writev.bind(memory),
    writeZeroes: memory.writeZeroes.bind(memory),
    readAllocation: memory.readAllocation.bind(memory),
    readSpace: memory.readSpace.bind(memory),
    resize: memory.resize.bind(memory),
    flush: memory.flush.bind(memory),
    close: memory.close.bind(memory),
    ...changes,
  }
  return { complaints, store: new CheckedStore(bare, (message) => complaints.push(message)) }
}

describe('a checked store refuses a caller', () => {
  it.each([
    { title: 'nothing', offsetBytes: 0, byteCount: 0 },
    { title: 'one byte too many', offsetBytes: 4096, byteCount: 4097 },
    { title: 'what begins at the end', offsetBytes: SIZE_BYTES, byteCount: 1 },
    { title: 'a negative offset', offsetBytes: -1, byteCount: 1 },
    { title: 'half an offset', offsetBytes: 0.5, byteCount: 1 },
    { title: 'no number', offsetBytes: Number.NaN, byteCount: 1 },
    { title: 'an offset beyond exact numbers', offsetBytes: 2 ** 53, byteCount: 1 },
  ])('that asks for $title, and leaves the store alone', async ({ offsetBytes, byteCount }) => {
    const memory = new MemoryStore(SIZE_BYTES)
    const content = pattern(SIZE_BYTES, 1)
    await write(memory, 0, content)
    const store = new CheckedStore(memory)
    const buffers = [Buffer.alloc(byteCount)]
    const outcomes = [
      await outcome((done) => store.readv(buffers, offsetBytes, done)),
      await outcome((done) => store.writev(buffers, offsetBytes, false, done)),
      await writeZeroes(store, offsetBytes, byteCount),
    ]
    expect(outcomes.map((error) => error?.kind)).toEqual(['outOfRange', 'outOfRange', 'outOfRange'])
    expect(outcomes[0]?.message).toContain(`${SIZE_BYTES} bytes`)
    expect(await read(memory, 0, SIZE_BYTES)).toEqual(content)
  })

  it('that changes a read-only store', async () => {
    const store = new CheckedStore(new MemoryStore(SIZE_BYTES, { isReadOnly: true }))
    expect((await write(store, 0, Buffer.alloc(1)))?.kind).toBe('readOnly')
    expect((await writeZeroes(store, 0, 1))?.kind).toBe('readOnly')
    expect(await flush(store)).toBeNull()
  })

  it('that wants space given back by a store that is not thin', async () => {
    const capabilities = { ...new MemoryStore(SIZE_BYTES).capabilities, thin: false }
    const { store } = misbehaving({ capabilities })
    expect((await writeZeroes(store, 0, 512, true))?.kind).toBe('unsupported')
    expect(await writeZeroes(store, 0, 512, false)).toBeNull()
  })

  it('that goes on after close', async () => {
    const calls: string[] = []
    const { store } = misbehaving({ readv: () => calls.push('readv'), flush: () => calls.push('flush') })
    await close(store)
    expect((await outcome((done) => store.readv([Buffer.alloc(1)], 0, done)))?.kind).toBe('closed')
    expect((await flush(store))?.kind).toBe('closed')
    expect((await close(store))?.kind).toBe('closed')
    expect(calls).toEqual([])
  })
})

describe('a checked store complains about a store', () => {
  it('that completes twice, and tells the caller once', () => {
    const { store, complaints } = misbehaving({
      flush(done) {
        done(null)
        done(null)
      },
    })
    let completions = 0
    store.flush(() => (completions += 1))
    expect(completions).toBe(1)
    expect(complaints).toEqual(['flush: completed a second time'])
  })

  it('that throws, and completes for it', async () => {
    const { store, complaints } = misbehaving({
      readv() {
        throw new Error('unforeseen')
      },
    })
    const error = await outcome((done) => store.readv([Buffer.alloc(1)], 0, done))
    expect(error).toMatchObject({ kind: 'io', message: expect.stringContaining('unforeseen') })
    expect(complaints).toEqual(['readv: threw Error: unforeseen'])
  })

  it('that closes while an operation was never completed', async () => {
    const { store, complaints } = misbehaving({ flush: () => {} })
    store.flush(() => {})
    await close(store)
    expect(complaints).toEqual(['close: completed while 1 operations were not'])
  })

  it('that has an impossible size or I/O granularity', () => {
    const capabilities = { ...new MemoryStore(1).capabilities, optimalIoBytes: 3000 }
    expect(misbehaving({ sizeBytes: 0.5, capabilities }).complaints).toHaveLength(2)
    expect(misbehaving({}).complaints).toEqual([])
  })

  it('by throwing, unless told otherwise', () => {
    const bare = { ...new MemoryStore(1), sizeBytes: -1, capabilities: new MemoryStore(1).capabilities } as MemoryStore
    expect(() => new CheckedStore(bare)).toThrow('positive whole number')
  })
})

describe('a checked store around one that answers at once', () => {
  it('lets a caller go on from completion to completion without end', async () => {
    const store = new CheckedStore(new MemoryStore(SIZE_BYTES))
    const buffers = [Buffer.alloc(512)]
    const count = await new Promise<number>((resolve) => {
      let completions = 0
      const goOn: BackingDone = () => {
        completions += 1
        if (completions === 100_000) resolve(completions)
        else store.readv(buffers, 0, goOn)
      }
      store.readv(buffers, 0, goOn)
    })
    expect(count).toBe(100_000)
  })

  it('closes after the completions that it put off', async () => {
    const store = new CheckedStore(new MemoryStore(SIZE_BYTES))
    const order: string[] = []
    await new Promise<void>((resolve) => {
      const nest = (level: number): void =>
        store.flush(() => {
          order.push(`flush ${level}`)
          if (level < 100) nest(level + 1)
          if (level > 0) return
          expect(order.length).toBeLessThan(100)
          store.close(() => {
            order.push('close')
            resolve()
          })
        })
      nest(0)
    })
    expect(order.length).toBeGreaterThan(30)
    expect(order.at(-1)).toBe('close')
    await new Promise((resolve) => setImmediate(resolve))
    expect(order.filter((entry) => entry.startsWith('flush'))).toHaveLength(order.length - 1)
  })

  it("passes on what the caller's own completion throws", () => {
    const store = new CheckedStore(new MemoryStore(SIZE_BYTES))
    const fail = () => {
      throw new Error('of the caller')
    }
    expect(() => store.flush(fail)).toThrow('of the caller')
  })
})
