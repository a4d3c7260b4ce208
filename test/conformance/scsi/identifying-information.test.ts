import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { MemorySavedState } from '../../../scsi/saved-state.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const IDENTIFYING = 0b0000000
const TEXT = 0b0000010
const SUPPORTED = 0b1111111

const report = (initiator: TestInitiator, type = IDENTIFYING, allocationLengthBytes = 0xff) =>
  initiator.send([0xa3, 0x05, 0, 0, 0, 0, 0, 0, 0, allocationLengthBytes, type << 1, 0])
const set = (initiator: TestInitiator, information: Buffer, type = IDENTIFYING) =>
  initiator.send([0xa4, 0x06, 0, 0, 0, 0, 0, 0, information.length >> 8, information.length & 0xff, type << 1, 0], {
    dataOut: information,
  })

describe('REPORT and SET IDENTIFYING INFORMATION', () => {
  it('return what was set, also after a restart, and nothing before', () => {
    const savedState = new MemorySavedState()
    const { initiator } = testBench({ savedState })
    expect(report(initiator).dataIn).toEqual(bytes('00000000'))
    expect(set(initiator, Buffer.from('rack 7')).status).toBe(STATUS.GOOD)
    expect(report(initiator).dataIn).toEqual(Buffer.concat([bytes('00000006'), Buffer.from('rack 7')]))
    expect(report(testBench({ savedState }).initiator).dataIn.length).toBe(10)
    expect(report(initiator, TEXT).dataIn).toEqual(bytes('00000000'))
  })

  it('forget what is set to no bytes', () => {
    const { initiator } = testBench()
    set(initiator, Buffer.from('x'))
    expect(set(initiator, Buffer.alloc(0)).status).toBe(STATUS.GOOD)
    expect(report(initiator).dataIn).toEqual(bytes('00000000'))
  })

  it('tell the other nexuses of a change only', () => {
    const { initiator, target } = testBench()
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    set(initiator, Buffer.from('x'))
    expect(other.send([0x00]).senseText).toBe('6/3f/05')
    set(initiator, Buffer.from('x'))
    expect(other.send([0x00]).senseText).toBeNull()
    expect(initiator.send([0x00]).senseText).toBeNull()
  })

  it('name the types and their lengths', () => {
    expect(report(testBench().initiator, SUPPORTED).dataIn).toEqual(bytes('0000 000c 00 00 0200 04 00 0100 fe 00 0000'))
  })

  it('cut at ALLOCATION LENGTH', () => {
    expect(report(testBench().initiator, SUPPORTED, 4).dataIn).toEqual(bytes('0000 000c'))
  })

  it('take up to 512 bytes, and text that ends with its only zero byte', () => {
    const { initiator } = testBench()
    expect(set(initiator, Buffer.alloc(512, 1)).status).toBe(STATUS.GOOD)
    const tooLong = set(initiator, Buffer.alloc(513, 1))
    expect([tooLong.senseText, tooLong.pointedAt]).toEqual(['5/24/00', '6'])
    expect(set(initiator, Buffer.from('text\0'), TEXT).status).toBe(STATUS.GOOD)
    expect(set(initiator, Buffer.from('text'), TEXT).senseText).toBe('5/26/00')
    expect(set(initiator, Buffer.from('te\0xt\0'), TEXT).senseText).toBe('5/26/00')
  })

  it('refuse other types', () => {
    const { initiator } = testBench()
    for (const exchange of [report(initiator, 0b1000), set(initiator, Buffer.from('x'), SUPPORTED)]) {
      expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '10.7'])
    }
  })

  it('end with HARDWARE ERROR what cannot be kept', () => {
    const savedState = {
      read: () => null,
      write: () => {
        throw new Error('disk full')
      },
    }
    const { initiator } = testBench({ savedState })
    expect(set(initiator, Buffer.from('x')).senseText).toBe('4/44/00')
  })
})
