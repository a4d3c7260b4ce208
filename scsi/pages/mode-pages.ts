/**
 * The mode pages and subpages of a disk (SPC-4, SBC-3), one row a page: fields with their offsets, default values, the
 * fields that an initiator may change, and the values that such a field takes where not all that fit are meant. Pure
 * functions of the row and of the logical unit's properties; `mode-settings.ts` keeps the values that were chosen.
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
  readonly changeable: (unit: LogicalUnitProperties) => readonly (keyof T & string)[]
  /** The values that a changeable field takes; one that is not named takes all that fit. */
  readonly allowed: { readonly [Name in keyof T]?: readonly number[] }
  /** Two bits of which only one may be set; the first one is what is wrong when both are. */
  readonly exclusive: readonly [keyof T & string, keyof T & string] | null
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

/** WCE is changeable where there is a cache to do without: with zero, every write is durable before its status. */
export const CACHING = modePage({
  pageCode: 0x08,
  name: 'Caching',
  standard: 'SBC-3',
  pageLengthBytes: 0x12,
  fields: { WCE: bit(2, 2) },
  defaults: ({ capabilities }) => ({ WCE: capabilities.volatileWriteCache }),
  changeable: ({ capabilities }) => (capabilities.volatileWriteCache ? ['WCE'] : []),
})

/** QUEUE ALGORITHM MODIFIER (SPC-3 table 246). */
const UNRESTRICTED_REORDERING_ALLOWED = 1

/** TST (SPC-3 table 245). */
export const TASK_SET_TYPE = { ONE: 0b000, PER_I_T_NEXUS: 0b001 } as const
/** QERR (SPC-3 table 247): which commands a CHECK CONDITION aborts. */
export const QUEUE_ERROR_MANAGEMENT = { NONE: 0b00, ALL: 0b01, SAME_I_T_NEXUS: 0b11 } as const
/** UA_INTLCK_CTRL (SPC-3 table 248). */
export const UNIT_ATTENTION_INTERLOCK = { CLEAR: 0b00, KEEP: 0b10, KEEP_AND_TELL_OF_STATUS: 0b11 } as const

/**
 * GLTSD one: no log parameter is saved unasked.
 * The extended self-test reads samples and ends within a second.
 */
export const CONTROL = modePage({
  pageCode: 0x0a,
  name: 'Control',
  standard: 'SPC-4',
  pageLengthBytes: 0x0a,
  fields: {
    TST: bits(2, 7, 5),
    TMF_ONLY: bit(2, 4),
    DPICZ: bit(2, 3),
    D_SENSE: bit(2, 2),
    GLTSD: bit(2, 1),
    RLEC: bit(2, 0),
    QUEUE_ALGORITHM_MODIFIER: bits(3, 7, 4),
    NUAR: bit(3, 3),
    QERR: bits(3, 2, 1),
    RAC: bit(4, 6),
    UA_INTLCK_CTRL: bits(4, 5, 4),
    SWP: bit(4, 3),
    ATO: bit(5, 7),
    TAS: bit(5, 6),
    ATMPE: bit(5, 5),
    RWWP: bit(5, 4),
    AUTOLOAD_MODE: bits(5, 2, 0),
    BUSY_TIMEOUT_PERIOD: uint(8, 2),
    EXTENDED_SELF_TEST_COMPLETION_TIME: uint(10, 2),
  },
  defaults: () => ({
    GLTSD: true,
    QUEUE_ALGORITHM_MODIFIER: UNRESTRICTED_REORDERING_ALLOWED,
    EXTENDED_SELF_TEST_COMPLETION_TIME: 1,
  }),
  changeable: () => ['TST', 'TMF_ONLY', 'D_SENSE', 'NUAR', 'QERR', 'UA_INTLCK_CTRL', 'SWP', 'TAS'],
  allowed: {
    TST: Object.values(TASK_SET_TYPE),
    QERR: Object.values(QUEUE_ERROR_MANAGEMENT),
    UA_INTLCK_CTRL: Object.values(UNIT_ATTENTION_INTERLOCK),
  },
})

/**
 * TCMOS and SCSIP one: the timestamp follows the clock of the machine until SET TIMESTAMP says otherwise. IALUAE one:
 * access states change also without SET TARGET PORT GROUPS.
 */
export const CONTROL_EXTENSION = modePage({
  pageCode: 0x0a,
  subpageCode: 0x01,
  name: 'Control Extension',
  standard: 'SPC-4',
  pageLengthBytes: 0x1c,
  fields: {
    TCMOS: bit(4, 2),
    SCSIP: bit(4, 1),
    IALUAE: bit(4, 0),
    INITIAL_COMMAND_PRIORITY: bits(5, 3, 0),
    MAXIMUM_SENSE_DATA_LENGTH: uint(6, 1),
  },
  defaults: () => ({ TCMOS: true, SCSIP: true, IALUAE: true }),
  changeable: () => ['INITIAL_COMMAND_PRIORITY'],
})

