import { describe, expect, it } from 'vitest'
import { MODE_PAGES, modePageChangeableMask, modePageDefaults } from '../../../scsi/pages/mode-pages.ts'
import { dataOf, disk, reach, run, senseText } from '../../support/information-commands.ts'
import { bytes, PROPERTIES } from '../../support/logical-unit-properties.ts'

const itlNexus = reach(disk().logicalUnit)
const caching = bytes(`88 12 04${'00'.repeat(17)}`)
const DESCRIPTOR = '00200000 00 000200'

const values = (...names: string[]) =>
  Buffer.concat(names.map((name) => modePageDefaults(MODE_PAGES.find((page) => page.name === name)!, PROPERTIES)))
const pagesOf6 = (cdb: string) => {
  const data = dataOf(run(itlNexus, cdb))
  expect(data[0]).toBe(data.length - 1)
  return data.subarray(4 + data[3]!)
}

describe('MODE SENSE (6)', () => {
  it('returns header, block descriptor and page', () => {
    expect(dataOf(run(itlNexus, '1a 00 08 00 ff 00'))).toEqual(
      Buffer.concat([bytes(`1f 00 10 08 ${DESCRIPTOR}`), caching]),
    )
  })

  it('returns no block descriptor with DBD', () => {
    expect(dataOf(run(itlNexus, '1a 08 08 00 ff 00'))).toEqual(Buffer.concat([bytes('17 00 10 00'), caching]))
  })

  it('returns all pages in ascending order, subpages only when asked', () => {
    const names = MODE_PAGES.map((page) => page.name)
    expect(pagesOf6('1a 00 3f 00 ff 00')).toEqual(
      values(...MODE_PAGES.filter((page) => page.subpageCode === 0).map((page) => page.name)),
    )
    expect(pagesOf6('1a 00 3f ff ff 00')).toEqual(values(...names))
  })

  it('returns a page with its subpages', () => {
    expect(pagesOf6('1a 00 0a ff ff 00')).toEqual(values('Control', 'Control Extension'))
    expect(pagesOf6('1a 00 0a 01 ff 00')).toEqual(values('Control Extension'))
  })

  it('returns header and block descriptor alone for page code 00h', () => {
    expect(dataOf(run(itlNexus, '1a 00 00 00 ff 00'))).toEqual(bytes(`0b 00 10 08 ${DESCRIPTOR}`))
  })

  it('returns default and saved values, which are the current ones of a disk that nobody changed', () => {
    expect(pagesOf6('1a 00 bf ff ff 00')).toEqual(pagesOf6('1a 00 3f ff ff 00'))
    expect(pagesOf6('1a 00 ff ff ff 00')).toEqual(pagesOf6('1a 00 3f ff ff 00'))
  })

  it('returns a mask for changeable values', () => {
    expect(pagesOf6('1a 00 7f ff ff 00')).toEqual(
      Buffer.concat(MODE_PAGES.map((page) => modePageChangeableMask(page, PROPERTIES))),
    )
  })

  it.each([
    ['1a 00 03 00 ff 00', '05/24/00 cdb[2].5'],
    ['1a 00 08 01 ff 00', '05/24/00 cdb[3]'],
    ['1a 00 3f 01 ff 00', '05/24/00 cdb[3]'],
    ['1a 10 08 00 ff 00', '05/24/00 cdb[1].4'],
  ])('refuses %s', (cdb, sense) => {
    expect(senseText(run(itlNexus, cdb))).toBe(sense)
  })

  it('cuts at ALLOCATION LENGTH and leaves MODE DATA LENGTH alone', () => {
    const outcome = run(itlNexus, '1a 00 08 00 04 00')
    expect(dataOf(outcome)).toEqual(bytes('1f 00 10 08'))
    expect(outcome.presentedDataBytes).toBe(4)
  })

  it('has WP set when the disk is write protected, by wish or by its store', () => {
    const parameter = (options: Parameters<typeof disk>[0]) =>
      dataOf(run(reach(disk(options).logicalUnit), '1a 08 08 00 ff 00'))[2]
    expect(parameter({})).toBe(0x10)
    expect(parameter({ isReadOnly: true })).toBe(0x90)
    expect(parameter({ capabilities: { readOnly: true } })).toBe(0x90)
  })
})

describe('MODE SENSE (10)', () => {
  it('returns header, short block descriptor and page', () => {
    expect(dataOf(run(itlNexus, '5a 00 08 00 000000 00ff 00'))).toEqual(
      Buffer.concat([bytes(`0022 00 10 00 00 0008 ${DESCRIPTOR}`), caching]),
    )
  })

  it('returns a long block descriptor with LLBAA', () => {
    expect(dataOf(run(itlNexus, '5a 10 08 00 000000 00ff 00'))).toEqual(
      Buffer.concat([bytes('002a 00 10 01 00 0010 0000000000200000 00000000 00000200'), caching]),
    )
  })

  it('returns no block descriptor with DBD, whatever LLBAA says', () => {
    for (const flags of ['08', '18']) {
      expect(dataOf(run(itlNexus, `5a ${flags} 08 00 000000 00ff 00`))).toEqual(
        Buffer.concat([bytes('001a 00 10 00 00 0000'), caching]),
      )
    }
  })

  it('refuses unknown pages', () => {
    expect(senseText(run(itlNexus, '5a 00 03 00 000000 00ff 00'))).toBe('05/24/00 cdb[2].5')
  })

  it('cuts at an ALLOCATION LENGTH of 16 bits', () => {
    expect(dataOf(run(itlNexus, '5a 00 3f ff 000000 0002 00')).length).toBe(2)
    expect(dataOf(run(itlNexus, '5a 00 3f ff 000000 0100 00')).length).toBe(
      8 + 8 + values(...MODE_PAGES.map((p) => p.name)).length,
    )
  })
})
