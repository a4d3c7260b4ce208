/**
 * SANITIZE (SBC-4): make what is on the medium irretrievable. OVERWRITE writes a pattern as often as it says. BLOCK ERASE
 * writes zeroes over everything that takes space, and then gives that space back. CRYPTOGRAPHIC ERASE does the same: there
 * is no key to change, so the data themselves go. After all of them every block can be read (WABEREQ and WACEREQ 01b).
 */

import { checkWritable } from '../block-range.ts'
import { bit, cdb, invalidField, isSet, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { type CommandDefinition, defineCommand } from '../define-command.ts'
import { startErasure } from '../erasure-command.ts'
import { type ErasurePlan, NO_PATTERN, overwritePasses, zeroingPasses } from '../erasure-plan.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { receiveWholeList } from '../parameter-list.ts'
import { type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

const CDB = cdb(10, {
  immed: bit(1, 7),
  znr: unsupported(1, 6, 6),
  ause: bit(1, 5),
  parameterListLength: uint(7, 2),
})
const { immed, ause, parameterListLength } = CDB.fields

/** The parameter list of OVERWRITE: its header, and what its first byte consists of. */
const HEADER_BYTES = 4
const INVERT = 0x80
const TEST_AND_COUNT = 0x7f
const COUNT_MAX = 0x1f
const PATTERN_LENGTH_AT = 2

export const SANITIZE_COMMANDS = [
  sanitize('OVERWRITE', 0x01, overwrite),
  sanitize('BLOCK ERASE', 0x02, erase),
  sanitize('CRYPTOGRAPHIC ERASE', 0x03, erase),
  sanitize('EXIT FAILURE MODE', 0x1f, exitFailureMode),
]

function sanitize(name: string, serviceAction: number, execute: CommandDefinition['execute']) {
  return defineCommand({
    name: `SANITIZE (${name})`,
    operationCode: 0x48,
    serviceAction,
    standard: 'SBC-4',
    cdb: CDB,
    data: name === 'OVERWRITE' ? 'out' : 'none',
    reservationClass: 'configuration',
    taskClass: 'configuration',
    erasureClass: 'afterFailure',
    needsMedium: true,
    execute,
  })
}

function overwrite(command: Command, logicalUnit: LogicalUnit): void {
  const { blockLengthBytes } = logicalUnit.properties
  const lengthBytes = readField(command.cdb, parameterListLength)
  const isListLength = lengthBytes > HEADER_BYTES && lengthBytes <= HEADER_BYTES + blockLengthBytes
  const refusal = checkStart(command, logicalUnit) ?? (isListLength ? null : invalidField(parameterListLength))
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  receiveWholeList(command, logicalUnit, lengthBytes, (list) => {
    const plan = overwritePlan(command, list)
    if ('condition' in plan) checkCondition(command, plan)
    else begin(command, logicalUnit, plan)
  })
}

/** A list that is wrong is refused as a wrong field of the CDB, which is where libiscsi's conformance suite looks for it. */
function overwritePlan(command: Command, list: Buffer): ErasurePlan | SenseData {
  const count = list[0]! & TEST_AND_COUNT
  const patternBytes = list.readUInt16BE(PATTERN_LENGTH_AT)
  const isPattern = patternBytes > 0 && patternBytes <= list.length - HEADER_BYTES
  if (count === 0 || count > COUNT_MAX || !isPattern) return invalidField(parameterListLength)
  return {
    kind: 'sanitize',
    mayExitFailure: isSet(command.cdb, ause),
    pattern: Buffer.from(list.subarray(HEADER_BYTES, HEADER_BYTES + patternBytes)),
    passes: overwritePasses(count, (list[0]! & INVERT) !== 0),
  }
}

function erase(command: Command, logicalUnit: LogicalUnit): void {
  const refusal = checkStart(command, logicalUnit) ?? checkNoList(command)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  const passes = zeroingPasses(logicalUnit.properties.capabilities.thin)
  begin(command, logicalUnit, {
    kind: 'sanitize',
    mayExitFailure: isSet(command.cdb, ause),
    pattern: NO_PATTERN,
    passes,
  })
}

function begin(command: Command, logicalUnit: LogicalUnit, plan: ErasurePlan): void {
  // While its parameter list was on the way, another command may have begun.
  const { erasure } = logicalUnit
  const refusal = erasure.isRunning ? erasure.refusal : checkStart(command, logicalUnit)
  if (refusal !== null) checkCondition(command, refusal)
  else startErasure(command, logicalUnit, plan, isSet(command.cdb, immed))
}

/** After a failure that may not be left in another way, no SANITIZE may allow that (SBC-4, restricted completion mode). */
function checkStart(command: Command, { erasure, properties }: LogicalUnit): SenseData | null {
  const isRestricted = erasure.failed !== null && !erasure.failed.mayExitFailure && erasure.failed.kind === 'sanitize'
  return checkWritable(properties) ?? (isRestricted && isSet(command.cdb, ause) ? invalidField(ause) : null)
}

function checkNoList(command: Command): SenseData | null {
  return readField(command.cdb, parameterListLength) === 0 ? null : invalidField(parameterListLength)
}

function exitFailureMode(command: Command, { erasure }: LogicalUnit): void {
  const refusal = checkNoList(command)
  if (refusal !== null) checkCondition(command, refusal)
  else if (erasure.failed !== null && !erasure.failed.mayExitFailure) {
    checkCondition(command, senseOf(SENSE.SANITIZE_COMMAND_FAILED))
  } else {
    erasure.exitFailureMode()
    completeGood(command)
  }
}
