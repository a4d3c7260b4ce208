import { describe, expect, it } from 'vitest'
import { MAXIMUM_TRANSFER_BYTES } from '../../../scsi/transfer-limits.ts'
import { blockCdb, testBench } from '../../support/scsi-initiator.ts'

const BYTCHK_DATA = 0x02
const BYTCHK_RESERVED = 0x04
const BYTCHK_BLOCK = 0x06

const VERIFIES = [
  { name: 'VERIFY (10)', operationCode: 0x2f },
  { name: 'VERIFY (12)', operationCode: 0xaf },
  { name: 'VERIFY (16)', operationCode: 0x8f },
]
const WRITES_AND_VERIFIES = [
  { name: 'WRITE AND VERIFY (10)', operationCode: 0x2e },
  { name: 'WRITE AND VERIFY (12)', operationCode: 0xae },
  { name: 'WRITE AND VERIFY (16)', operationCode: 0x8e },
]

describe.each(VERIFIES)('$name', ({ operationCode }) => {
  it('with BYTCHK 00b reads every block and transfers nothing, whatever Data-Out there is', () => {
    const { initiator, store } = testBench({ blockCount: 2048 })
    const exchange = initiator.send(blockCdb(operationCode, 0, 1500), { dataOut: Buffer.alloc(512, 0x58) })
    expect([exchange.status, exchange.residual]).toEqual([0, -512])
    const read = store.calls.filter((call) => call.operation === 'readv')
    expect(read.reduce((sum, call) => sum + call.byteCount, 0)).toBe(1500 * 512)
  })

  it('with BYTCHK 00b has no transfer that a maximum could limit', () => {
    const blocks = MAXIMUM_TRANSFER_BYTES / 4096 + 1
    const { initiator } = testBench({ blockLengthBytes: 4096, blockCount: blocks })
    expect(initiator.send(blockCdb(operationCode, 0, blocks)).status).toBe(0)
    expect(initiator.send(blockCdb(operationCode, 0, blocks, BYTCHK_DATA)).senseText).toBe('5/24/00')
  })

  it('with BYTCHK 00b reports a block that cannot be read', () => {
    const { initiator, store } = testBench()
    store.failNext('io')
    expect(initiator.send(blockCdb(operationCode, 0, 1)).senseText).toBe('3/11/00')
  })

  it('with BYTCHK 01b compares Data-Out with the medium', () => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.from(store.bytes.subarray(512, 512 * 900))
    const options = { dataOut, dataOutPieceBytes: 70000 }
    const exchange = initiator.send(blockCdb(operationCode, 1, 899, BYTCHK_DATA), options)
    expect([exchange.status, exchange.residual, exchange.consumedBytes]).toEqual([0, 0, dataOut.length])
    expect(store.countOf('writev')).toBe(0)
  })

  it.each([0, 1, 255, 256, 511, 512, 69999, 70000, 300000, 899 * 512 - 1])(
    'with BYTCHK 01b finds a difference at byte %i and says where it is',
    (offset) => {
      const { initiator, store } = testBench()
      const dataOut = Buffer.from(store.bytes.subarray(512, 512 * 900))
      dataOut[offset]! ^= 0x58
      const options = { dataOut, dataOutPieceBytes: 70000 }
      const exchange = initiator.send(blockCdb(operationCode, 1, 899, BYTCHK_DATA), options)
      expect(exchange.senseText).toBe('e/1d/00')
      expect(exchange.command.sense![0]! & 0x80).toBe(0x80)
      expect(exchange.command.sense!.readUInt32BE(3)).toBe(offset)
    },
  )

  it('with BYTCHK 11b compares one block with each', () => {
    const { initiator, store } = testBench({ blockCount: 1024 })
    const block = Buffer.alloc(512, 0x5a)
    store.bytes.fill(block, 512, 512 * 1001)
    const cdb = blockCdb(operationCode, 1, 1000, BYTCHK_BLOCK)
    const exchange = initiator.send(cdb, { dataOut: block, dataOutPieceBytes: 100 })
    expect([exchange.status, exchange.residual]).toEqual([0, 0])
    store.bytes[512 * 1001 - 1] = 0
    expect(initiator.send(cdb, { dataOut: block }).senseText).toBe('e/1d/00')
  })

  it('refuses BYTCHK 10b, VRPROTECT, and blocks beyond the end', () => {
    const { initiator } = testBench({ blockCount: 1024 })
    const reserved = initiator.send(blockCdb(operationCode, 0, 1, BYTCHK_RESERVED))
    expect([reserved.senseText, reserved.pointedAt]).toEqual(['5/24/00', '1.2'])
    const protect = initiator.send(blockCdb(operationCode, 0, 1, 0x20))
    expect([protect.senseText, protect.pointedAt]).toEqual(['5/24/00', '1.7'])
    for (const flags of [0, BYTCHK_DATA, BYTCHK_BLOCK]) {
      expect(initiator.send(blockCdb(operationCode, 1023, 2, flags)).senseText).toBe('5/21/00')
      expect(initiator.send(blockCdb(operationCode, 1025, 0, flags)).senseText).toBe('5/21/00')
      expect(initiator.send(blockCdb(operationCode, 0, 0, flags)).status).toBe(0)
    }
  })

  it('accepts DPO and works on a read-only logical unit', () => {
    const { initiator } = testBench({ isReadOnly: true })
    expect(initiator.send(blockCdb(operationCode, 0, 1, 0x10)).status).toBe(0)
  })

  it('compares the bytes that are there when Data-Out is shorter', () => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.from(store.bytes.subarray(0, 700))
    const send = () => initiator.send(blockCdb(operationCode, 0, 2, BYTCHK_DATA), { dataOut })
    const exchange = send()
    expect([exchange.status, exchange.residual]).toEqual([0, 1024 - 700])
    dataOut[699]! ^= 1
    expect(send().senseText).toBe('e/1d/00')
  })

  it('refuses a part of the one block that all are compared with', () => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.from(store.bytes.subarray(0, 200))
    const exchange = initiator.send(blockCdb(operationCode, 0, 2, BYTCHK_BLOCK), { dataOut })
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.2'])
  })
})

