/** The Informational Exceptions Control mode page (SPC-3 7.4.11): a test device failure, and how it is reported. */

import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { pendingAttentions } from '../../support/persistent-reserve.ts'
import { TestInitiator, testBench } from '../../support/scsi-initiator.ts'

const DEXCPT = 0x08
const TEST = 0x04
const MRIE = { NONE: 0, UNIT_ATTENTION: 2, ON_REQUEST: 6 } as const
const FALSE_PREDICTION = '6/5d/ff'

function setUp() {
  const bench = testBench()
  const other = new TestInitiator(bench.target, 'b').clearUnitAttentions()
  const select = (flags: number, mrie: number, reportCount = 0) => {
    const page = [0x1c, 0x0a, flags, mrie, 0, 0, 0, 0, 0, 0, 0, reportCount]
    const dataOut = Buffer.from([0, 0, 0, 0, ...page])
    return bench.initiator.send([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut })
  }
  return { ...bench, other, select }
}

const requestSense = (initiator: TestInitiator) => {
  const { dataIn } = initiator.send([0x03, 0, 0, 0, 252, 0])
  return [dataIn[2], dataIn[12], dataIn[13]]
}

/** ASC and ASCQ of the Informational Exceptions log page. */
const logged = (initiator: TestInitiator) => {
  const { dataIn } = initiator.send([0x4d, 0, 0x6f, 0, 0, 0, 0, 0, 0xff, 0])
  return [...dataIn.subarray(8, 10)]
}

describe('TEST', () => {
  it('with MRIE 2h tells every nexus by unit attention, once, and again when it is set again', () => {
    const { initiator, other, select } = setUp()
    for (let time = 0; time < 2; time++) {
      expect(select(TEST, MRIE.UNIT_ATTENTION).status).toBe(STATUS.GOOD)
      expect(pendingAttentions(initiator)).toEqual([FALSE_PREDICTION])
      expect(pendingAttentions(other)).toContain(FALSE_PREDICTION)
    }
  })

  it('with MRIE 6h is told by REQUEST SENSE as often as it is asked, and by nothing else', () => {
    const { initiator, other, select } = setUp()
    select(TEST, MRIE.ON_REQUEST)
    other.clearUnitAttentions()
    for (const nexus of [initiator, other, other]) expect(requestSense(nexus)).toEqual([0, 0x5d, 0xff])
    expect(initiator.send([0x00]).status).toBe(STATUS.GOOD)
    select(DEXCPT, MRIE.ON_REQUEST)
    expect(requestSense(initiator)).toEqual([0, 0, 0])
  })

  it('with MRIE 0h is not told', () => {
    const { initiator, select } = setUp()
    select(TEST, MRIE.NONE)
    expect([pendingAttentions(initiator), requestSense(initiator)]).toEqual([[], [0, 0, 0]])
  })

  it('is in the log page while it is set', () => {
    const { initiator, select } = setUp()
    expect(logged(initiator)).toEqual([0, 0])
    select(TEST, MRIE.NONE)
    expect(logged(initiator)).toEqual([0x5d, 0xff])
    select(0, MRIE.NONE)
    expect(logged(initiator)).toEqual([0, 0])
  })
})

describe('a change of the page', () => {
  it('without TEST reports nothing', () => {
    const { initiator, select } = setUp()
    expect(select(0, MRIE.UNIT_ATTENTION).status).toBe(STATUS.GOOD)
    expect(pendingAttentions(initiator)).toEqual([])
  })

  it.each([
    ['TEST with DEXCPT', TEST | DEXCPT, MRIE.UNIT_ATTENTION, 0, '6.2'],
    ['a method that fails commands that succeeded', TEST, 4, 0, '7.3'],
    ['EWASC', 0x18, 0, 0, '6.4'],
    ['a report count', TEST, MRIE.UNIT_ATTENTION, 1, '15.0'],
  ])('refuses %s', (_name, flags, mrie, reportCount, pointer) => {
    const { initiator, select } = setUp()
    const exchange = select(flags, mrie, reportCount)
    expect([exchange.senseText, exchange.pointedAtInList]).toEqual(['5/26/00', pointer])
    expect(logged(initiator)).toEqual([0, 0])
  })
})
