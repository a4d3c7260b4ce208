import { describe, expect, it } from 'vitest'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { TEST_IDENTITY, TestInitiator } from '../../support/scsi-initiator.ts'
import { TestStore } from '../../support/scsi-store.ts'

function initiatorOf(...luns: number[]): TestInitiator {
  const options = { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }
  const logicalUnits = new Map(luns.map((lun) => [lun, new LogicalUnit(options, new TestStore(4096))]))
  return new TestInitiator(new ScsiTarget({ logicalUnits, onInternalError: () => {} }))
}

function reportLuns(initiator: TestInitiator, selectReport = 0, allocationLength = 4096, lun = 0) {
  const cdb = Buffer.alloc(12)
  cdb[0] = 0xa0
  cdb[2] = selectReport
  cdb.writeUInt32BE(allocationLength, 6)
  return initiator.send(cdb, { lun })
}

describe('REPORT LUNS', () => {
  it('lists the numbers ascending, peripheral below 256 and flat space above', () => {
    const luns = reportLuns(initiatorOf(300, 5, 0, 16383, 255, 256)).dataIn
    expect(luns.toString('hex')).toBe(
      [
        '0000003000000000',
        '0000000000000000',
        '0005000000000000',
        '00ff000000000000',
        '4100000000000000',
        '412c000000000000',
        '7fff000000000000',
      ].join(''),
    )
  })

  it.each([0, 2])('with SELECT REPORT %i lists LUN 0 even where nothing is mapped', (selectReport) => {
    expect(reportLuns(initiatorOf(), selectReport).dataIn.toString('hex')).toBe('00000008000000000000000000000000')
    expect(reportLuns(initiatorOf(7), selectReport).dataIn.toString('hex')).toBe(
      '000000100000000000000000000000000007000000000000',
    )
  })

  it('with SELECT REPORT 1 lists the well known logical units, which are none', () => {
    expect(reportLuns(initiatorOf(0), 1).dataIn.toString('hex')).toBe('0000000000000000')
  })

  it('refuses any other SELECT REPORT', () => {
    const exchange = reportLuns(initiatorOf(0), 0x10)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '2'])
  })

  it('is cut at ALLOCATION LENGTH, which is no overflow, and still says how much there is', () => {
    const exchange = reportLuns(initiatorOf(0, 1, 2), 0, 16)
    expect(exchange.dataIn.toString('hex')).toBe('00000018000000000000000000000000')
    expect(exchange.command.presentedDataBytes).toBe(16)
    expect(reportLuns(initiatorOf(0), 0, 0).command.presentedDataBytes).toBe(0)
  })

  it('is answered with a unit attention pending, and where nothing is mapped', () => {
    const initiator = initiatorOf(1)
    expect(reportLuns(initiator, 0, 4096, 1).status).toBe(0)
    expect(reportLuns(initiator, 0, 4096, 9).status).toBe(0)
    expect(initiator.send([0x00], { lun: 1 }).senseText).toBe('6/29/00')
  })

  it('settles REPORTED LUNS DATA HAS CHANGED', () => {
    const initiator = initiatorOf(0).clearUnitAttentions()
    const options = { identity: TEST_IDENTITY, blockLengthBytes: 512, isReadOnly: false }
    const added = new LogicalUnit(options, new TestStore(4096))
    initiator.target.mapLogicalUnit(3, added)
    reportLuns(initiator)
    expect(initiator.send([0x00]).status).toBe(0)
    initiator.target.unmapLogicalUnit(3, () => {})
    expect(initiator.send([0x00]).senseText).toBe('6/3f/0e')
  })
})
