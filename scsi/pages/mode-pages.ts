/**
 * The mode pages and subpages of a disk (SPC-4, SBC-3), one row a page: fields with their offsets, default values, and the
 * fields that an initiator may change. MODE SENSE reads them through the functions below. Nothing is changeable, so the
 * current values are the default values, and nothing is saved.
 */

import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { bit, bits, type FieldTable, type FieldValues, uint, writeFieldMask, writeFields } from './parameter-fields.ts'

/** PC field of MODE SENSE (SPC-3 table 97). */
export const PAGE_CONTROL = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const

/** Page codes and subpage codes that ask for several pages at once (SPC-3 table 98). */
export const ALL_PAGES = 0x3f
export const ALL_SUBPAGES = 0xff

/**
 * Vendor specific page 00h. A disk without one answers the request for it, as it answers PC and PAGE CODE both zero,
 * with the mode parameter header and block descriptor only (SPC-3 6.9.1).
 */
const VENDOR_SPECIFIC_PAGE = 0x00

export interface ModePage<T extends FieldTable = FieldTable> {
  readonly pageCode: number
  /** Zero for the page_0 format, otherwise the page has the sub_page format. */
  readonly subpageCode: number
  readonly name: string
  /** The document that defines it. */
  readonly standard: string
  /** PAGE LENGTH: the bytes after that field. */
  readonly pageLengthBytes: number
  /** Byte offsets count from the page's byte 0. */
  readonly fields: T
  readonly defaults: (unit: LogicalUnitProperties) => FieldValues<T>
  /** The fields that MODE SELECT may change. */
  readonly changeable: readonly (keyof T & string)[]
}

const READ_WRITE_ERROR_RECOVERY = modePage({
  pageCode: 0x01,
  name: 'Read-Write Error Recovery',
  standard: 'SBC-3',
  pageLengthBytes: 0x0a,
})

const DISCONNECT_RECONNECT = modePage({
  pageCode: 0x02,
  name: 'Disconnect-Reconnect',
  standard: 'SPC-4',
  pageLengthBytes: 0x0e,
})

const CACHING = modePage({
  pageCode: 0x08,
  name: 'Caching',
  standard: 'SBC-3',
  pageLengthBytes: 0x12,
  fields: { WCE: bit(2, 2) },
  defaults: ({ capabilities }) => ({ WCE: capabilities.volatileWriteCache }),
})

/** QUEUE ALGORITHM MODIFIER (SPC-3 table 246). */
const UNRESTRICTED_REORDERING_ALLOWED = 1

/**
 * TST zero: one task set for all I_T nexuses. QERR zero: a failed command leaves the others alone. GLTSD one: there are no
 * log parameters to save. TAS zero: a command that another nexus aborts ends without a response.
 */
const CONTROL = modePage({
  pageCode: 0x0a,
  name: 'Control',
  standard: 'SPC-4',
  pageLengthBytes: 0x0a,
  fields: {
    TST: bits(2, 7, 5),
    D_SENSE: bit(2, 2),
    GLTSD: bit(2, 1),
    QUEUE_ALGORITHM_MODIFIER: bits(3, 7, 4),
    QERR: bits(3, 2, 1),
    UA_INTLCK_CTRL: bits(4, 5, 4),
    SWP: bit(4, 3),
    TAS: bit(5, 6),
    BUSY_TIMEOUT_PERIOD: uint(8, 2),
  },
  defaults: () => ({ GLTSD: true, QUEUE_ALGORITHM_MODIFIER: UNRESTRICTED_REORDERING_ALLOWED }),
})

const CONTROL_EXTENSION = modePage({
  pageCode: 0x0a,
  subpageCode: 0x01,
  name: 'Control Extension',
  standard: 'SPC-4',
  pageLengthBytes: 0x1c,
})

const POWER_CONDITION = modePage({
  pageCode: 0x1a,
  name: 'Power Condition',
  standard: 'SPC-4',
  pageLengthBytes: 0x26,
})

