import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { bytes } from '../../support/logical-unit-properties.ts'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const REPORT = [0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0]
const set = (initiator: TestInitiator, list: string, lengthBytes = bytes(list).length) =>
  initiator.send([0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, lengthBytes, 0, 0], { dataOut: bytes(list) })

describe('REPORT and SET TIMESTAMP', () => {
  it('follow the clock of the machine', () => {
    const clock = { ms: 0x0123_4567_89ab }
    const { initiator } = testBench({ nowMs: () => clock.ms })
    expect(initiator.send(REPORT).dataIn).toEqual(bytes('000a 03 00 0123456789ab 0000'))
    clock.ms += 1
    expect(initiator.send(REPORT).dataIn).toEqual(bytes('000a 03 00 0123456789ac 0000'))
  })

  it('run on from what was set, and tell the other nexuses', () => {
    const clock = { ms: 1_000_000 }
    const { initiator, target } = testBench({ nowMs: () => clock.ms })
    const other = new TestInitiator(target, 'b').clearUnitAttentions()
    expect(set(initiator, '00000000 000000001000 0000').status).toBe(STATUS.GOOD)
    clock.ms += 16
    expect(initiator.send(REPORT).dataIn).toEqual(bytes('000a 02 00 000000001010 0000'))
    expect(other.send([0x00]).senseText).toBe('6/2a/10')
    expect(initiator.send([0x00]).senseText).toBeNull()
  })

  it('leave the timestamp alone with an empty list', () => {
    const { initiator } = testBench({ nowMs: () => 5 })
    expect(set(initiator, '').status).toBe(STATUS.GOOD)
    expect(initiator.send(REPORT).dataIn[2]).toBe(3)
  })

  it('refuse a short list and a timestamp beyond F0h', () => {
    const { initiator } = testBench()
    expect(set(initiator, '00000000 0000').senseText).toBe('5/1a/00')
    const exchange = set(initiator, '00000000 f10000000000 0000')
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual(['5/26/00', '4'])
  })

  it('cut at ALLOCATION LENGTH', () => {
    expect(testBench().initiator.send([0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]).dataIn).toEqual(bytes('000a'))
  })
})