/** All zero: there are no timers, and power conditions change by START STOP UNIT only. */
const POWER_CONDITION = modePage({
  pageCode: 0x1a,
  name: 'Power Condition',
  standard: 'SPC-4',
  pageLengthBytes: 0x26,
})

/** MRIE (SPC-3 table 256): how an informational exception is reported. Never by failing a command that succeeded. */
export const EXCEPTION_REPORTING = { NONE: 0x0, UNIT_ATTENTION: 0x2, ON_REQUEST: 0x6 } as const

/**
 * There is nothing to predict a failure from, so that the only exception is the test device failure of TEST, which lets
 * somebody see whether the way of such reports works. It is reported when TEST is set, and no count or timer repeats it.
 */
export const INFORMATIONAL_EXCEPTIONS_CONTROL = modePage({
  pageCode: 0x1c,
  name: 'Informational Exceptions Control',
  standard: 'SPC-4',
  pageLengthBytes: 0x0a,
  fields: { DEXCPT: bit(2, 3), TEST: bit(2, 2), MRIE: bits(3, 3, 0) },
  defaults: () => ({ DEXCPT: true }),
  changeable: () => ['DEXCPT', 'TEST', 'MRIE'],
  allowed: { MRIE: Object.values(EXCEPTION_REPORTING) },
  exclusive: ['TEST', 'DEXCPT'],
})

/** THRESHOLD ARMING (SBC-3): on which side of the threshold it fires. */
const THRESHOLD_ARMING = { DECREASING: 0b001, INCREASING: 0b010 } as const
/** THRESHOLD RESOURCE (SBC-3), as the Logical Block Provisioning log page counts them. */
const THRESHOLD_RESOURCE = { AVAILABLE_LBA_MAPPING: 0x01, USED_LBA_MAPPING: 0x02 } as const

/** Two threshold descriptors, for what is left and for what is used; only a thin disk can run out of either. */
export const LOGICAL_BLOCK_PROVISIONING = modePage({
  pageCode: 0x1c,
  subpageCode: 0x02,
  name: 'Logical Block Provisioning',
  standard: 'SBC-3',
  pageLengthBytes: 0x1c,
  fields: {
    SITUA: bit(4, 0),
    AVAILABLE_ENABLED: bit(16, 7),
    AVAILABLE_ARMING: bits(16, 2, 0),
    AVAILABLE_RESOURCE: uint(17, 1),
    AVAILABLE_COUNT: uint(20, 4),
    USED_ENABLED: bit(24, 7),
    USED_ARMING: bits(24, 2, 0),
    USED_RESOURCE: uint(25, 1),
    USED_COUNT: uint(28, 4),
  },
  defaults: () => ({
    AVAILABLE_ARMING: THRESHOLD_ARMING.DECREASING,
    AVAILABLE_RESOURCE: THRESHOLD_RESOURCE.AVAILABLE_LBA_MAPPING,
    USED_ARMING: THRESHOLD_ARMING.INCREASING,
    USED_RESOURCE: THRESHOLD_RESOURCE.USED_LBA_MAPPING,
  }),
  changeable: ({ capabilities }) =>
    capabilities.thin ? ['SITUA', 'AVAILABLE_ENABLED', 'AVAILABLE_COUNT', 'USED_ENABLED', 'USED_COUNT'] : [],
})

/** Every page of a disk in ascending order of page code, then subpage code: the order in which MODE SENSE returns them. */
export const MODE_PAGES: readonly ModePage[] = [
  READ_WRITE_ERROR_RECOVERY,
  DISCONNECT_RECONNECT,
  CACHING,
  CONTROL,
  CONTROL_EXTENSION,
  POWER_CONDITION,
  INFORMATIONAL_EXCEPTIONS_CONTROL,
  LOGICAL_BLOCK_PROVISIONING,
]

/** LOADING MECHANISM TYPE (MMC-5). */
const TRAY = 0b001

/** Everything that a drive could do beside reading discs is zero. LOCK STATE too: hosts learn of it when they eject. */
const CD_DVD_CAPABILITIES = modePage({
  pageCode: 0x2a,
  name: 'MM Capabilities and Mechanical Status',
  standard: 'MMC-5',
  pageLengthBytes: 0x12,
  fields: {
    DVD_ROM_READ: bit(2, 3),
    MULTI_SESSION: bit(4, 6),
    LOADING_MECHANISM_TYPE: bits(6, 7, 5),
    EJECT: bit(6, 3),
    LOCK: bit(6, 0),
  },
  defaults: () => ({
    DVD_ROM_READ: true,
    MULTI_SESSION: true,
    LOADING_MECHANISM_TYPE: TRAY,
    EJECT: true,
    LOCK: true,
  }),
})