/** DEXCPT one: failure predictions are not reported, for there is nothing to predict them from. */
const INFORMATIONAL_EXCEPTIONS_CONTROL = modePage({
  pageCode: 0x1c,
  name: 'Informational Exceptions Control',
  standard: 'SPC-4',
  pageLengthBytes: 0x0a,
  fields: { DEXCPT: bit(2, 3), MRIE: bits(3, 3, 0) },
  defaults: () => ({ DEXCPT: true }),
})

/** Every page in ascending order of page code, then subpage code: the order in which MODE SENSE returns them. */
export const MODE_PAGES: readonly ModePage[] = [
  READ_WRITE_ERROR_RECOVERY,
  DISCONNECT_RECONNECT,
  CACHING,
  CONTROL,
  CONTROL_EXTENSION,
  POWER_CONDITION,
  INFORMATIONAL_EXCEPTIONS_CONTROL,
]

/** Which field of the CDB asks for something that does not exist. */
export type UnknownModePage = 'unknownPage' | 'unknownSubpage'

/** The pages that a PAGE CODE and a SUBPAGE CODE ask for (SPC-3 table 98). */
export function selectModePages(pageCode: number, subpageCode: number): readonly ModePage[] | UnknownModePage {
  if (subpageCode !== 0 && subpageCode !== ALL_SUBPAGES && pageCode === ALL_PAGES) return 'unknownSubpage'
  const pages = pageCode === ALL_PAGES ? MODE_PAGES : MODE_PAGES.filter((page) => page.pageCode === pageCode)
  if (pages.length === 0 && pageCode !== VENDOR_SPECIFIC_PAGE) return 'unknownPage'
  if (subpageCode === ALL_SUBPAGES) return pages
  const selected = pages.filter((page) => page.subpageCode === subpageCode)
  const isVendorSpecific = pageCode === VENDOR_SPECIFIC_PAGE && subpageCode === 0
  return selected.length > 0 || isVendorSpecific ? selected : 'unknownSubpage'
}

/** A page in wire format with its current, which are its default, values. */
export function modePageValues(page: ModePage, unit: LogicalUnitProperties): Buffer {
  const data = emptyPage(page)
  writeFields(data, page.fields, page.defaults(unit))
  return data
}

/** A page in wire format with ones in the bits that an initiator may change (SPC-3 6.9.3). */
export function modePageChangeableMask(page: ModePage): Buffer {
  const data = emptyPage(page)
  writeFieldMask(data, page.fields, page.changeable)
  return data
}

const PAGE_0_HEADER_BYTES = 2
const SUB_PAGE_HEADER_BYTES = 4
const SPF = 0x40

/** The page_0 or sub_page format (SPC-3 7.4.5) with all parameters zero. PS is zero: nothing is saved. */
function emptyPage({ pageCode, subpageCode, pageLengthBytes }: ModePage): Buffer {
  if (subpageCode === 0) {
    const page = Buffer.alloc(PAGE_0_HEADER_BYTES + pageLengthBytes)
    page[0] = pageCode
    page[1] = pageLengthBytes
    return page
  }
  const page = Buffer.alloc(SUB_PAGE_HEADER_BYTES + pageLengthBytes)
  page[0] = SPF | pageCode
  page[1] = subpageCode
  page.writeUInt16BE(pageLengthBytes, 2)
  return page
}

type ModePageDeclaration<T extends FieldTable> = Pick<
  ModePage<T>,
  'pageCode' | 'name' | 'standard' | 'pageLengthBytes'
> &
  Partial<ModePage<T>>

/** Declare a page: what is left out is a page_0 format, a parameter that is zero, a field that nobody may change. */
function modePage<T extends FieldTable>(declaration: ModePageDeclaration<T>): ModePage {
  return { subpageCode: 0, fields: {}, defaults: () => ({}), changeable: [], ...declaration }
}
