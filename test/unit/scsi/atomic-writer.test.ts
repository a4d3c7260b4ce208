import { describe, expect, it } from 'vitest'
import { AtomicWriter } from '../../../scsi/atomic-writer.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { TestStore } from '../../support/scsi-store.ts'

const BYTES = 64 * 1024
const OLD = Buffer.alloc(BYTES, 'old')
const NEW = Buffer.alloc(10_240, 'new!')
const AT = 4096

/** The store and the saved state as a process that ended within the write of `NEW` leaves them. */
function interrupted(writtenBytes: number) {
  const store = new TestStore(BYTES)
  const savedState = new MemorySavedState()
  OLD.copy(store.bytes)
  store.isManual = true
  new AtomicWriter(store, savedState).write(NEW, OLD.subarray(AT, AT + NEW.length), AT, false, () => {})
  const next = new TestStore(BYTES)
  OLD.copy(next.bytes)
  NEW.copy(next.bytes, AT, 0, writtenBytes)
  return { store: next, savedState }
}

function recover(store: TestStore, savedState: MemorySavedState): unknown {
  let outcome: unknown
  new AtomicWriter(store, savedState).recover((error) => {
    outcome = error
  })
  return outcome
}

describe('an atomic write', () => {
  it.each([512, 4096, 9728])('of which %i bytes were written is undone at the next start', (writtenBytes) => {
    const { store, savedState } = interrupted(writtenBytes)
    expect(recover(store, savedState)).toBeNull()
    expect(store.bytes.equals(OLD)).toBe(true)
    expect(store.calls.at(-1)).toMatchObject({ operation: 'writev', forceUnitAccess: true })
    expect(savedState.read('atomic-write')).toBeNull()
  })

  it.each([
    { title: 'had not begun', writtenBytes: 0 },
    { title: 'was complete', writtenBytes: NEW.length },
  ])('that $title stays as it is', ({ writtenBytes }) => {
    const { store, savedState } = interrupted(writtenBytes)
    expect(recover(store, savedState)).toBeNull()
    expect(store.countOf('writev')).toBe(0)
    expect(savedState.read('atomic-write')).toBeNull()
  })

  it('whose blocks somebody has written since is no concern any more', () => {
    const { store, savedState } = interrupted(4096)
    store.bytes.write('later', AT + 8192)
    const before = Buffer.from(store.bytes)
    expect(recover(store, savedState)).toBeNull()
    expect(store.bytes.equals(before)).toBe(true)
  })

  it('that cannot be undone is kept for the next try', () => {
    const { store, savedState } = interrupted(4096)
    store.failNext('io')
    expect(recover(store, savedState)).toMatchObject({ kind: 'io' })
    expect(recover(store, savedState)).toBeNull()
    expect(store.bytes.equals(OLD)).toBe(true)
  })

  it('inside a page needs no record', () => {
    const store = new TestStore(BYTES)
    const savedState = new MemorySavedState()
    savedState.write = () => {
      throw new Error('a record')
    }
    const outcomes: unknown[] = []
    const writer = new AtomicWriter(store, savedState)
    writer.write(Buffer.alloc(4096, 1), Buffer.alloc(4096), 4096, false, (error) => outcomes.push(error))
    writer.write(Buffer.alloc(512, 1), Buffer.alloc(512), 4096 - 512, false, (error) => outcomes.push(error))
    expect(outcomes).toEqual([null, null])
    writer.write(Buffer.alloc(1024, 1), Buffer.alloc(1024), 4096 - 512, false, (error) => outcomes.push(error))
    expect(outcomes[2]).toMatchObject({ kind: 'unsupported' })
  })

  it('waits for the one before it, and none is forgotten', () => {
    const store = new TestStore(BYTES)
    store.isManual = true
    const writer = new AtomicWriter(store, new MemorySavedState())
    const outcomes: unknown[] = []
    for (const at of [0, 16_384, 32_768]) {
      writer.write(NEW, Buffer.alloc(NEW.length), at, false, (error) => outcomes.push(error))
    }
    expect(store.heldCount).toBe(1)
    for (let count = 0; count < 3; count++) store.release(1)
    expect(outcomes).toEqual([null, null, null])
    expect(store.bytes.subarray(32_768, 32_768 + NEW.length).equals(NEW)).toBe(true)
  })
})
