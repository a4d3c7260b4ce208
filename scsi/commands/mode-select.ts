/**
 * MODE SELECT (6) and (10) (SPC-4, SPC-3 6.7 and 6.8): change mode pages, for now or with SP for good. The whole list is
 * checked before anything of it takes effect, and a refusal points at the first field that is wrong.
 */

import { bit, type CdbFields, type CdbLayout, cdb, invalidField, isSet, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { ModePageChange } from '../mode-settings.ts'
import {
  type ModePage,
  modePageBytes,
  modePageCodes,
  modePageHeaderBytes,
  modePagesOf,
  PAGE_CONTROL,
} from '../pages/mode-pages.ts'
import { checkModeParameterHeader, HEADER_6, HEADER_10, type ModeParameterHeader } from '../pages/mode-parameters.ts'
import { type NumberField, readNumber } from '../pages/parameter-fields.ts'
import { type ParameterListOutcome, receiveParameterList } from '../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

const FLAGS = { pf: bit(1, 4), sp: bit(1, 0) }

const MODE_SELECT_6 = modeSelect(
  'MODE SELECT (6)',
  0x15,
  cdb(6, { ...FLAGS, parameterListLength: uint(4, 1) }),
  HEADER_6,
)
const MODE_SELECT_10 = modeSelect(
  'MODE SELECT (10)',
  0x55,
  cdb(10, { ...FLAGS, parameterListLength: uint(7, 2) }),
  HEADER_10,
)

export const MODE_SELECT_COMMANDS = [MODE_SELECT_6, MODE_SELECT_10]

function modeSelect<F extends CdbFields>(
  name: string,
  operationCode: number,
  layout: CdbLayout<F>,
  header: ModeParameterHeader,
) {
  return defineCommand({
    name,
    operationCode,
    standard: 'SPC-4',
    deviceTypes: EVERY_DEVICE_TYPE,
    cdb: layout,
    data: 'out',
    reservationClass: 'configuration',
    accessClass: 'settings',
    taskClass: 'configuration',
    execute: (command, logicalUnit, itlNexus) =>
      receiveParameterList(command, logicalUnit, (list) => selectModes(command, logicalUnit, itlNexus, list, header)),
  })
}

function selectModes(
  command: Command,
  logicalUnit: LogicalUnit,
  itlNexus: ItlNexus,
  list: Buffer,
  header: ModeParameterHeader,
): ParameterListOutcome {
  const pagesAt = checkModeParameterHeader(list, header, logicalUnit.properties)
  if (typeof pagesAt !== 'number') return pagesAt
  // Without PF, what follows the block descriptor would be the vendor's, and there is nothing of that kind.
  if (pagesAt < list.length && !isSet(command.cdb, FLAGS.pf)) return invalidField(FLAGS.pf)
  const changes = parseModePages(list, pagesAt, logicalUnit)
  if (!Array.isArray(changes)) return changes
  return logicalUnit.changeModes(changes, isSet(command.cdb, FLAGS.sp), itlNexus) ? 'flush' : null
}

/** The changes that the pages from `pagesAt` on ask for; of a page that comes twice the last one counts. */
function parseModePages(
  list: Buffer,
  pagesAt: number,
  { modeSettings: settings, properties }: LogicalUnit,
): ModePageChange[] | SenseData {
  const supported = modePagesOf(properties)
  const changes: ModePageChange[] = []
  for (let at = pagesAt; at < list.length; ) {
    const rest = list.subarray(at)
    const isSubpage = modePageCodes(rest).isSubpage
    if (rest.length < modePageHeaderBytes(isSubpage)) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const page = findPage(rest, supported)
    if (page === null) return unknownPage(rest, at, supported)
    const current = settings.read(page, PAGE_CONTROL.CURRENT)
    const lengthBytes = modePageBytes(rest)
    if (lengthBytes !== current.length) return invalidFieldInParameterList(at + (isSubpage ? 2 : 1))
    if (rest.length < lengthBytes) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
    const wanted = rest.subarray(0, lengthBytes)
    const wrong = findWrongBit(wanted, current, settings.read(page, PAGE_CONTROL.CHANGEABLE), page)
    if (wrong !== null) return invalidFieldInParameterList(at + wrong.byte, wrong.bit)
    const headerBytes = modePageHeaderBytes(isSubpage)
    changes.push({ page, values: Buffer.concat([current.subarray(0, headerBytes), wanted.subarray(headerBytes)]) })
    at += lengthBytes
  }
  return changes
}

function findPage(list: Buffer, supported: readonly ModePage[]): ModePage | null {
  const { pageCode, subpageCode, isSubpage } = modePageCodes(list)
  const page = supported.find((row) => row.pageCode === pageCode && row.subpageCode === subpageCode)
  return page === undefined || (isSubpage && subpageCode === 0) ? null : page
}

/** Which of the codes is wrong: the page code, or for a page that has others the subpage code or SPF. */
function unknownPage(list: Buffer, at: number, supported: readonly ModePage[]): SenseData {
  const { pageCode, isSubpage } = modePageCodes(list)
  const isKnownCode = supported.some((row) => row.pageCode === pageCode)
  if (isKnownCode && isSubpage) return invalidFieldInParameterList(at + 1)
  return invalidFieldInParameterList(at, isKnownCode ? 6 : 5)
}

interface BitPlace {
  readonly byte: number
  readonly bit: number | null
}

/** The first field that differs from its current value and may not, or that has a value which it does not take. */
function findWrongBit(wanted: Buffer, current: Buffer, changeable: Buffer, page: ModePage): BitPlace | null {
  const headerBytes = modePageHeaderBytes(page.subpageCode !== 0)
  for (let at = headerBytes; at < wanted.length; at++) {
    const offending = (wanted[at]! ^ current[at]!) & ~changeable[at]! & 0xff
    if (offending !== 0) return placeOf(page, at, 31 - Math.clz32(offending))
  }
  for (const [name, values] of Object.entries(page.allowed)) {
    const field = page.fields[name]
    if (field?.kind === 'number' && !values!.includes(readNumber(wanted, field))) return topOf(field)
  }
  const [first, second] = page.exclusive?.map((name) => page.fields[name]) ?? []
  if (first?.kind === 'number' && second?.kind === 'number') {
    if (readNumber(wanted, first) === 1 && readNumber(wanted, second) === 1) return topOf(first)
  }
  return null
}

/** Where the field lies that a bit belongs to; the bit itself when it belongs to none. */
function placeOf(page: ModePage, byte: number, bit: number): BitPlace {
  for (const field of Object.values(page.fields)) {
    if (field.kind !== 'number' || byte < field.byte || byte >= field.byte + field.byteCount) continue
    if (field.byteCount > 1 || (bit >= field.lowBit && bit < field.lowBit + field.widthBits)) return topOf(field)
  }
  return { byte, bit }
}

function topOf({ byte, byteCount, lowBit, widthBits }: NumberField): BitPlace {
  return { byte, bit: byteCount === 1 && widthBits < 8 ? lowBit + widthBits - 1 : null }
}
