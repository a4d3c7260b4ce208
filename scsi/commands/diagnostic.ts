/**
 * SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4; SPC-3 6.28 and 6.18): the self-tests, and the one diagnostic page
 * that lists the diagnostic pages.
 */

import { bit, bits, cdb, invalidField, isSet, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { sendParameterData } from '../parameter-data.ts'
import { receiveParameterList } from '../parameter-list.ts'
import { SELF_TEST_CODE, SELF_TEST_RESULT, type SelfTestEntry } from '../self-test.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

/** Supported Diagnostic Pages: lists itself. */
const SUPPORTED_DIAGNOSTIC_PAGES = 0x00
const PAGE_HEADER_BYTES = 4

/** DEVOFFL and UNITOFFL permit what no test here needs. */
const SEND_CDB = cdb(6, {
  selfTestCode: bits(1, 7, 5),
  pf: bit(1, 4),
  selfTest: bit(1, 2),
  devOffL: bit(1, 1),
  unitOffL: bit(1, 0),
  parameterListLength: uint(3, 2),
})
const RECEIVE_CDB = cdb(6, { pcv: bit(1, 0), pageCode: uint(2, 1), allocationLength: uint(3, 2) })

const SEND_DIAGNOSTIC = defineCommand({
  name: 'SEND DIAGNOSTIC',
  operationCode: 0x1d,
  standard: 'SPC-4',
  cdb: SEND_CDB,
  data: 'out',
  reservationClass: 'configuration',
  accessClass: 'settings',
  taskClass: 'information',
  execute: sendDiagnostic,
})

const RECEIVE_DIAGNOSTIC_RESULTS = defineCommand({
  name: 'RECEIVE DIAGNOSTIC RESULTS',
  operationCode: 0x1c,
  standard: 'SPC-4',
  cdb: RECEIVE_CDB,
  data: 'in',
  reservationClass: 'read',
  accessClass: 'settings',
  taskClass: 'information',
  execute: receiveDiagnosticResults,
})

export const DIAGNOSTIC_COMMANDS = [RECEIVE_DIAGNOSTIC_RESULTS, SEND_DIAGNOSTIC]

/** The SELF-TEST CODEs that start a test. */
const READING_TESTS: ReadonlySet<number> = new Set([
  SELF_TEST_CODE.BACKGROUND_SHORT,
  SELF_TEST_CODE.BACKGROUND_EXTENDED,
  SELF_TEST_CODE.FOREGROUND_SHORT,
  SELF_TEST_CODE.FOREGROUND_EXTENDED,
])

function sendDiagnostic(command: Command, logicalUnit: LogicalUnit): void {
  const { selfTestCode, selfTest, pf, parameterListLength } = SEND_CDB.fields
  const code = readField(command.cdb, selfTestCode)
  const hasList = readField(command.cdb, parameterListLength) > 0
  const isDefaultTest = isSet(command.cdb, selfTest)
  if (isDefaultTest && code !== SELF_TEST_CODE.DEFAULT) checkCondition(command, invalidField(selfTestCode))
  else if (hasList && (isDefaultTest || code !== SELF_TEST_CODE.DEFAULT)) {
    checkCondition(command, invalidField(parameterListLength))
  } else if (logicalUnit.medium.isAbsent && (isDefaultTest || READING_TESTS.has(code))) {
    checkCondition(command, logicalUnit.medium.refusal)
  } else if (isDefaultTest) new SelfTestOperation(command, logicalUnit, code).start()
  else if (code !== SELF_TEST_CODE.DEFAULT) startSelfTest(command, logicalUnit, code)
  else if (hasList && !isSet(command.cdb, pf)) checkCondition(command, invalidField(pf))
  else receiveParameterList(command, logicalUnit, checkDiagnosticPage)
}

function startSelfTest(command: Command, logicalUnit: LogicalUnit, code: number): void {
  const { selfTests } = logicalUnit
  switch (code) {
    case SELF_TEST_CODE.FOREGROUND_SHORT:
    case SELF_TEST_CODE.FOREGROUND_EXTENDED:
      new SelfTestOperation(command, logicalUnit, code).start()
      break
    case SELF_TEST_CODE.BACKGROUND_SHORT:
    case SELF_TEST_CODE.BACKGROUND_EXTENDED:
      if (selfTests.isRunningInBackground) {
        checkCondition(command, SENSE.LOGICAL_UNIT_NOT_READY_SELF_TEST_IN_PROGRESS)
        break
      }
      selfTests.startInBackground(code)
      completeGood(command)
      break
    case SELF_TEST_CODE.ABORT_BACKGROUND:
      if (selfTests.isRunningInBackground) {
        selfTests.abort(SELF_TEST_RESULT.ABORTED_BY_SEND_DIAGNOSTIC)
        completeGood(command)
        break
      }
      checkCondition(command, invalidField(SEND_CDB.fields.selfTestCode))
      break
    default:
      checkCondition(command, invalidField(SEND_CDB.fields.selfTestCode))
  }
}

/** The page that asks for the list of pages is the only one there is, and has nothing in it. */
function checkDiagnosticPage(list: Buffer): SenseData | null {
  if (list.length < PAGE_HEADER_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  if (list[0] !== SUPPORTED_DIAGNOSTIC_PAGES) return invalidFieldInParameterList(0)
  if (list.readUInt16BE(2) !== 0) return invalidFieldInParameterList(2)
  return list.length > PAGE_HEADER_BYTES ? senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR) : null
}

/** Without PCV, the page that the last SEND DIAGNOSTIC asked for, which can be no other one. */
function receiveDiagnosticResults(command: Command): void {
  const { pcv, pageCode } = RECEIVE_CDB.fields
  if (isSet(command.cdb, pcv) && readField(command.cdb, pageCode) !== SUPPORTED_DIAGNOSTIC_PAGES) {
    checkCondition(command, invalidField(pageCode))
    return
  }
  sendParameterData(command, Buffer.from([SUPPORTED_DIAGNOSTIC_PAGES, 0, 0, 1, SUPPORTED_DIAGNOSTIC_PAGES]))
}

/** A self-test in the foreground: the command ends with it. */
class SelfTestOperation extends Operation {
  readonly #code: number

  constructor(command: Command, logicalUnit: LogicalUnit, code: number) {
    super(command, logicalUnit)
    this.#code = code
  }

  start(): void {
    this.logicalUnit.selfTests.run(
      this.#code,
      (buffers, offsetBytes, done) =>
        this.startRead(buffers, offsetBytes, (error) => {
          this.ioEnded(null, 'read')
          done(this.isStopping ? 'aborted' : error)
          this.step()
        }),
      (entry) => this.#ended(entry),
    )
    this.step()
  }

  protected override advance(): void {}

  #ended({ result }: SelfTestEntry): void {
    if (result === SELF_TEST_RESULT.PASSED) this.finish()
    else this.fail(senseOf(SENSE.LOGICAL_UNIT_FAILED_SELF_TEST))
  }
}
