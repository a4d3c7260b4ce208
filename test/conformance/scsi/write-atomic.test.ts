import { describe, expect, it } from 'vitest'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

function writeAtomicCdb(lba: number, blocks: number, flags = 0, atomicBoundary = 0): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x9c
  cdb[1] = flags
  cdb.writeBigUInt64BE(BigInt(lba), 2)
  cdb.writeUInt16BE(atomicBoundary, 10)
  cdb.writeUInt16BE(blocks, 12)
  return cdb
}

describe('WRITE ATOMIC (16)', () => {
  it.each([
    [0, 1],
    [5, 3],
    [5, 100],
    [1792, 256],
  ])('from block %i on writes %i blocks', (lba, blocks) => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const expected = Buffer.from(store.bytes)
    const dataOut = Buffer.alloc(blocks * 512, 'atomic')
    dataOut.copy(expected, lba * 512)
    const exchange = initiator.send(writeAtomicCdb(lba, blocks), { dataOut, dataOutPieceBytes: 3000 })
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(store.bytes.equals(expected)).toBe(true)
  })

  it('does nothing for no blocks', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(writeAtomicCdb(0, 0)).status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it('refuses too many blocks, an atomic boundary, too little Data-Out', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const pointedAt = (cdb: Buffer, blocks: number) => {
      const exchange = initiator.send(cdb, { dataOut: Buffer.alloc(blocks * 512) })
      return [exchange.senseText, exchange.pointedAt]
    }
    expect(pointedAt(writeAtomicCdb(0, 257), 257)).toEqual(['5/24/00', '12'])
    expect(pointedAt(writeAtomicCdb(0, 8, 0, 4), 8)).toEqual(['5/24/00', '10'])
    expect(pointedAt(writeAtomicCdb(0, 8), 7)).toEqual(['5/24/00', '12'])
    expect(store.calls).toEqual([])
  })

  it('refuses blocks beyond the end, read-only logical units and WRPROTECT', () => {
    const { initiator } = testBench({ blockCount: 2048 })
    const dataOut = Buffer.alloc(1024)
    expect(initiator.send(writeAtomicCdb(2047, 2), { dataOut }).senseText).toBe('5/21/00')
    expect(initiator.send(writeAtomicCdb(0, 2, 0x20), { dataOut }).pointedAt).toBe('1.7')
    const readOnly = testBench({ isReadOnly: true }).initiator
    expect(readOnly.send(writeAtomicCdb(0, 2), { dataOut }).senseText).toBe('7/27/00')
  })

  it('with FUA forces a write inside a page; a longer one is always forced', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const forced = (blocks: number, flags: number) => {
      initiator.send(writeAtomicCdb(0, blocks, flags), { dataOut: Buffer.alloc(blocks * 512) })
      return store.calls.at(-1)!.forceUnitAccess
    }
    expect([forced(8, 0), forced(8, 0x08), forced(9, 0)]).toEqual([false, true, true])
  })

  it('is seen by a READ as a whole or not at all', () => {
    const { initiator, store, target } = testBench({ blockCount: 2048 })
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    store.isManual = true
    const write = initiator.send(writeAtomicCdb(0, 64), { dataOut: Buffer.alloc(64 * 512, 'atomic') })
    const read = other.send(blockCdb(0x28, 63, 2))
    expect(store.heldCount).toBe(1)
    while (store.heldCount > 0) store.release(1)
    expect([write.status, read.status]).toEqual([0, 0])
    expect(read.dataIn.subarray(0, 512).equals(store.bytes.subarray(63 * 512, 64 * 512))).toBe(true)
  })

  it('puts back what a write that fails half way has changed', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const before = Buffer.from(store.bytes)
    store.isManual = true
    const exchange = initiator.send(writeAtomicCdb(0, 64), { dataOut: Buffer.alloc(64 * 512, 'atomic') })
    store.release(1)
    store.bytes.fill('atomic', 0, 10_000)
    store.releaseWithError('noSpace')
    store.release()
    expect(exchange.senseText).toBe('7/27/07')
    expect(store.bytes.equals(before)).toBe(true)
  })

  it('ends with INTERNAL TARGET FAILURE and changes nothing when it cannot be recorded', () => {
    const savedState = new MemorySavedState()
    const { initiator, store } = testBench({ blockCount: 2048, savedState })
    savedState.write = () => {
      throw new Error('no space for the record')
    }
    const before = Buffer.from(store.bytes)
    const exchange = initiator.send(writeAtomicCdb(0, 64), { dataOut: Buffer.alloc(64 * 512, 'atomic') })
    expect(exchange.senseText).toBe('4/44/00')
    expect(store.bytes.equals(before)).toBe(true)
  })
})
