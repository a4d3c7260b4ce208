import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../scsi/command.ts'
import { absentUnitInquiryData, standardInquiryData } from '../../../scsi/pages/standard-inquiry-data.ts'
import { VPD_PAGES, vpdPage } from '../../../scsi/pages/vpd-pages.ts'
import { SENSE } from '../../../scsi/sense-codes.ts'
import { dataOf, disk, reach, run, senseText } from '../../support/information-commands.ts'
import { bytes, NEXUS, PROPERTIES } from '../../support/logical-unit-properties.ts'

const itlNexus = reach(disk().logicalUnit)
const absent = reach(null)
const standardData = standardInquiryData(PROPERTIES, NEXUS)

describe('INQUIRY', () => {
  it('returns standard data', () => {
    expect(dataOf(run(itlNexus, '12 00 00 00ff 00'))).toEqual(standardData)
  })

  it.each([0, 1, 5, 36, 95, 96, 97, 511, 512, 65_535])(
    'cuts at an ALLOCATION LENGTH of %i, which has 16 bits',
    (length) => {
      const outcome = run(itlNexus, `12 00 00 ${length.toString(16).padStart(4, '0')} 00`)
      expect(dataOf(outcome)).toEqual(standardData.subarray(0, length))
      expect(outcome.presentedDataBytes).toBe(Math.min(length, 96))
    },
  )

  it.each(VPD_PAGES.map((page) => [page.name, page.pageCode] as const))('returns the %s page', (_name, pageCode) => {
    const cdb = `12 01 ${pageCode.toString(16).padStart(2, '0')} 0400 00`
    expect(dataOf(run(itlNexus, cdb))).toEqual(vpdPage(pageCode, PROPERTIES, NEXUS))
  })

  it('leaves PAGE LENGTH alone when it cuts a page', () => {
    expect(dataOf(run(itlNexus, '12 01 b0 0004 00'))).toEqual(bytes('00 b0 00 3c'))
  })

  it('refuses a page that does not exist', () => {
    expect(senseText(run(itlNexus, '12 01 b7 00ff 00'))).toBe('05/24/00 cdb[2]')
  })

  it('refuses a PAGE CODE without EVPD', () => {
    expect(senseText(run(itlNexus, '12 00 80 00ff 00'))).toBe('05/24/00 cdb[2]')
  })

  it('refuses CMDDT', () => {
    expect(senseText(run(itlNexus, '12 02 00 00ff 00'))).toBe('05/24/00 cdb[1].1')
    expect(senseText(run(itlNexus, '12 03 00 00ff 00'))).toBe('05/24/00 cdb[1].1')
  })

  it('neither reports nor clears a unit attention', () => {
    const nexus = reach(disk().logicalUnit)
    nexus.unitAttentions.establish(SENSE.CAPACITY_DATA_HAS_CHANGED)
    expect(run(nexus, '12 00 00 0060 00').status).toBe(STATUS.GOOD)
    expect(nexus.unitAttentions.take()).toBe(SENSE.CAPACITY_DATA_HAS_CHANGED)
  })

  it('is answered while another nexus holds a reservation', () => {
    const { logicalUnit } = disk()
    const holder = reach(logicalUnit)
    const other = reach(logicalUnit)
    expect(run(holder, '16 00 00 00 00 00').status).toBe(STATUS.GOOD)
    expect(run(other, '12 00 00 0060 00').status).toBe(STATUS.GOOD)
    expect(run(other, '00 00 00 00 00 00').status).toBe(STATUS.RESERVATION_CONFLICT)
  })
})

describe('INQUIRY where no logical unit is mapped', () => {
  it('returns standard data with qualifier 011b', () => {
    expect(dataOf(run(absent, '12 00 00 00ff 00'))).toEqual(absentUnitInquiryData(NEXUS))
  })

  it('returns the list of pages, which is empty but for itself', () => {
    expect(dataOf(run(absent, '12 01 00 00ff 00'))).toEqual(bytes('7f 00 0001 00'))
  })

  it.each(['80', '83', 'b0'])('refuses page %sh', (pageCode) => {
    expect(senseText(run(absent, `12 01 ${pageCode} 00ff 00`))).toBe('05/24/00 cdb[2]')
  })
})
