import { describe, expect, it } from 'vitest'
import { blockCdb, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

describe('ORWRITE (16)', () => {
  it.each([
    [0, 1, 512],
    [3, 20, 1000],
    [1024, 1024, 65_536],
  ])('from block %i on ORs %i blocks, in deliveries of %i bytes', (lba, blocks, dataOutPieceBytes) => {
    const { initiator, store, logicalUnit } = testBench({ blockCount: 2048 })
    const expected = Buffer.from(store.bytes)
    const dataOut = Buffer.alloc(blocks * 512, '\x01\x80\x55')
    for (const [at, byte] of dataOut.entries()) expected[lba * 512 + at]! |= byte
    const exchange = initiator.send(blockCdb(0x8b, lba, blocks), { dataOut, dataOutPieceBytes })
    expect([exchange.status, exchange.residual, logicalUnit.rangeLocks.size]).toEqual([0, 0, 0])
    expect(store.bytes.equals(expected)).toBe(true)
  })

  it('does nothing for no blocks', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(blockCdb(0x8b, 0, 0)).status).toBe(0)
    expect(store.calls).toEqual([])
  })

  it('leaves alone what lies behind Data-Out that is shorter', () => {
    const { initiator, store } = testBench()
    const expected = Buffer.from(store.bytes).fill(0xff, 0, 700)
    const exchange = initiator.send(blockCdb(0x8b, 0, 2), { dataOut: Buffer.alloc(700, 0xff) })
    expect([exchange.status, exchange.residual]).toEqual([0, 1024 - 700])
    expect(store.bytes.equals(expected)).toBe(true)
  })

  it('with FUA flushes at its end', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(blockCdb(0x8b, 0, 2, 0x08), { dataOut: Buffer.alloc(1024, 1) }).status).toBe(0)
    expect(store.calls.map((call) => call.operation)).toEqual(['readv', 'writev', 'flush'])
  })

  it('loses no bit when two write the same block at the same time', () => {
    const { initiator, store, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    store.bytes.fill(0, 0, 512)
    store.isManual = true
    const exchanges = [
      initiator.send(blockCdb(0x8b, 0, 1), { dataOut: Buffer.alloc(512, 0x0f) }),
      other.send(blockCdb(0x8b, 0, 1), { dataOut: Buffer.alloc(512, 0x30) }),
    ]
    while (store.heldCount > 0) store.release(1)
    expect(exchanges.map((exchange) => exchange.status)).toEqual([0, 0])
    expect(store.bytes.subarray(0, 512).equals(Buffer.alloc(512, 0x3f))).toBe(true)
  })

  it('keeps nobody from blocks whose data have not come', () => {
    const { initiator, store, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    const slow = initiator.send(blockCdb(0x8b, 0, 2), { dataOut: Buffer.alloc(1024, 1), isDataOutManual: true })
    slow.giveDataOut(512)
    expect(other.send(blockCdb(0x2a, 0, 2), { dataOut: Buffer.alloc(1024) }).status).toBe(0)
    slow.giveDataOut(512)
    expect([slow.status, store.bytes[0], store.bytes[512]]).toEqual([0, 0, 1])
  })

  it('refuses blocks beyond the end, read-only logical units and ORPROTECT', () => {
    const { initiator } = testBench({ blockCount: 1024 })
    const dataOut = Buffer.alloc(1024)
    expect(initiator.send(blockCdb(0x8b, 1023, 2), { dataOut }).senseText).toBe('5/21/00')
    expect(initiator.send(blockCdb(0x8b, 0, 2, 0x20), { dataOut }).pointedAt).toBe('1.7')
    const readOnly = testBench({ isReadOnly: true }).initiator
    expect(readOnly.send(blockCdb(0x8b, 0, 2), { dataOut }).senseText).toBe('7/27/00')
  })

  it.each([
    ['read', '3/11/00'],
    ['write', '3/0c/00'],
  ])('reports a block that it cannot %s', (step, senseText) => {
    const { initiator, store, logicalUnit } = testBench()
    store.isManual = true
    const exchange = initiator.send(blockCdb(0x8b, 0, 1), { dataOut: Buffer.alloc(512) })
    if (step === 'write') store.release(1)
    store.releaseWithError('io')
    expect([exchange.senseText, logicalUnit.rangeLocks.size]).toEqual([senseText, 0])
  })
})
