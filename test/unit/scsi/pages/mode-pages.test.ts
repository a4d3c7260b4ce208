import { describe, expect, it } from 'vitest'
import {
  ALL_PAGES,
  ALL_SUBPAGES,
  MODE_PAGES,
  modePageChangeableMask,
  modePageDefaults,
  selectModePages,
} from '../../../../scsi/pages/mode-pages.ts'
import { bytes, PROPERTIES, withCapabilities } from '../../../support/logical-unit-properties.ts'

const names = (pageCode: number, subpageCode: number) => {
  const pages = selectModePages(pageCode, subpageCode)
  return typeof pages === 'string' ? pages : pages.map((page) => page.name)
}

describe('the table of mode pages', () => {
  it('ascends by page code and subpage code without duplicates', () => {
    const keys = MODE_PAGES.map((page) => page.pageCode * 256 + page.subpageCode)
    expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b))
  })

  it.each(MODE_PAGES.map((page) => [page.name, page] as const))('%s fits its PAGE LENGTH', (_name, page) => {
    const data = modePageDefaults(page, PROPERTIES)
    const lengthBytes = page.subpageCode === 0 ? 2 + data[1]! : 4 + data.readUInt16BE(2)
    expect(data.length).toBe(lengthBytes)
    for (const field of Object.values(page.fields))
      expect(field.byte + field.byteCount).toBeLessThanOrEqual(lengthBytes)
  })

  it.each(MODE_PAGES.map((page) => [page.name, page] as const))('%s has a mask with its own header', (_name, page) => {
    const headerBytes = page.subpageCode === 0 ? 2 : 4
    const header = modePageDefaults(page, PROPERTIES).subarray(0, headerBytes)
    expect(modePageChangeableMask(page, PROPERTIES).subarray(0, headerBytes)).toEqual(header)
  })

  it('names in each row only fields that the page has, and allowed values that they hold', () => {
    for (const { fields, changeable, allowed, exclusive, name } of MODE_PAGES) {
      for (const field of [...changeable(PROPERTIES), ...Object.keys(allowed), ...(exclusive ?? [])])
        expect(fields, name).toHaveProperty(field)
    }
  })

  it('lets be changed what the disk can do', () => {
    const mask = (name: string, unit = PROPERTIES) =>
      modePageChangeableMask(MODE_PAGES.find((page) => page.name === name)!, unit)
    expect(mask('Caching')).toEqual(bytes(`88 12 04${'00'.repeat(17)}`))
    expect(mask('Caching', withCapabilities({ volatileWriteCache: false }))[2]).toBe(0)
    expect(mask('Informational Exceptions Control')).toEqual(bytes(`9c 0a 0c 0f${'00'.repeat(8)}`))
    expect(mask('Control')).toEqual(bytes('8a 0a f4 0e 38 40 00 00 00 00 00 00'))
    expect(mask('Logical Block Provisioning')).toEqual(
      bytes('dc 02 00 1c 01 000000 00000000 00000000 80 00 0000 ffffffff 80 00 0000 ffffffff'),
    )
    expect(mask('Logical Block Provisioning', withCapabilities({ thin: false })).subarray(4)).toEqual(Buffer.alloc(28))
  })
})

describe('selectModePages', () => {
  it('finds one page', () => {
    expect(names(0x08, 0)).toEqual(['Caching'])
    expect(names(0x0a, 0x01)).toEqual(['Control Extension'])
  })

  it('finds a page with all its subpages', () => {
    expect(names(0x0a, ALL_SUBPAGES)).toEqual(['Control', 'Control Extension'])
    expect(names(0x08, ALL_SUBPAGES)).toEqual(['Caching'])
  })

  it('finds all pages, without and with subpages', () => {
    const all = MODE_PAGES.map((page) => page.name)
    expect(names(ALL_PAGES, 0)).toEqual(MODE_PAGES.filter((page) => page.subpageCode === 0).map((page) => page.name))
    expect(names(ALL_PAGES, ALL_SUBPAGES)).toEqual(all)
  })

  it('finds no page for page code 00h, which is no error', () => {
    expect(names(0x00, 0)).toEqual([])
  })

  it.each([
    [0x03, 0x00, 'unknownPage'],
    [0x1d, 0xff, 'unknownPage'],
    [0x08, 0x01, 'unknownSubpage'],
    [0x00, 0x02, 'unknownSubpage'],
    [0x3f, 0x01, 'unknownSubpage'],
    [0x3f, 0x02, 'unknownSubpage'],
  ])('refuses page %i, subpage %i', (pageCode, subpageCode, refusal) => {
    expect(names(pageCode, subpageCode)).toBe(refusal)
  })
})

describe('mode page values', () => {
  const values = (pageCode: number, subpageCode: number, unit = PROPERTIES) => {
    const page = MODE_PAGES.find((row) => row.pageCode === pageCode && row.subpageCode === subpageCode)!
    return modePageDefaults(page, unit)
  }

  it('of Caching tell whether there is a volatile write cache', () => {
    expect(values(0x08, 0)).toEqual(bytes(`88 12 04${'00'.repeat(17)}`))
    expect(values(0x08, 0, withCapabilities({ volatileWriteCache: false }))).toEqual(bytes(`88 12${'00'.repeat(18)}`))
  })

  it('of Control allow reordering', () => {
    expect(values(0x0a, 0)).toEqual(bytes('8a 0a 02 10 00 00 00 00 00 00 00 01'))
  })

  it('of Informational Exceptions Control disable them', () => {
    expect(values(0x1c, 0)).toEqual(bytes('9c 0a 08 00 00 00 00 00 00 00 00 00'))
  })

  it('of a subpage have the sub_page format', () => {
    expect(values(0x0a, 1)).toEqual(bytes(`ca 01 00 1c 07${'00'.repeat(27)}`))
  })

  it.each([
    [0x01, 0x0a],
    [0x02, 0x0e],
    [0x1a, 0x26],
  ])('of page %i are all zero', (pageCode, lengthBytes) => {
    expect(values(pageCode, 0)).toEqual(
      Buffer.concat([Buffer.from([0x80 | pageCode, lengthBytes]), Buffer.alloc(lengthBytes)]),
    )
  })
})
