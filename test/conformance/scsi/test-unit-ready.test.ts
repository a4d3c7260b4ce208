import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { SENSE } from '../../../scsi/sense-codes.ts'
import { disk, reach, run, senseText } from '../../support/information-commands.ts'

describe('TEST UNIT READY', () => {
  it('ends with GOOD and no data', () => {
    const outcome = run(reach(disk().logicalUnit), '00 00 00 00 00 00')
    expect(outcome).toMatchObject({ status: STATUS.GOOD, presentedDataBytes: 0 })
    expect(outcome.data.length).toBe(0)
  })

  it('reports a unit attention once', () => {
    const itlNexus = reach(disk().logicalUnit)
    itlNexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(senseText(run(itlNexus, '00 00 00 00 00 00'))).toBe('06/2a/09')
    expect(run(itlNexus, '00 00 00 00 00 00').status).toBe(STATUS.GOOD)
  })

  it('refuses bits that are reserved', () => {
    expect(senseText(run(reach(disk().logicalUnit), '00 00 00 80 00 00'))).toBe('05/24/00 cdb[3].7')
  })

  it('finds no logical unit where none is mapped', () => {
    expect(senseText(run(reach(null), '00 00 00 00 00 00'))).toBe('05/25/00')
  })
})
