import { describe, expect, it } from 'vitest'
import { capacity10Data, capacity16Data } from '../../../scsi/pages/capacity-data.ts'
import { dataOf, disk, reach, run, senseText } from '../../support/information-commands.ts'
import { PROPERTIES } from '../../support/logical-unit-properties.ts'

const itlNexus = reach(disk().logicalUnit)

describe('READ CAPACITY (10)', () => {
  it('returns the last address and the block length', () => {
    const outcome = run(itlNexus, '25 00 00000000 0000 00 00')
    expect(dataOf(outcome)).toEqual(capacity10Data(PROPERTIES))
    expect(outcome.presentedDataBytes).toBe(8)
  })

  it('returns FFFFFFFFh for a disk that needs READ CAPACITY (16)', () => {
    const large = reach(disk({ blockCount: 2 ** 32 + 5, blockLengthBytes: 4096 }).logicalUnit)
    expect(dataOf(run(large, '25 00 00000000 0000 00 00')).toString('hex')).toBe('ffffffff00001000')
  })

  it('refuses an address without PMI', () => {
    expect(senseText(run(itlNexus, '25 00 00000001 0000 00 00'))).toBe('05/24/00 cdb[2]')
  })

  it('returns the last address of the medium with PMI', () => {
    expect(dataOf(run(itlNexus, '25 00 001fffff 0000 01 00'))).toEqual(capacity10Data(PROPERTIES))
  })

  it('refuses an address beyond the medium with PMI', () => {
    expect(senseText(run(itlNexus, '25 00 00200000 0000 01 00'))).toBe('05/21/00')
  })
})

describe('READ CAPACITY (16)', () => {
  it('returns 32 bytes', () => {
    expect(dataOf(run(itlNexus, '9e 10 0000000000000000 00000060 00 00'))).toEqual(capacity16Data(PROPERTIES))
  })

  it.each([0, 1, 8, 12, 15, 16, 31])('cuts at an ALLOCATION LENGTH of %i', (length) => {
    const cdb = `9e 10 0000000000000000 ${length.toString(16).padStart(8, '0')} 00 00`
    expect(dataOf(run(itlNexus, cdb))).toEqual(capacity16Data(PROPERTIES).subarray(0, length))
  })

  it('refuses an address without PMI, and one beyond the medium with it', () => {
    expect(senseText(run(itlNexus, '9e 10 0000000000000001 00000020 00 00'))).toBe('05/24/00 cdb[2]')
    expect(senseText(run(itlNexus, '9e 10 0000000000200000 00000020 01 00'))).toBe('05/21/00')
    expect(senseText(run(itlNexus, '9e 10 ffffffffffffffff 00000020 01 00'))).toBe('05/21/00')
  })

  it('returns the last address of the medium with PMI', () => {
    expect(dataOf(run(itlNexus, '9e 10 00000000001fffff 00000020 01 00'))).toEqual(capacity16Data(PROPERTIES))
  })
})