describe.each(WRITES_AND_VERIFIES)('$name', ({ operationCode }) => {
  it.each([0, BYTCHK_DATA])('with byte 1 %i writes, forced to the medium, and reads back', (flags) => {
    const { initiator, store } = testBench()
    const dataOut = Buffer.alloc(600 * 512, 'verify')
    const options = { dataOut, dataOutPieceBytes: 100_000 }
    const exchange = initiator.send(blockCdb(operationCode, 7, 600, flags), options)
    expect([exchange.status, exchange.residual, exchange.consumedBytes]).toEqual([0, 0, dataOut.length])
    expect(store.bytes.subarray(7 * 512, 607 * 512).equals(dataOut)).toBe(true)
    expect(store.calls.filter((call) => call.operation === 'writev').every((call) => call.forceUnitAccess)).toBe(true)
    const read = store.calls.filter((call) => call.operation === 'readv')
    expect(read.reduce((sum, call) => sum + call.byteCount, 0)).toBe(dataOut.length)
  })

  it('with BYTCHK 01b ends with MISCOMPARE when the medium does not hold what was written', () => {
    const { initiator, store } = testBench()
    store.isManual = true
    const exchange = initiator.send(blockCdb(operationCode, 0, 2, BYTCHK_DATA), { dataOut: Buffer.alloc(1024, 1) })
    store.release(1)
    store.bytes[1000] = 2
    store.release()
    expect(exchange.senseText).toBe('e/1d/00')
    expect(exchange.command.sense!.readUInt32BE(3)).toBe(1000)
  })

  it('refuses BYTCHK 10b and 11b, WRPROTECT, read-only logical units, and blocks beyond the end', () => {
    const { initiator } = testBench({ blockCount: 1024 })
    for (const flags of [BYTCHK_RESERVED, BYTCHK_BLOCK]) {
      const exchange = initiator.send(blockCdb(operationCode, 0, 1, flags), { dataOut: Buffer.alloc(512) })
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.2'])
    }
    expect(initiator.send(blockCdb(operationCode, 0, 1, 0xe0)).pointedAt).toBe('1.7')
    expect(initiator.send(blockCdb(operationCode, 1024, 1)).senseText).toBe('5/21/00')
    const readOnly = testBench({ isReadOnly: true }).initiator
    expect(readOnly.send(blockCdb(operationCode, 0, 1), { dataOut: Buffer.alloc(512) }).senseText).toBe('7/27/00')
  })

  it('writes the bytes that are there, and nothing for an empty transfer', () => {
    const { initiator, store } = testBench()
    const expected = Buffer.from(store.bytes).fill(9, 0, 700)
    const exchange = initiator.send(blockCdb(operationCode, 0, 2), { dataOut: Buffer.alloc(700, 9) })
    expect([exchange.status, exchange.residual]).toEqual([0, 1024 - 700])
    expect(store.bytes.equals(expected)).toBe(true)
    expect(initiator.send(blockCdb(operationCode, 0, 0)).status).toBe(0)
  })
})
