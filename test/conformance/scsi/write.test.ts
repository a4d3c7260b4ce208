import { describe, expect, it } from 'vitest'
import { MAXIMUM_TRANSFER_BYTES } from '../../../scsi/transfer-limits.ts'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const WRITES = [
  { name: 'WRITE (6)', operationCode: 0x0a },
  { name: 'WRITE (10)', operationCode: 0x2a },
  { name: 'WRITE (12)', operationCode: 0xaa },
  { name: 'WRITE (16)', operationCode: 0x8a },
]
const FLAGGED_WRITES = WRITES.slice(1)

function dataOf(byteCount: number): Buffer {
  return Buffer.from(Array.from({ length: byteCount }, (_, i) => (i * 7 + (i >> 8) * 13 + 1) & 0xff))
}

/** Every byte of the disk but `[from, from + data.length)` is as before, and that range is `data`. */
function expectOnlyWritten(before: Buffer, after: Buffer, from: number, data: Buffer): void {
  const expected = Buffer.from(before)
  data.copy(expected, from)
  expect(after.equals(expected)).toBe(true)
}

describe.each(WRITES)('$name', ({ operationCode }) => {
  it.each([512, 4096])('writes blocks of %i bytes and nothing beside them', (blockLengthBytes) => {
    for (const [lba, blocks] of [
      [0, 1],
      [3, 7],
      [1023, 1],
      [1000, 24],
    ] as const) {
      const { initiator, store } = testBench({ blockLengthBytes, blockCount: 1024 })
      const before = Buffer.from(store.bytes)
      const dataOut = dataOf(blocks * blockLengthBytes)
      const exchange = initiator.send(blockCdb(operationCode, lba, blocks), { dataOut })
      expect([exchange.status, exchange.residual, exchange.consumedBytes]).toEqual([0, 0, dataOut.length])
      expectOnlyWritten(before, store.bytes, lba * blockLengthBytes, dataOut)
    }
  })

  it('writes pieces as they arrive and waits for all of them, whatever the order they complete in', () => {
    const { initiator, store } = testBench()
    const before = Buffer.from(store.bytes)
    store.isManual = true
    const dataOut = dataOf(8 * 512)
    const exchange = initiator.send(blockCdb(operationCode, 4, 8), { dataOut, dataOutPieceBytes: 1000 })
    expect(store.heldCount).toBe(5)
    store.release(4)
    expect(exchange.end).toBe('none')
    store.release()
    expect(exchange.status).toBe(0)
    expect(exchange.consumedBytes).toBe(dataOut.length)
    expectOnlyWritten(before, store.bytes, 4 * 512, dataOut)
  })

  it('refuses blocks beyond the end and writes nothing', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    for (const [lba, blocks] of [
      [1024, 1],
      [1023, 2],
      [1000, 25],
    ] as const) {
      const exchange = initiator.send(blockCdb(operationCode, lba, blocks), { dataOut: dataOf(blocks * 512) })
      expect(exchange.senseText).toBe('5/21/00')
      expect(exchange.residual).toBe(-blocks * 512)
    }
    expect(store.countOf('writev')).toBe(0)
  })

  it('writes the bytes that are there when the initiator has fewer, and leaves the rest of the block alone', () => {
    for (const capacity of [0, 200, 511, 512, 513, 700]) {
      const { initiator, store } = testBench()
      const before = Buffer.from(store.bytes)
      const dataOut = dataOf(capacity)
      const exchange = initiator.send(blockCdb(operationCode, 1, 2), { dataOut, dataInCapacityBytes: 0 })
      expect([exchange.status, exchange.residual]).toEqual([0, 1024 - capacity])
      expectOnlyWritten(before, store.bytes, 512, dataOut)
    }
  })

  it('writes only the length of the CDB when the initiator has more', () => {
    const { initiator, store } = testBench()
    const before = Buffer.from(store.bytes)
    const dataOut = dataOf(1024)
    const exchange = initiator.send(blockCdb(operationCode, 0, 1), { dataOut })
    expect([exchange.status, exchange.residual]).toEqual([0, -512])
    expectOnlyWritten(before, store.bytes, 0, dataOut.subarray(0, 512))
  })

  it('is refused as write protected by a read-only logical unit and by a read-only store', () => {
    for (const bench of [
      testBench({ isReadOnly: true }),
      testBench({ store: new TestStore(65536, { readOnly: true }) }),
    ]) {
      const exchange = bench.initiator.send(blockCdb(operationCode, 0, 1), { dataOut: dataOf(512) })
      expect(exchange.senseText).toBe('7/27/00')
      expect(bench.store.countOf('writev')).toBe(0)
    }
  })

  it.each([
    ['io', '3/0c/00'],
    ['noSpace', '7/27/07'],
    ['readOnly', '7/27/00'],
    ['closed', '2/04/03'],
    ['outOfRange', '5/21/00'],
    ['unsupported', '4/44/00'],
  ] as const)('turns the store error %s into sense %s', (kind, sense) => {
    const { initiator, store } = testBench()
    store.failNext(kind)
    expect(initiator.send(blockCdb(operationCode, 0, 1), { dataOut: dataOf(512) }).senseText).toBe(sense)
  })

  it('after a failed piece waits for the pieces in flight and takes no more', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    const dataOut = dataOf(4 * 512)
    const options = { dataOut, dataOutPieceBytes: 512, isDataOutManual: true, isLateDataSent: true }
    const exchange = initiator.send(blockCdb(operationCode, 0, 4), options)
    exchange.giveDataOut(1024)
    store.releaseWithError('io')
    expect(exchange.end).toBe('none')
    exchange.giveDataOut(512)
    expect(store.heldCount).toBe(1)
    store.release()
    expect(exchange.senseText).toBe('3/0c/00')
    exchange.giveDataOut(512)
    expect(store.countOf('writev')).toBe(2)
  })
})

