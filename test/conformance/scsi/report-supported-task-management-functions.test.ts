import { describe, expect, it } from 'vitest'
import { bytes } from '../../support/logical-unit-properties.ts'
import { testBench } from '../../support/scsi-initiator.ts'

const report = (flags: number, allocationLengthBytes: number) =>
  testBench().initiator.send([0xa3, 0x0d, flags, 0, 0, 0, 0, 0, 0, allocationLengthBytes, 0, 0])

describe('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', () => {
  it('names the functions in four bytes, with REPD in sixteen', () => {
    expect(report(0, 4).dataIn).toEqual(bytes('fe 07 00 00'))
    expect(report(0x80, 0xff).dataIn).toEqual(bytes(`fe 07 00 0c${'00'.repeat(12)}`))
    expect(report(0x80, 8).dataIn).toEqual(bytes('fe 07 00 0c 00000000'))
  })

  it('refuses an ALLOCATION LENGTH below four', () => {
    const exchange = report(0, 3)
    expect([exchange.senseText, exchange.pointedAt]).toEqual(['5/24/00', '6'])
  })
})
