import { describe, expect, it } from 'vitest'
import { MAXIMUM_TRANSFER_BYTES } from '../../../scsi/transfer-limits.ts'
import { DATA_IN_PIECE_BYTES_MAX } from '../../../scsi/transport-services.ts'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

const READS = [
  { name: 'READ (6)', operationCode: 0x08 },
  { name: 'READ (10)', operationCode: 0x28 },
  { name: 'READ (12)', operationCode: 0xa8 },
  { name: 'READ (16)', operationCode: 0x88 },
]
const FLAGGED_READS = READS.slice(1)

describe.each(READS)('$name', ({ operationCode }) => {
  it.each([512, 4096])('reads blocks of %i bytes from the start, the middle and the end', (blockLengthBytes) => {
    const { initiator, store } = testBench({ blockLengthBytes, blockCount: 1024 })
    for (const [lba, blocks] of [
      [0, 1],
      [3, 7],
      [1023, 1],
      [1000, 24],
    ] as const) {
      const exchange = initiator.send(blockCdb(operationCode, lba, blocks), {
        dataInCapacityBytes: blocks * blockLengthBytes,
      })
      expect(exchange.status).toBe(0)
      expect(exchange.residual).toBe(0)
      expect(exchange.dataIn).toEqual(store.bytes.subarray(lba * blockLengthBytes, (lba + blocks) * blockLengthBytes))
    }
  })

  it('refuses blocks beyond the end, also when only the last one is', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    const callsBefore = store.calls.length
    for (const [lba, blocks] of [
      [1024, 1],
      [1023, 2],
      [1000, 25],
      [0x1fffff, 1],
    ] as const) {
      const exchange = initiator.send(blockCdb(operationCode, lba, blocks))
      expect(exchange.senseText).toBe('5/21/00')
      expect(exchange.dataIn.length).toBe(0)
    }
    expect(store.calls.length).toBe(callsBefore)
  })

  it('sends only what fits and reports the rest as overflow', () => {
    const { initiator, store } = testBench()
    for (const dataInCapacityBytes of [0, 200, 512]) {
      const exchange = initiator.send(blockCdb(operationCode, 1, 2), { dataInCapacityBytes })
      expect(exchange.status).toBe(0)
      expect(exchange.dataIn).toEqual(store.bytes.subarray(512, 512 + dataInCapacityBytes))
      expect(exchange.residual).toBe(1024 - dataInCapacityBytes)
    }
  })

  it('reports an underflow when the initiator expects more', () => {
    const exchange = testBench().initiator.send(blockCdb(operationCode, 0, 1), { dataInCapacityBytes: 10000 })
    expect(exchange.status).toBe(0)
    expect(exchange.dataIn.length).toBe(512)
    expect(exchange.residual).toBe(512 - 10000)
  })

  it('ends with MEDIUM ERROR, and no data of the failed piece, when the store fails', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    const exchange = initiator.send(blockCdb(operationCode, 0, 1), { dataInCapacityBytes: 512 })
    expect(exchange.senseText).toBe('3/11/00')
    expect(exchange.dataIn.length).toBe(0)
    expect(exchange.residual).toBe(-512)
  })
})

describe('READ (6)', () => {
  it('takes a transfer length of 0 for 256 blocks', () => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(blockCdb(0x08, 5, 0), { dataInCapacityBytes: 256 * 512 })
    expect(exchange.dataIn).toEqual(store.bytes.subarray(5 * 512, 261 * 512))
  })
})

describe.each(FLAGGED_READS)('$name', ({ operationCode }) => {
  it('with transfer length 0 is GOOD where the address exists and refused where it does not', () => {
    const { initiator } = testBench({ blockCount: 1024 })
    const exchange = initiator.send(blockCdb(operationCode, 1023, 0))
    expect(exchange.status).toBe(0)
    expect(exchange.command.presentedDataBytes).toBe(0)
    for (const lba of [1024, 1025, 0x80000000, 0xffffffff]) {
      expect(initiator.send(blockCdb(operationCode, lba, 0)).senseText).toBe('5/21/00')
    }
  })

  it.each([0x10, 0x08, 0x02, 0x1a])('accepts DPO, FUA and FUA_NV (byte 1 %i)', (flags) => {
    const { initiator, store } = testBench()
    const exchange = initiator.send(blockCdb(operationCode, 1, 1, flags))
    expect(exchange.dataIn).toEqual(store.bytes.subarray(512, 1024))
  })

  it('with FUA flushes a volatile cache before it reads', () => {
    const { initiator, store } = testBench()
    initiator.send(blockCdb(operationCode, 0, 1, 0x08))
    expect(store.calls.map((call) => call.operation)).toEqual(['flush', 'readv'])
    const steady = testBench({ store: new TestStore(65536, { volatileWriteCache: false }) })
    steady.initiator.send(blockCdb(operationCode, 0, 1, 0x08))
    expect(steady.store.calls.map((call) => call.operation)).toEqual(['readv'])
  })

  it('refuses every RDPROTECT but 0, pointing at the field', () => {
    const { initiator } = testBench()
    for (let rdProtect = 1; rdProtect < 8; rdProtect++) {
      const exchange = initiator.send(blockCdb(operationCode, 0, 1, rdProtect << 5))
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.7'])
    }
  })

  it('refuses a transfer above the maximum and carries out one of exactly the maximum', () => {
    const blocks = MAXIMUM_TRANSFER_BYTES / 4096
    const { initiator } = testBench({ blockLengthBytes: 4096, blockCount: blocks + 1 })
    expect(initiator.send(blockCdb(operationCode, 0, blocks + 1)).senseText).toBe('5/24/00')
    const exchange = initiator.send(blockCdb(operationCode, 0, blocks), { dataInCapacityBytes: MAXIMUM_TRANSFER_BYTES })
    expect(exchange.status).toBe(0)
    expect(exchange.pieces.length).toBe(MAXIMUM_TRANSFER_BYTES / DATA_IN_PIECE_BYTES_MAX)
  })
})

describe('a long READ', () => {
  const blocks = (3 * DATA_IN_PIECE_BYTES_MAX) / 512 + 1
  const cdb = blockCdb(0x88, 1, blocks)
  const byteCount = blocks * 512

  it('asks for the next piece only when the transport wants it', () => {
    const { initiator, store } = testBench({ blockCount: blocks + 8 })
    const exchange = initiator.send(cdb, { dataInCapacityBytes: byteCount, isDeliveryManual: true })
    for (let pieces = 1; pieces <= 3; pieces++) {
      expect(store.countOf('readv')).toBe(pieces)
      expect(exchange.end).toBe('none')
      exchange.deliver()
    }
    expect(exchange.status).toBe(0)
    expect(exchange.dataIn).toEqual(store.bytes.subarray(512, 512 + byteCount))
  })

  it('reports what was sent before a piece failed', () => {
    const { initiator, store } = testBench({ blockCount: blocks + 8 })
    const exchange = initiator.send(cdb, { dataInCapacityBytes: byteCount, isDeliveryManual: true })
    store.failNext('io')
    exchange.deliver()
    expect(exchange.senseText).toBe('3/11/00')
    expect(exchange.command.presentedDataBytes).toBe(DATA_IN_PIECE_BYTES_MAX)
  })

  it('does not care whether the store and the transport answer at once or later', () => {
    const { initiator, store } = testBench({ blockCount: blocks + 8 })
    store.isManual = true
    const exchange = initiator.send(cdb, { dataInCapacityBytes: byteCount })
    while (store.heldCount > 0) store.release(1)
    expect(exchange.dataIn).toEqual(store.bytes.subarray(512, 512 + byteCount))
  })
})
