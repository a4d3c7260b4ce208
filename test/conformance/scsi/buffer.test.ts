import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { fillWithPattern, TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const DATA = 0x02
const DESCRIPTOR = 0x03
const ECHO = 0x0a
const ECHO_DESCRIPTOR = 0x0b

function cdb(operationCode: number, mode: number, lengthBytes: number, offsetBytes = 0, id = 0): Buffer {
  const bytesOfCdb = Buffer.from([operationCode, mode, id, 0, 0, 0, 0, 0, 0, 0])
  bytesOfCdb.writeUIntBE(offsetBytes, 3, 3)
  bytesOfCdb.writeUIntBE(lengthBytes, 6, 3)
  return bytesOfCdb
}
const write = (initiator: TestInitiator, mode: number, dataOut: Buffer, offsetBytes = 0, id = 0) =>
  initiator.send(cdb(0x3b, mode, dataOut.length, offsetBytes, id), { dataOut })
const read = (initiator: TestInitiator, mode: number, allocationBytes: number, offsetBytes = 0, id = 0) =>
  initiator.send(cdb(0x3c, mode, allocationBytes, offsetBytes, id))

function pattern(byteCount: number): Buffer {
  const data = Buffer.alloc(byteCount)
  fillWithPattern(data)
  return data
}

describe('the echo buffer', () => {
  it('returns to each nexus what it wrote, as often as it asks', () => {
    const { initiator, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    const own = pattern(4096)
    write(initiator, ECHO, own)
    write(other, ECHO, Buffer.from('other'))
    expect(read(initiator, ECHO, 8192).dataIn).toEqual(own)
    expect(read(initiator, ECHO, 16).dataIn).toEqual(own.subarray(0, 16))
    expect(read(other, ECHO, 8192).dataIn).toEqual(Buffer.from('other'))
  })

  it('cannot be read before it was written', () => {
    expect(read(testBench().initiator, ECHO, 4).senseText).toBe('5/2c/00')
  })

  it('describes itself: 4096 bytes, EBOS', () => {
    expect(read(testBench().initiator, ECHO_DESCRIPTOR, 4).dataIn).toEqual(bytes('01 00 1000'))
  })

  it('takes no more than it holds', () => {
    const exchange = write(testBench().initiator, ECHO, Buffer.alloc(4097))
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '6'])
  })
})

describe('the data buffer', () => {
  it('holds what any nexus wrote where it wrote it, and zeroes elsewhere', () => {
    const { initiator, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    expect(read(initiator, DATA, 4).dataIn).toEqual(Buffer.alloc(4))
    write(initiator, DATA, Buffer.from('abc'), 65533)
    expect(read(other, DATA, 16, 65532).dataIn).toEqual(Buffer.from('\0abc'))
  })

  it('describes itself: 64 KiB at any byte; other buffers have no bytes', () => {
    const { initiator } = testBench()
    expect(read(initiator, DESCRIPTOR, 4).dataIn).toEqual(bytes('00 010000'))
    expect(read(initiator, DESCRIPTOR, 4, 0, 1).dataIn).toEqual(bytes('00 000000'))
  })

  it('refuses other buffers, offsets behind its end and data over its end', () => {
    const { initiator } = testBench()
    const pointers = [
      write(initiator, DATA, Buffer.alloc(1), 0, 1),
      read(initiator, DATA, 1, 0, 1),
      write(initiator, DATA, Buffer.alloc(1), 65537),
      read(initiator, DATA, 1, 65537),
      write(initiator, DATA, Buffer.alloc(2), 65535),
    ].map((exchange) => [exchange.senseText, exchange.pointedAt])
    expect(pointers).toEqual(['2', '2', '3', '3', '6'].map((at) => ['5/24/00', at]))
  })
})

it.each([0x00, 0x01, 0x04, 0x05, 0x07, 0x1c])('READ and WRITE BUFFER refuse mode %i', (mode) => {
  const { initiator } = testBench()
  for (const exchange of [read(initiator, mode, 4), write(initiator, mode, Buffer.alloc(4))]) {
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '1.4'])
  }
})

it('READ and WRITE BUFFER of no bytes are no error', () => {
  const { initiator } = testBench()
  expect(write(initiator, DATA, Buffer.alloc(0)).status).toBe(STATUS.GOOD)
  expect(read(initiator, DATA, 0).status).toBe(STATUS.GOOD)
})
