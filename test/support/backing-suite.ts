/**
 * What every backing store does, as one suite, and as one model to check random operations against. A test file of a
 * store calls `describeBackingStore` with a way to make one; wrappers pass the same suite around a memory store.
 */

import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AllocationMap } from '../../scsi/backing/allocation-map.ts'
import type { BackingStore } from '../../scsi/backing/backing-store.ts'
import { CheckedStore } from '../../scsi/backing/checked.ts'
import {
  close,
  flush,
  outcome,
  pattern,
  read,
  readAllocation,
  readSpace,
  resize,
  write,
  writeZeroes,
} from './backing-calls.ts'

/** Makes a writable store of zeroes that nobody else uses. */
export type MakeStore = (sizeBytes: number) => Promise<BackingStore> | BackingStore

const MIB = 2 ** 20
/** More buffers than any system takes in one call (IOV_MAX is 1024 on most). */
const MANY_PIECES = 3000

export function describeBackingStore(name: string, makeStore: MakeStore): void {
  /** As a logical unit would use it, and closed when the test ends. */
  const open = async (sizeBytes: number): Promise<CheckedStore> => {
    const store = new CheckedStore(await makeStore(sizeBytes))
    onTestFinished(async () => void (await close(store)))
    return store
  }

  describe(`${name}, as every store,`, () => {
    it('has the size that was asked for', async () => {
      expect((await open(3 * 4096)).sizeBytes).toBe(3 * 4096)
    })

    it('reads zeroes where nothing was written', async () => {
      const store = await open(MIB)
      expectBytes(await read(store, 4096, 300_000, 3), Buffer.alloc(300_000))
    })

    it.each([
      { title: 'one buffer', pieceCount: 1 },
      { title: 'several buffers', pieceCount: 7 },
      { title: 'buffers of which some are empty', pieceCount: 130_000 },
      { title: 'more buffers than the system takes at once', pieceCount: MANY_PIECES },
    ])('reads back what was written from $title', async ({ pieceCount }) => {
      const store = await open(MIB)
      const data = pattern(pieceCount === 130_000 ? 65_537 : 200_001, pieceCount)
      expect(await write(store, 4097, data, pieceCount)).toBeNull()
      expectBytes(await read(store, 4097, data.length), data)
      expectBytes(await read(store, 4097, data.length, pieceCount), data)
    })

    it('changes nothing beside the range of a write', async () => {
      const store = await open(MIB)
      const before = pattern(MIB, 1)
      await write(store, 0, before)
      await write(store, 65_535, pattern(131_074, 2))
      pattern(131_074, 2).copy(before, 65_535)
      expectBytes(await read(store, 0, MIB), before)
    })

    it('keeps the first and the last byte', async () => {
      const store = await open(12_288)
      await write(store, 0, Buffer.from('a'))
      await write(store, 12_287, Buffer.from('z'))
      expect((await read(store, 0, 12_288)).toString('latin1')).toBe(`a${'\0'.repeat(12_286)}z`)
    })

    it('grows with zeroes, and does not bring back what it once cut off', async () => {
      const store = await open(MIB)
      await write(store, 0, pattern(MIB, 5))
      expect(await resize(store, 300_000)).toBeNull()
      expect(await outcome((done) => store.readv([Buffer.alloc(1)], 300_000, done))).toMatchObject({
        kind: 'outOfRange',
      })
      expect(await resize(store, 2 * MIB)).toBeNull()
      expect(store.sizeBytes).toBe(2 * MIB)
      expectBytes(await read(store, 0, 2 * MIB), Buffer.concat([pattern(MIB, 5).subarray(0, 300_000)], 2 * MIB))
      expect(await write(store, 2 * MIB - 1, Buffer.from('z'))).toBeNull()
    })

    it('zeroes exactly the range that writeZeroes names', async () => {
      const store = await open(2 * MIB)
      const content = pattern(2 * MIB, 3)
      await write(store, 0, content)
      expect(await writeZeroes(store, 4095, MIB + 2)).toBeNull()
      content.fill(0, 4095, 4095 + MIB + 2)
      expectBytes(await read(store, 0, 2 * MIB), content)
    })

    it('reads zeroes after space was given back', async () => {
      const store = await open(2 * MIB)
      const content = pattern(2 * MIB, 4)
      await write(store, 0, content)
      expect(await writeZeroes(store, 1000, MIB, store.capabilities.thin)).toBeNull()
      content.fill(0, 1000, 1000 + MIB)
      expectBytes(await read(store, 0, 2 * MIB), content)
    })

    it('tells which parts take space, all of the range, in order', async () => {
      const store = await open(4 * MIB)
      await write(store, MIB, pattern(MIB, 8))
      const map = new AllocationMap(100)
      expect(await readAllocation(store, map, 512, 4 * MIB - 512)).toBeNull()
      expect(map.extents.reduce((sum, extent) => sum + extent.byteCount, 0)).toBe(4 * MIB - 512)
      expect(isAllocatedAt(map, MIB - 512)).toBe(true)
      expect(isAllocatedAt(map, 2 * MIB - 513)).toBe(true)
      if (!store.capabilities.thin) return
      expect(isAllocatedAt(map, 0)).toBe(false)
      expect(isAllocatedAt(map, 3 * MIB)).toBe(false)
    })

    it('tells no more parts than there is room for', async () => {
      const store = await open(4 * MIB)
      await write(store, MIB, pattern(MIB, 8))
      const map = new AllocationMap(1)
      expect(await readAllocation(store, map, 0, 4 * MIB)).toBeNull()
      expect(map.extents).toHaveLength(1)
    })

    it('has unallocated what it gave back, and what is written again is there', async () => {
      const store = await open(4 * MIB)
      if (!store.capabilities.thin) return
      await write(store, 0, pattern(4 * MIB, 9))
      expect(await writeZeroes(store, MIB, 2 * MIB, true)).toBeNull()
      await write(store, 2 * MIB, pattern(512, 10))
      const map = new AllocationMap(100)
      expect(await readAllocation(store, map, 0, 4 * MIB)).toBeNull()
      expect([0, MIB, 2 * MIB, 3 * MIB - 1, 3 * MIB].map((at) => isAllocatedAt(map, at))).toEqual([
        true,
        false,
        true,
        false,
        true,
      ])
      expectBytes(await read(store, 2 * MIB, 512), pattern(512, 10))
    })

    it('tells the space that is taken and left', async () => {
      const store = await open(4 * MIB)
      const space = { usedBytes: -1, availableBytes: -1 }
      expect(await readSpace(store, space)).toBeNull()
      expect(space.usedBytes).toBeGreaterThanOrEqual(0)
      expect(space.availableBytes).toBeGreaterThanOrEqual(0)
      await write(store, 0, pattern(MIB, 11), 1, true)
      const usedBytes = space.usedBytes
      expect(await readSpace(store, space)).toBeNull()
      expect(space.usedBytes).toBeGreaterThanOrEqual(usedBytes)
    })

    it('does a write with force unit access, and a flush', async () => {
      const store = await open(MIB)
      expect(await write(store, 512, pattern(8192, 5), 2, true)).toBeNull()
      expect(await flush(store)).toBeNull()
      expectBytes(await read(store, 512, 8192), pattern(8192, 5))
    })

    it('keeps many operations in flight apart', async () => {
      const store = await open(MIB)
      const places = Array.from({ length: 64 }, (_, index) => index)
      const writes = places.map((place) => write(store, place * 16_384, pattern(16_384, place), 2, place % 8 === 0))
      expect(await Promise.all([...writes, flush(store)])).toEqual(Array(65).fill(null))
      const contents = await Promise.all(places.map((place) => read(store, place * 16_384, 16_384)))
      expect(contents).toEqual(places.map((place) => pattern(16_384, place)))
    })

    it('finishes what is in flight before it closes', async () => {
      const store = new CheckedStore(await makeStore(MIB))
      const order: string[] = []
      const note = (name: string) => (error: unknown) => order.push(error === null ? name : 'failed')
      await Promise.all([
        write(store, 0, pattern(MIB, 6)).then(note('write')),
        flush(store).then(note('flush')),
        writeZeroes(store, 0, MIB).then(note('writeZeroes')),
        close(store).then(note('close')),
      ])
      expect(order.toSorted()).toEqual(['close', 'flush', 'write', 'writeZeroes'])
      expect(order.at(-1)).toBe('close')
    })

    it('answers `closed` to everything after close', async () => {
      const store = await makeStore(4096)
      expect(await close(store)).toBeNull()
      const outcomes = await Promise.all([
        outcome((done) => store.readv([Buffer.alloc(512)], 0, done)),
        write(store, 0, Buffer.alloc(512)),
        write(store, 0, Buffer.alloc(512), 1, true),
        writeZeroes(store, 0, 512),
        readAllocation(store, new AllocationMap(1), 0, 512),
        readSpace(store, { usedBytes: 0, availableBytes: 0 }),
        flush(store),
        close(store),
      ])
      expect(outcomes.map((error) => error?.kind)).toEqual(Array(8).fill('closed'))
    })
  })
}

