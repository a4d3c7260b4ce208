import { describe, expect, it } from 'vitest'
import { SENSE } from '../../../scsi/sense-codes.ts'
import { dataOf, disk, reach, run, senseText } from '../../support/information-commands.ts'
import { bytes } from '../../support/logical-unit-properties.ts'

const NO_SENSE = bytes('70 00 00 00000000 0a 00000000 00 00 00 00 0000')

describe('REQUEST SENSE', () => {
  it('returns NO SENSE when nothing is pending', () => {
    const itlNexus = reach(disk().logicalUnit)
    expect(dataOf(run(itlNexus, '03 00 0000 fc 00'))).toEqual(NO_SENSE)
    expect(dataOf(run(itlNexus, '03 01 0000 fc 00'))).toEqual(bytes('72 00 00 00 00000000'))
  })

  it('returns a pending unit attention once', () => {
    const itlNexus = reach(disk().logicalUnit)
    itlNexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(dataOf(run(itlNexus, '03 00 0000 fc 00'))).toEqual(bytes('70 00 06 00000000 0a 00000000 2a 09 00 00 0000'))
    expect(dataOf(run(itlNexus, '03 00 0000 fc 00'))).toEqual(NO_SENSE)
  })

  it('returns a unit attention in descriptor format', () => {
    const itlNexus = reach(disk().logicalUnit)
    itlNexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(dataOf(run(itlNexus, '03 01 0000 fc 00'))).toEqual(bytes('72 06 2a 09 00000000'))
  })

  it('clears what it cut away as well', () => {
    const itlNexus = reach(disk().logicalUnit)
    itlNexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(dataOf(run(itlNexus, '03 00 0000 00 00'))).toEqual(Buffer.alloc(0))
    expect(dataOf(run(itlNexus, '03 00 0000 fc 00'))).toEqual(NO_SENSE)
  })

  it('keeps the unit attention when its own CDB is wrong', () => {
    const itlNexus = reach(disk().logicalUnit)
    itlNexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(senseText(run(itlNexus, '03 02 0000 fc 00'))).toBe('05/24/00 cdb[1].1')
    expect(itlNexus.unitAttentions.take()).toBe(SENSE.CAPACITY_DATA_HAS_CHANGED)
  })

  it('tells with GOOD status that no logical unit is mapped', () => {
    const absent = reach(null)
    expect(dataOf(run(absent, '03 00 0000 fc 00'))).toEqual(bytes('70 00 05 00000000 0a 00000000 25 00 00 00 0000'))
    expect(dataOf(run(absent, '03 01 0000 fc 00'))).toEqual(bytes('72 05 25 00 00000000'))
  })
})
