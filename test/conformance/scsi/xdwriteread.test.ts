/** XDWRITEREAD (10) and (32), SBC-3: the bidirectional commands, and the 32-byte CDB. */

import { describe, expect, it } from 'vitest'
import { COMMAND_SETS } from '../../../scsi/command-table.ts'
import { type SendOptions, testBench } from '../../support/scsi-initiator.ts'

const DISABLE_WRITE = 0x04
const FUA = 0x08

function xdWriteRead10(lba: number, blocks: number, flags = 0): Buffer {
  const cdb = Buffer.alloc(16)
  cdb[0] = 0x53
  cdb[1] = flags
  cdb.writeUInt32BE(lba, 2)
  cdb.writeUInt16BE(blocks, 7)
  return cdb
}

function xdWriteRead32(lba: number, blocks: number, flags = 0): Buffer {
  const cdb = Buffer.alloc(32)
  cdb[0] = 0x7f
  cdb[7] = 0x18
  cdb[9] = 0x07
  cdb[10] = flags
  cdb.writeBigUInt64BE(BigInt(lba), 12)
  cdb.writeUInt32BE(blocks, 28)
  return cdb
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ other[at]!))
}

describe.each([
  ['(10)', xdWriteRead10],
  ['(32)', xdWriteRead32],
])('XDWRITEREAD %s', (_name, cdbOf) => {
  const dataOut = Buffer.from(Array.from({ length: 1024 }, (_, at) => (at * 7) & 0xff))

  function send(flags = 0, options: SendOptions = {}) {
    const bench = testBench()
    const before = Buffer.from(bench.store.bytes.subarray(5120, 6144))
    const exchange = bench.initiator.send(cdbOf(10, 2, flags), { dataOut, dataInCapacityBytes: 1024, ...options })
    return { ...bench, before, exchange, after: bench.store.bytes.subarray(5120, 6144) }
  }

  it('writes the data and gives its exclusive-or with what was there', () => {
    const { exchange, before, after } = send()
    expect(exchange.status).toBe(0)
    expect(exchange.dataIn.equals(xor(before, dataOut))).toBe(true)
    expect(after.equals(dataOut)).toBe(true)
    expect([exchange.command.presentedDataBytes, exchange.command.presentedReadBytes]).toEqual([1024, 1024])
  })

  it('takes its data in pieces', () => {
    const { exchange, before, after } = send(0, { dataOutPieceBytes: 300 })
    expect(exchange.dataIn.equals(xor(before, dataOut))).toBe(true)
    expect(after.equals(dataOut)).toBe(true)
  })

  it('does with shorter Data-Out what can be done with it', () => {
    const { exchange, before, after } = send(0, { dataOut: dataOut.subarray(0, 700) })
    expect([exchange.status, exchange.command.presentedDataBytes]).toEqual([0, 1024])
    expect(exchange.dataIn.equals(xor(before, dataOut).subarray(0, 700))).toBe(true)
    expect(after.equals(Buffer.concat([dataOut.subarray(0, 700), before.subarray(700)]))).toBe(true)
  })

  it('leaves the blocks alone with DISABLE WRITE', () => {
    const { exchange, before, after, store } = send(DISABLE_WRITE)
    expect(exchange.dataIn.equals(xor(before, dataOut))).toBe(true)
    expect(after.equals(before)).toBe(true)
    expect(store.countOf('writev')).toBe(0)
  })

  it('gives no more than the initiator has room for', () => {
    const { exchange, before, after } = send(0, { dataInCapacityBytes: 100 })
    expect(exchange.dataIn.equals(xor(before, dataOut).subarray(0, 100))).toBe(true)
    expect(after.equals(dataOut)).toBe(true)
  })

  it('writes with force unit access when FUA asks for it', () => {
    const { store } = send(FUA)
    expect(store.calls.filter(({ operation }) => operation === 'writev')).toHaveLength(1)
  })

  it('refuses what lies outside of the medium, and more than it holds at once', () => {
    const { initiator, store } = testBench()
    const options = { dataOut, dataInCapacityBytes: 1024 }
    expect(initiator.send(cdbOf(2047, 2), options).senseText).toBe('5/21/00')
    const exchange = initiator.send(cdbOf(0, 129), options)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', cdbOf === xdWriteRead10 ? '7' : '28'])
    expect(store.calls).toEqual([])
  })

  it('does not write to a write-protected medium', () => {
    const { initiator, store } = testBench({ isReadOnly: true })
    expect(initiator.send(cdbOf(0, 1), { dataOut, dataInCapacityBytes: 512 }).senseText).toBe('7/27/00')
    expect(store.calls).toEqual([])
  })

  it('ends with the error of the read or of the write, and sends nothing', () => {
    for (const call of ['readv', 'writev'] as const) {
      const { initiator, store } = testBench()
      store.isManual = true
      const exchange = initiator.send(cdbOf(0, 2), { dataOut, dataInCapacityBytes: 1024 })
      if (call === 'writev') store.release()
      store.releaseWithError('io')
      expect([exchange.senseText, exchange.dataIn.length]).toEqual([call === 'readv' ? '3/11/00' : '3/0c/00', 0])
    }
  })

  it('transfers nothing for no blocks', () => {
    const { initiator } = testBench()
    const exchange = initiator.send(cdbOf(0, 0), { dataOut: Buffer.alloc(0), dataInCapacityBytes: 512 })
    expect([exchange.status, exchange.command.presentedReadBytes]).toEqual([0, 0])
  })
})

describe('a CDB of 32 bytes', () => {
  it('[PDU-15] is refused when it is not all there or states another length', () => {
    const { initiator, store } = testBench()
    const short = initiator.send(xdWriteRead32(0, 1).subarray(0, 16))
    expect([short.senseText, short.pointedAt]).toEqual(['5/24/00', '16'])
    const misstated = xdWriteRead32(0, 1)
    misstated[7] = 0x10
    const exchange = initiator.send(misstated)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '7'])
    expect(store.calls).toEqual([])
  })

  it('is refused with a service action that is not in the table', () => {
    for (const serviceAction of [0x0000, 0x0006, 0x0008, 0x000e, 0x0107]) {
      const cdb = xdWriteRead32(0, 1)
      cdb.writeUInt16BE(serviceAction, 8)
      expect(COMMAND_SETS.disk.find(cdb)).toBeNull()
      const exchange = testBench().initiator.send(cdb)
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '8'])
    }
  })

  it('is listed by REPORT SUPPORTED OPERATION CODES', () => {
    const { initiator } = testBench()
    const cdb = Buffer.from('a30c027f0007000000ff0000', 'hex')
    const usage = `7f040000000000ff00071e00${'ff'.repeat(8)}${'00'.repeat(8)}ffffffff`
    expect(initiator.send(cdb).dataIn.toString('hex')).toBe(`00030020${usage}`)
  })
})