function isAllocatedAt(map: AllocationMap, atBytes: number): boolean | undefined {
  let endBytes = 0
  return map.extents.find((extent) => {
    endBytes += extent.byteCount
    return atBytes < endBytes
  })?.isAllocated
}

/** Says where the bytes differ; a matcher would print all of them, and takes long over a megabyte. */
function expectBytes(found: Buffer, expected: Buffer): void {
  const isSame = found.equals(expected)
  expect(isSame ? -1 : found.findIndex((byte, index) => byte !== expected[index]), 'first differing byte').toBe(-1)
  expect(found.length).toBe(expected.length)
}

interface Operation {
  readonly kind: 'write' | 'zero' | 'read' | 'flush'
  readonly offsetBytes: number
  readonly byteCount: number
  readonly pieceCount: number
  readonly flag: boolean
}

/** Lengths and places lie around the borders of pages, chunks and blocks as well as anywhere. */
function operations(sizeBytes: number): fc.Arbitrary<Operation[]> {
  const edge = fc.tuple(fc.constantFrom(512, 4096, 65_536, 262_144), fc.integer({ min: -1, max: 1 }))
  const length = fc.oneof(
    fc.integer({ min: 1, max: 10_000 }),
    edge.map(([border, step]) => border + step),
  )
  const operation = fc.record({
    kind: fc.constantFrom('write', 'write', 'zero', 'read', 'flush'),
    offsetBytes: fc.oneof(fc.nat(sizeBytes - 1), length),
    byteCount: length,
    pieceCount: fc.integer({ min: 1, max: 5 }),
    flag: fc.boolean(),
  }) as fc.Arbitrary<Operation>
  return fc.array(operation, { minLength: 1, maxLength: 25 })
}

