import { describe, expect, it } from 'vitest'
import {
  ALL_PAGES,
  ALL_SUBPAGES,
  MODE_PAGES,
  modePageChangeableMask,
  modePageValues,
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
    const data = modePageValues(page, PROPERTIES)
    const lengthBytes = page.subpageCode === 0 ? 2 + data[1]! : 4 + data.readUInt16BE(2)
    expect(data.length).toBe(lengthBytes)
    for (const field of Object.values(page.fields))
      expect(field.byte + field.byteCount).toBeLessThanOrEqual(lengthBytes)
  })

  it.each(MODE_PAGES.map((page) => [page.name, page] as const))('%s has nothing that may be changed', (_name, page) => {
    const mask = modePageChangeableMask(page)
    const headerBytes = page.subpageCode === 0 ? 2 : 4
    expect(mask.subarray(0, headerBytes)).toEqual(modePageValues(page, PROPERTIES).subarray(0, headerBytes))
    expect(mask.subarray(headerBytes)).toEqual(Buffer.alloc(page.pageLengthBytes))
  })

  it('shows a field that may be changed as ones in the mask', () => {
    const caching = MODE_PAGES.find((page) => page.name === 'Caching')!
    expect(modePageChangeableMask({ ...caching, changeable: ['WCE'] })[2]).toBe(0x04)
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
    expect(names(ALL_PAGES, 0)).toEqual(all.filter((name) => name !== 'Control Extension'))
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
    return modePageValues(page, unit)
  }

  it('of Caching tell whether there is a volatile write cache', () => {
    expect(values(0x08, 0)).toEqual(bytes(`08 12 04${'00'.repeat(17)}`))
    expect(values(0x08, 0, withCapabilities({ volatileWriteCache: false }))).toEqual(bytes(`08 12${'00'.repeat(18)}`))
  })

  it('of Control allow reordering', () => {
    expect(values(0x0a, 0)).toEqual(bytes('0a 0a 02 10 00 00 00 00 00 00 00 00'))
  })

  it('of Informational Exceptions Control disable them', () => {
    expect(values(0x1c, 0)).toEqual(bytes('1c 0a 08 00 00 00 00 00 00 00 00 00'))
  })

  it('of a subpage have the sub_page format', () => {
    expect(values(0x0a, 1)).toEqual(bytes(`4a 01 00 1c${'00'.repeat(28)}`))
  })

  it.each([
    [0x01, 0x0a],
    [0x02, 0x0e],
    [0x1a, 0x26],
  ])('of page %i are all zero', (pageCode, lengthBytes) => {
    expect(values(pageCode, 0)).toEqual(
      Buffer.concat([Buffer.from([pageCode, lengthBytes]), Buffer.alloc(lengthBytes)]),
    )
  })
})