/** The same for a CD or DVD device. */
const CD_DVD_MODE_PAGES: readonly ModePage[] = [
  READ_WRITE_ERROR_RECOVERY,
  CACHING,
  CONTROL,
  CONTROL_EXTENSION,
  POWER_CONDITION,
  INFORMATIONAL_EXCEPTIONS_CONTROL,
  CD_DVD_CAPABILITIES,
]

/** The pages that a logical unit has. */
export function modePagesOf({ deviceType }: Pick<LogicalUnitProperties, 'deviceType'>): readonly ModePage[] {
  return deviceType === 'cdDvd' ? CD_DVD_MODE_PAGES : MODE_PAGES
}

/** Which field of the CDB asks for something that does not exist. */
export type UnknownModePage = 'unknownPage' | 'unknownSubpage'

/** The pages that a PAGE CODE and a SUBPAGE CODE ask for (SPC-3 table 98). */
export function selectModePages(
  pageCode: number,
  subpageCode: number,
  supported: readonly ModePage[] = MODE_PAGES,
): readonly ModePage[] | UnknownModePage {
  if (subpageCode !== 0 && subpageCode !== ALL_SUBPAGES && pageCode === ALL_PAGES) return 'unknownSubpage'
  const pages = pageCode === ALL_PAGES ? supported : supported.filter((page) => page.pageCode === pageCode)
  if (pages.length === 0 && pageCode !== VENDOR_SPECIFIC_PAGE) return 'unknownPage'
  if (subpageCode === ALL_SUBPAGES) return pages
  const selected = pages.filter((page) => page.subpageCode === subpageCode)
  const isVendorSpecific = pageCode === VENDOR_SPECIFIC_PAGE && subpageCode === 0
  return selected.length > 0 || isVendorSpecific ? selected : 'unknownSubpage'
}

/** A page in wire format with its default values. Ownership: a fresh buffer. */
export function modePageDefaults(page: ModePage, unit: LogicalUnitProperties): Buffer {
  const data = emptyPage(page)
  writeFields(data, page.fields, page.defaults(unit))
  return data
}

/** A page in wire format with ones in the bits that an initiator may change (SPC-3 6.9.3). Ownership: as above. */
export function modePageChangeableMask(page: ModePage, unit: LogicalUnitProperties): Buffer {
  const data = emptyPage(page)
  writeFieldMask(data, page.fields, page.changeable(unit))
  return data
}

/** PS: the page is kept over a power loss when MODE SELECT asks for it with SP. All pages are, at once. */
const PS = 0x80
export const SPF = 0x40
const PAGE_CODE_MASK = 0x3f

const PAGE_0_HEADER_BYTES = 2
const SUB_PAGE_HEADER_BYTES = 4

/** The bytes before the mode parameters: the page_0 or the sub_page format (SPC-3 7.4.5). */
export function modePageHeaderBytes(isSubpage: boolean): number {
  return isSubpage ? SUB_PAGE_HEADER_BYTES : PAGE_0_HEADER_BYTES
}

/** The length of the page that `list` begins with, header included; its whole header must be there. */
export function modePageBytes(list: Buffer): number {
  const isSubpage = (list[0]! & SPF) !== 0
  return modePageHeaderBytes(isSubpage) + (isSubpage ? list.readUInt16BE(2) : list[1]!)
}

/** The page that `list` begins with: its code and subpage code; its whole header must be there. */
export function modePageCodes(list: Buffer): { pageCode: number; subpageCode: number; isSubpage: boolean } {
  const isSubpage = (list[0]! & SPF) !== 0
  return { pageCode: list[0]! & PAGE_CODE_MASK, subpageCode: isSubpage ? list[1]! : 0, isSubpage }
}

function emptyPage({ pageCode, subpageCode, pageLengthBytes }: ModePage): Buffer {
  const isSubpage = subpageCode !== 0
  const page = Buffer.alloc(modePageHeaderBytes(isSubpage) + pageLengthBytes)
  page[0] = PS | (isSubpage ? SPF : 0) | pageCode
  if (isSubpage) {
    page[1] = subpageCode
    page.writeUInt16BE(pageLengthBytes, 2)
  } else {
    page[1] = pageLengthBytes
  }
  return page
}

type ModePageDeclaration<T extends FieldTable> = Pick<
  ModePage<T>,
  'pageCode' | 'name' | 'standard' | 'pageLengthBytes'
> &
  Partial<ModePage<T>>

/** Declare a page: what is left out is a page_0 format, a parameter that is zero, a field that nobody may change. */
function modePage<T extends FieldTable>(declaration: ModePageDeclaration<T>): ModePage<T> {
  return {
    subpageCode: 0,
    fields: {} as T,
    defaults: () => ({}),
    changeable: () => [],
    allowed: {},
    exclusive: null,
    ...declaration,
  }
}
