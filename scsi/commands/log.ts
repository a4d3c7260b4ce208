/**
 * LOG SENSE and LOG SELECT (SPC-4; SPC-3 6.6 and 6.5). LOG SELECT can set the counters back to zero, which is their default
 * value, and nothing else: there are no thresholds, no saved values, and no parameter that an initiator may set.
 */

import type { BackingSpace } from '../backing/backing-store.ts'
import { bit, bits, cdb, invalidField, isSet, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { ItlNexus } from '../itl-nexus.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { LogicalUnitStatistics } from '../logical-unit-statistics.ts'
import { Operation } from '../operation.ts'
import {
  encodeLogPage,
  findLogPage,
  type LogPage,
  type LogSource,
  logPageList,
  logPagesOf,
} from '../pages/log-pages.ts'
import { sendParameterData, transferParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

/** PC (SPC-3 table 91). */
const PAGE_CONTROL = { THRESHOLD: 0b00, CUMULATIVE: 0b01, DEFAULT_THRESHOLD: 0b10, DEFAULT_CUMULATIVE: 0b11 } as const

const PAGE_FIELDS = { pageControl: bits(2, 7, 6), pageCode: bits(2, 5, 0), subpageCode: uint(3, 1) }
const { pageControl, pageCode, subpageCode } = PAGE_FIELDS

const SENSE_CDB = cdb(10, {
  ppc: unsupported(1, 1, 1),
  sp: unsupported(1, 0, 0),
  ...PAGE_FIELDS,
  parameterPointer: uint(5, 2),
  allocationLength: uint(7, 2),
})
const SELECT_CDB = cdb(10, {
  pcr: bit(1, 1),
  sp: unsupported(1, 0, 0),
  ...PAGE_FIELDS,
  parameterListLength: uint(7, 2),
})

const LOG_SENSE = defineCommand({
  name: 'LOG SENSE',
  operationCode: 0x4d,
  standard: 'SPC-4',
  cdb: SENSE_CDB,
  data: 'in',
  reservationClass: 'status',
  accessClass: 'settings',
  taskClass: 'information',
  execute: logSense,
})

const LOG_SELECT = defineCommand({
  name: 'LOG SELECT',
  operationCode: 0x4c,
  standard: 'SPC-4',
  cdb: SELECT_CDB,
  data: 'out',
  reservationClass: 'configuration',
  accessClass: 'settings',
  taskClass: 'configuration',
  execute: logSelect,
})

export const LOG_COMMANDS = [LOG_SELECT, LOG_SENSE]

function logSense(command: Command, logicalUnit: LogicalUnit): void {
  const { statistics, selfTests, properties, modeSettings } = logicalUnit
  const { parameterPointer } = SENSE_CDB.fields
  const pages = logPagesOf(properties)
  const code = readField(command.cdb, pageCode)
  const subcode = readField(command.cdb, subpageCode)
  const list = logPageList(pages, code, subcode)
  const page = findLogPage(pages, code, subcode)
  if (list !== null) {
    if (readField(command.cdb, parameterPointer) > 0) checkCondition(command, invalidField(parameterPointer))
    else sendParameterData(command, list)
  } else if (page === null) {
    checkCondition(command, unknownPage(pages, code))
  } else {
    const control = readField(command.cdb, pageControl)
    const isDefault = control === PAGE_CONTROL.DEFAULT_CUMULATIVE
    const source = {
      statistics: isDefault ? new LogicalUnitStatistics() : statistics,
      selfTestEntries: selfTests.entries,
      properties,
      isFailureTested: modeSettings.isFailureTested,
      space: { usedBytes: 0, availableBytes: 0 },
    }
    const answer = () => logPageData(command, page, control, source)
    if (page.needsSpace) new SpaceOperation(command, logicalUnit, answer).start(source.space)
    else {
      const data = answer()
      if (Buffer.isBuffer(data)) sendParameterData(command, data)
      else checkCondition(command, data)
    }
  }
}

/** Ask the store for its space before the page is sent. */
class SpaceOperation extends Operation {
  readonly #answer: () => Buffer | SenseData
  #isAnswered = false

  constructor(command: Command, logicalUnit: LogicalUnit, answer: () => Buffer | SenseData) {
    super(command, logicalUnit)
    this.#answer = answer
  }

  start(space: BackingSpace): void {
    this.startReadSpace(space, (error) => {
      this.ioEnded(error, 'read')
      this.#isAnswered = true
      this.step()
    })
    this.step()
  }

  protected override advance(): void {
    if (!this.#isAnswered) return
    this.#isAnswered = false
    const data = this.#answer()
    if (Buffer.isBuffer(data)) {
      transferParameterData(this.command, data)
      this.finish()
    } else {
      this.fail(data)
    }
  }
}

/** Which of the two codes names nothing. */
function unknownPage(pages: readonly LogPage[], code: number): SenseData {
  return invalidField(findLogPage(pages, code, 0) === null ? pageCode : subpageCode)
}

/** The page from PARAMETER POINTER on, or what is wrong with the CDB. */
function logPageData(command: Command, page: LogPage, control: number, source: LogSource): Buffer | SenseData {
  const { parameterPointer } = SENSE_CDB.fields
  const isThreshold = control === PAGE_CONTROL.THRESHOLD || control === PAGE_CONTROL.DEFAULT_THRESHOLD
  const pointer = readField(command.cdb, parameterPointer)
  const all = page.parameters(source)
  const parameters = all.filter(({ code }) => code >= pointer)
  if (isThreshold && all.some(({ isCounter }) => isCounter)) return invalidField(pageControl)
  return parameters.length === 0 ? invalidField(parameterPointer) : encodeLogPage(page, parameters)
}

function logSelect(command: Command, logicalUnit: LogicalUnit, itlNexus: ItlNexus): void {
  const { pcr, parameterListLength } = SELECT_CDB.fields
  const pages = logPagesOf(logicalUnit.properties)
  const hasList = readField(command.cdb, parameterListLength) > 0
  const code = readField(command.cdb, pageCode)
  const subcode = readField(command.cdb, subpageCode)
  const isPageNamed = code !== 0 || subcode !== 0
  if (hasList && isSet(command.cdb, pcr)) checkCondition(command, invalidField(pcr))
  else if (hasList && isPageNamed) checkCondition(command, invalidField(pageCode))
  else if (hasList) receiveParameterList(command, logicalUnit, (list) => refuseParameters(list, pages))
  else if (isPageNamed && findLogPage(pages, code, subcode) === null) {
    checkCondition(command, unknownPage(pages, code))
  } else {
    const isReset = isSet(command.cdb, pcr) || readField(command.cdb, pageControl) === PAGE_CONTROL.DEFAULT_CUMULATIVE
    if (isReset) {
      const named = pages.filter((page) => !isPageNamed || page.pageCode === code)
      logicalUnit.statistics.reset(named.flatMap((page) => page.counters))
      logicalUnit.establishUnitAttention(SENSE.LOG_PARAMETERS_CHANGED, itlNexus)
    }
    completeGood(command)
  }
}

/** Point at what is wrong with a list, which for a page that exists is its first parameter. */
function refuseParameters(list: Buffer, pages: readonly LogPage[]): SenseData {
  const PAGE_HEADER_BYTES = 4
  if (list.length < PAGE_HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  const page = findLogPage(pages, list[0]! & 0x3f, list[1]!)
  if (page === null) return invalidFieldInParameterList(0, 5)
  if (list.length < PAGE_HEADER_BYTES + list.readUInt16BE(2)) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return invalidFieldInParameterList(PAGE_HEADER_BYTES)
}
