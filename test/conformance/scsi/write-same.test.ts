import { describe, expect, it } from 'vitest'
import { MAXIMUM_WRITE_SAME_BYTES } from '../../../scsi/transfer-limits.ts'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const UNMAP = 0x08
const ANCHOR = 0x10
const NDOB = 0x01
const BLOCK = Buffer.alloc(512, 'same')
const ZERO_BLOCK = Buffer.alloc(512)

describe.each([
  { name: 'WRITE SAME (10)', operationCode: 0x41 },
  { name: 'WRITE SAME (16)', operationCode: 0x93 },
])('$name', ({ operationCode }) => {
  it.each([
    [0, 1],
    [3, 700],
    [2047, 1],
    [1048, 1000],
  ] as const)('writes its block from %i on, %i times', (lba, blocks) => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const expected = Buffer.from(store.bytes)
    expected.fill(BLOCK, lba * 512, (lba + blocks) * 512)
    const exchange = initiator.send(blockCdb(operationCode, lba, blocks), { dataOut: BLOCK, dataOutPieceBytes: 100 })
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(store.bytes.equals(expected)).toBe(true)
  })

  it('gives zeroes to the store as zeroes, unmapped only when UNMAP says so', () => {
    const { initiator, store } = testBench()
    for (const flags of [0, UNMAP]) {
      expect(initiator.send(blockCdb(operationCode, 4, 9, flags), { dataOut: ZERO_BLOCK }).status).toBe(0)
    }
    expect(store.calls.map((call) => [call.operation, call.offsetBytes, call.byteCount, call.mayUnmap])).toEqual([
      ['writeZeroes', 2048, 4608, false],
      ['writeZeroes', 2048, 4608, true],
    ])
  })

  it('with UNMAP still writes a block that is not zero', () => {
    const { initiator, store } = testBench()
    initiator.send(blockCdb(operationCode, 0, 2, UNMAP), { dataOut: BLOCK })
    expect(store.bytes.subarray(0, 1024).equals(Buffer.concat([BLOCK, BLOCK]))).toBe(true)
  })

  it('refuses UNMAP where nothing is thin, and ANCHOR everywhere', () => {
    const thick = testBench({ store: new TestStore(65536, { thin: false }) }).initiator
    const unmap = thick.send(blockCdb(operationCode, 0, 1, UNMAP), { dataOut: ZERO_BLOCK })
    expect([unmap.senseText, unmap.pointedAt]).toEqual(['5/24/00', '1.3'])
    for (const flags of [ANCHOR, ANCHOR | UNMAP]) {
      const anchor = testBench().initiator.send(blockCdb(operationCode, 0, 1, flags), { dataOut: ZERO_BLOCK })
      expect([anchor.senseText, anchor.pointedAt]).toEqual(['5/24/00', '1.4'])
    }
  })

  it('refuses NUMBER OF LOGICAL BLOCKS 0 (WSNZ) before anything is written', () => {
    const { initiator, store } = testBench()
    expect(initiator.send(blockCdb(operationCode, 0, 0), { dataOut: ZERO_BLOCK }).senseText).toBe('5/24/00')
    expect(store.calls).toEqual([])
  })

  it.each([0, 256, 1024])('refuses Data-Out of %i bytes', (byteCount) => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(blockCdb(operationCode, 0, 1), { dataOut: Buffer.alloc(byteCount, 1) })
    expect(exchange.senseText).toBe('5/24/00')
    expect(store.calls).toEqual([])
  })

  it('refuses blocks beyond the end, read-only logical units, and WRPROTECT', () => {
    const { initiator } = testBench({ blockCount: 1024 })
    for (const [lba, blocks] of [
      [1024, 1],
      [1023, 2],
      [0x80000000, 1],
    ] as const) {
      expect(initiator.send(blockCdb(operationCode, lba, blocks), { dataOut: BLOCK }).senseText).toBe('5/21/00')
    }
    expect(initiator.send(blockCdb(operationCode, 0, 1, 0x20), { dataOut: BLOCK }).pointedAt).toBe('1.7')
    const readOnly = testBench({ isReadOnly: true }).initiator
    for (const flags of [0, UNMAP]) {
      expect(readOnly.send(blockCdb(operationCode, 0, 1, flags)).senseText).toBe('7/27/00')
    }
  })

  it('reports a block that cannot be written', () => {
    const { initiator, store } = testBench()
    store.failNext('noSpace')
    expect(initiator.send(blockCdb(operationCode, 0, 1), { dataOut: BLOCK }).senseText).toBe('7/27/07')
    store.failNext('io')
    expect(initiator.send(blockCdb(operationCode, 0, 1), { dataOut: ZERO_BLOCK }).senseText).toBe('3/0c/00')
  })
})

describe('WRITE SAME (16)', () => {
  it.each([NDOB, NDOB | UNMAP])('with NDOB (byte 1 %i) zeroes the blocks without Data-Out', (flags) => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(blockCdb(0x93, 2, 3, flags), { dataInCapacityBytes: 0 })
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    expect(store.bytes.subarray(1024, 2560).equals(Buffer.alloc(1536))).toBe(true)
    expect(store.bytes.subarray(2560, 2564).equals(Buffer.alloc(4))).toBe(false)
  })

  it('refuses more than the maximum that Block Limits reports', () => {
    const blocks = MAXIMUM_WRITE_SAME_BYTES / 4096
    const { initiator, store } = testBench({ blockLengthBytes: 4096, blockCount: blocks + 1 })
    expect(initiator.send(blockCdb(0x93, 0, blocks + 1, NDOB)).senseText).toBe('5/24/00')
    expect(store.calls).toEqual([])
    expect(initiator.send(blockCdb(0x93, 0, blocks, NDOB)).status).toBe(0)
  })
})