/** Runs random operations on a store and on a Buffer and compares every read and the end. */
export async function checkAgainstBuffer(makeStore: MakeStore, sizeBytes: number, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(operations(sizeBytes), async (sequence) => {
      const store = new CheckedStore(await makeStore(sizeBytes))
      const model = Buffer.alloc(sizeBytes)
      try {
        for (const [seed, operation] of sequence.entries()) await step(store, model, operation, seed)
        expectBytes(await read(store, 0, sizeBytes), model)
      } finally {
        await close(store)
      }
    }),
    { numRuns },
  )
}

async function step(store: BackingStore, model: Buffer, operation: Operation, seed: number): Promise<void> {
  const { kind, offsetBytes, pieceCount, flag } = operation
  const byteCount = Math.min(operation.byteCount, model.length - offsetBytes)
  switch (kind) {
    case 'write': {
      const data = pattern(byteCount, seed)
      expect(await write(store, offsetBytes, data, pieceCount, flag)).toBeNull()
      data.copy(model, offsetBytes)
      break
    }
    case 'zero':
      expect(await writeZeroes(store, offsetBytes, byteCount, flag && store.capabilities.thin)).toBeNull()
      model.fill(0, offsetBytes, offsetBytes + byteCount)
      break
    case 'read': {
      const found = await read(store, offsetBytes, byteCount, pieceCount)
      expectBytes(found, model.subarray(offsetBytes, offsetBytes + byteCount))
      break
    }
    case 'flush':
      expect(await flush(store)).toBeNull()
  }
}