describe('WRITE (6)', () => {
  it('takes a transfer length of 0 for 256 blocks', () => {
    const { initiator, store } = testBench()
    const dataOut = dataOf(256 * 512)
    initiator.send(blockCdb(0x0a, 5, 0), { dataOut })
    expect(store.bytes.subarray(5 * 512, 261 * 512).equals(dataOut)).toBe(true)
  })
})

describe.each(FLAGGED_WRITES)('$name', ({ operationCode }) => {
  it('with transfer length 0 is GOOD where the address exists and refused where it does not', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    expect(initiator.send(blockCdb(operationCode, 1023, 0)).status).toBe(0)
    expect(initiator.send(blockCdb(operationCode, 1024, 0)).senseText).toBe('5/21/00')
    expect(store.calls).toEqual([])
  })

  it.each([0x08, 0x02, 0x1a])('with FUA or FUA_NV (byte 1 %i) forces one piece to the medium', (flags) => {
    const { initiator, store } = testBench()
    initiator.send(blockCdb(operationCode, 0, 1, flags), { dataOut: dataOf(512) })
    expect(store.calls.map((call) => [call.operation, call.forceUnitAccess])).toEqual([['writev', true]])
  })

  it('with FUA flushes once after the last of several pieces', () => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(blockCdb(operationCode, 0, 4, 0x08), {
      dataOut: dataOf(2048),
      dataOutPieceBytes: 1024,
    })
    expect(store.calls.map((call) => [call.operation, call.forceUnitAccess])).toEqual([
      ['writev', false],
      ['writev', false],
      ['flush', false],
    ])
    expect(exchange.status).toBe(0)
  })

  it('with FUA fails when the flush fails', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    const options = { dataOut: dataOf(2048), dataOutPieceBytes: 1024 }
    const exchange = initiator.send(blockCdb(operationCode, 0, 4, 0x08), options)
    store.release(2)
    expect(exchange.end).toBe('none')
    store.releaseWithError('io')
    expect(exchange.senseText).toBe('3/0c/00')
  })

  it('without FUA, or with DPO alone, forces nothing', () => {
    const { initiator, store } = testBench()
    initiator.send(blockCdb(operationCode, 0, 1, 0x10), { dataOut: dataOf(512) })
    expect(store.calls.map((call) => [call.operation, call.forceUnitAccess])).toEqual([['writev', false]])
  })

  it('refuses every WRPROTECT but 0 and a length above the maximum', () => {
    const { initiator } = testBench({ blockCount: MAXIMUM_TRANSFER_BYTES / 512 + 1 })
    for (let wrProtect = 1; wrProtect < 8; wrProtect++) {
      const exchange = initiator.send(blockCdb(operationCode, 0, 1, wrProtect << 5), { dataOut: dataOf(512) })
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.7'])
    }
    const exchange = initiator.send(blockCdb(operationCode, 0, MAXIMUM_TRANSFER_BYTES / 512 + 1), {
      dataOut: dataOf(512),
    })
    expect(exchange.senseText).toBe('5/24/00')
  })
})
