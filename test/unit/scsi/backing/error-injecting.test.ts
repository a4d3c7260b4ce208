import { describe, expect, it } from 'vitest'
import type { BackingError } from '../../../../scsi/backing/backing-store.ts'
import { ErrorInjectingStore, type Fault } from '../../../../scsi/backing/error-injecting.ts'
import { MemoryStore } from '../../../../scsi/backing/memory.ts'
import { flush, outcome, pattern, read, write, writeZeroes } from '../../../support/backing-calls.ts'
import { describeBackingStore } from '../../../support/backing-suite.ts'

const ERROR: BackingError = { kind: 'io', message: 'injected' }
const SIZE_BYTES = 8192

const storeWith = (...faults: Omit<Fault, 'error'>[]) =>
  new ErrorInjectingStore(
    new MemoryStore(SIZE_BYTES),
    faults.map((fault) => ({ ...fault, error: ERROR })),
  )

describeBackingStore(
  'an error-injecting store without faults',
  (size) => new ErrorInjectingStore(new MemoryStore(size)),
)

describe('an error-injecting store', () => {
  it.each(['readv', 'writev', 'writeZeroes', 'flush'] as const)('fails %s and nothing else', async (operation) => {
    const store = storeWith({ operation })
    const outcomes = {
      readv: await outcome((done) => store.readv([Buffer.alloc(1)], 0, done)),
      writev: await write(store, 0, Buffer.alloc(1)),
      writeZeroes: await writeZeroes(store, 0, 1),
      flush: await flush(store),
    }
    expect(outcomes).toEqual({ readv: null, writev: null, writeZeroes: null, flush: null, [operation]: ERROR })
  })

  it('hits only what touches the range', async () => {
    const store = storeWith({ operation: 'writev', fromByte: 1000, toByte: 2000 })
    const at = (offsetBytes: number, byteCount: number) => write(store, offsetBytes, Buffer.alloc(byteCount))
    expect([await at(0, 1000), await at(2000, 10)]).toEqual([null, null])
    expect([await at(0, 1001), await at(1999, 1), await at(0, 8192)]).toEqual([ERROR, ERROR, ERROR])
  })

  it('lets some pass, hits some, and is well again', async () => {
    const store = storeWith({ operation: 'flush', skipCount: 2, hitCount: 1 })
    const outcomes = []
    for (let count = 0; count < 4; count++) outcomes.push(await flush(store))
    expect(outcomes).toEqual([null, null, ERROR, null])
  })

  it('can be made ill and well at any time', async () => {
    const store = storeWith()
    store.inject({ operation: 'flush', error: ERROR })
    expect(await flush(store)).toEqual(ERROR)
    store.clear()
    expect(await flush(store)).toBeNull()
  })

  it('tears a write where it is told to', async () => {
    const store = storeWith({ operation: 'writev', movedBytes: 700 }, { operation: 'writeZeroes', movedBytes: 100 })
    expect(await write(store, 0, pattern(1024, 1), 2)).toEqual(ERROR)
    const torn = Buffer.concat([pattern(1024, 1).subarray(0, 700), Buffer.alloc(324)])
    expect(await read(store, 0, 1024)).toEqual(torn)
    expect(await writeZeroes(store, 0, 1024)).toEqual(ERROR)
    expect(await read(store, 0, 1024)).toEqual(torn.fill(0, 0, 100))
  })

  it('tears a read where it is told to', async () => {
    const store = storeWith({ operation: 'readv', movedBytes: 5 })
    const data = Buffer.alloc(8, 'x')
    expect(await outcome((done) => store.readv([data], 0, done))).toEqual(ERROR)
    expect(data.toString('latin1')).toBe('\0\0\0\0\0xxx')
  })
})
