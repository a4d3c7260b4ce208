import { describe, expect, it } from 'vitest'
import { MODE_PAGES, modePageDefaults } from '../../../../scsi/pages/mode-pages.ts'
import { modeParameterList6, modeParameterList10 } from '../../../../scsi/pages/mode-parameters.ts'
import { bytes, PROPERTIES } from '../../../support/logical-unit-properties.ts'

const PAGE = bytes('0a 02 aabb')
const READ_ONLY = { ...PROPERTIES, isReadOnly: true }
const LARGE = { ...PROPERTIES, blockCount: 2 ** 33, blockLengthBytes: 4096 }

describe('modeParameterList6', () => {
  it('is header, short block descriptor, pages', () => {
    expect(modeParameterList6(PROPERTIES, 'short', [PAGE])).toEqual(bytes('0f 00 10 08 00200000 00 000200 0a02aabb'))
  })

  it('without block descriptor', () => {
    expect(modeParameterList6(PROPERTIES, 'none', [PAGE])).toEqual(bytes('07 00 10 00 0a02aabb'))
  })

  it('has WP set for a write protected disk', () => {
    expect(modeParameterList6(READ_ONLY, 'none', [])).toEqual(bytes('03 00 90 00'))
  })

  it('shows more blocks than the descriptor can count as FFFFFFFFh', () => {
    expect(modeParameterList6(LARGE, 'short', []).subarray(4)).toEqual(bytes('ffffffff 00 001000'))
  })

  it('holds all pages and subpages, which is why MODE DATA LENGTH may have one byte', () => {
    const pages = MODE_PAGES.map((page) => modePageDefaults(page, PROPERTIES))
    const list = modeParameterList6(PROPERTIES, 'short', pages)
    expect(list[0]).toBe(list.length - 1)
  })
})

describe('modeParameterList10', () => {
  it('is header, short block descriptor, pages', () => {
    expect(modeParameterList10(PROPERTIES, 'short', [PAGE])).toEqual(
      bytes('0012 00 10 00 00 0008 00200000 00 000200 0a02aabb'),
    )
  })

  it('has LONGLBA set with a long block descriptor', () => {
    expect(modeParameterList10(LARGE, 'long', [PAGE])).toEqual(
      bytes('001a 00 10 01 00 0010 0000000200000000 00000000 00001000 0a02aabb'),
    )
  })

  it('has WP set for a write protected disk', () => {
    expect(modeParameterList10(READ_ONLY, 'none', [])).toEqual(bytes('0006 00 90 00 00 0000'))
  })
})
