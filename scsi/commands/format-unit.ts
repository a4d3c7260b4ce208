/**
 * FORMAT UNIT (SBC-4): the medium as it was when new. Every block gets the initialization pattern, or zeroes without one,
 * whose space is given back where that can be done. There are no defects to manage and no protection information, so
 * lists and fields for these are refused. The blocks keep their length and their number.
 */

import { checkWritable } from '../block-range.ts'
import { bit, bits, cdb, invalidField, isSet, readField, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { startErasure } from '../erasure-command.ts'
import { type ErasurePass, type ErasurePlan, NO_PATTERN } from '../erasure-plan.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { receiveWholeList } from '../parameter-list.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'

const CDB = cdb(6, {
  fmtPInfo: unsupported(1, 7, 6),
  longList: bit(1, 5),
  fmtData: bit(1, 4),
  cmpLst: bit(1, 3),
  defectListFormat: bits(1, 2, 0),
})
const { longList, fmtData, cmpLst, defectListFormat } = CDB.fields

const FORMAT_UNIT = defineCommand({
  name: 'FORMAT UNIT',
  operationCode: 0x04,
  standard: 'SBC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  erasureClass: 'afterFormatFailure',
  needsMedium: true,
  execute: formatUnit,
})

export const FORMAT_UNIT_COMMANDS = [FORMAT_UNIT]

/** The parameter list header, short or with LONGLIST, and the initialization pattern descriptor behind it. */
const SHORT_HEADER = { lengthBytes: 4, defectListLengthAt: 2, defectListLengthBytes: 2 } as const
const LONG_HEADER = { lengthBytes: 8, defectListLengthAt: 4, defectListLengthBytes: 4 } as const
type Header = typeof SHORT_HEADER | typeof LONG_HEADER
const FLAGS_AT = 1
const PROTECTION_INTERVAL_AT = 3
const FOV = 0x80
/** DPRY, DCRT, STPF and IP: without FOV they must be zero. */
const OPTIONS = 0x78
const IP = 0x08
const IMMED = 0x02
const NOT_SUPPORTED_FLAGS = 0x05
const DESCRIPTOR_BYTES = 4
const DESCRIPTOR = { modifierAt: 0, typeAt: 1, lengthAt: 2 } as const
const REPEATED_PATTERN = 0x01

function formatUnit(command: Command, logicalUnit: LogicalUnit): void {
  const refusal = checkCdb(command) ?? checkWritable(logicalUnit.properties)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  if (!isSet(command.cdb, fmtData)) {
    begin(command, logicalUnit, formatPlan(logicalUnit, null), false)
    return
  }
  const header = isSet(command.cdb, longList) ? LONG_HEADER : SHORT_HEADER
  const listBytesMax = header.lengthBytes + DESCRIPTOR_BYTES + logicalUnit.properties.blockLengthBytes
  const lengthBytes = Math.min(command.dataOutCapacityBytes, listBytesMax)
  if (lengthBytes < header.lengthBytes) {
    checkCondition(command, SENSE.PARAMETER_LIST_LENGTH_ERROR)
    return
  }
  receiveWholeList(command, logicalUnit, lengthBytes, (list) => {
    const pattern = readPattern(list, header, logicalUnit)
    if (pattern !== null && 'condition' in pattern) checkCondition(command, pattern)
    else begin(command, logicalUnit, formatPlan(logicalUnit, pattern), (list[FLAGS_AT]! & IMMED) !== 0)
  })
}

/** Without a parameter list nothing may be said about it; a complete defect list of none is what there is anyway. */
function checkCdb({ cdb: bytes }: Command): SenseData | null {
  if (readField(bytes, defectListFormat) !== 0) return invalidField(defectListFormat)
  if (isSet(bytes, fmtData)) return null
  if (isSet(bytes, longList)) return invalidField(longList)
  return isSet(bytes, cmpLst) ? invalidField(cmpLst) : null
}

/** The initialization pattern that a list asks for; null for the default one. */
function readPattern(list: Buffer, header: Header, { properties }: LogicalUnit): Buffer | SenseData | null {
  const flags = list[FLAGS_AT]!
  if (list[0] !== 0) return invalidFieldInParameterList(0)
  const wrongFlags = flags & ((flags & FOV) === 0 ? OPTIONS | NOT_SUPPORTED_FLAGS : NOT_SUPPORTED_FLAGS)
  if (wrongFlags !== 0) return invalidFieldInParameterList(FLAGS_AT, 31 - Math.clz32(wrongFlags))
  if (header === LONG_HEADER && list[PROTECTION_INTERVAL_AT] !== 0) {
    return invalidFieldInParameterList(PROTECTION_INTERVAL_AT)
  }
  if (list.readUIntBE(header.defectListLengthAt, header.defectListLengthBytes) !== 0) {
    return invalidFieldInParameterList(header.defectListLengthAt)
  }
  if ((flags & IP) === 0) return null
  const descriptor = list.subarray(header.lengthBytes)
  if (descriptor.length < DESCRIPTOR_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return readDescriptor(descriptor, header.lengthBytes, properties.blockLengthBytes)
}

/** SI asks for security by writing where nobody can read, of which there is nothing: every block is written anyway. */
function readDescriptor(descriptor: Buffer, at: number, blockLengthBytes: number): Buffer | SenseData | null {
  const SECURITY_INITIALIZE = 0x20
  const type = descriptor[DESCRIPTOR.typeAt]!
  const patternBytes = descriptor.readUInt16BE(DESCRIPTOR.lengthAt)
  if ((descriptor[DESCRIPTOR.modifierAt]! & ~SECURITY_INITIALIZE) !== 0) {
    return invalidFieldInParameterList(at + DESCRIPTOR.modifierAt)
  }
  if (type > REPEATED_PATTERN) return invalidFieldInParameterList(at + DESCRIPTOR.typeAt)
  const isLength = type === REPEATED_PATTERN ? patternBytes > 0 && patternBytes <= blockLengthBytes : patternBytes === 0
  if (!isLength) return invalidFieldInParameterList(at + DESCRIPTOR.lengthAt)
  if (patternBytes > descriptor.length - DESCRIPTOR_BYTES) return senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR)
  return type === REPEATED_PATTERN
    ? Buffer.from(descriptor.subarray(DESCRIPTOR_BYTES, DESCRIPTOR_BYTES + patternBytes))
    : null
}

function formatPlan({ properties }: LogicalUnit, pattern: Buffer | null): ErasurePlan {
  const zeroing: ErasurePass = properties.capabilities.thin ? 'unmap' : 'zeroes'
  return {
    kind: 'format',
    mayExitFailure: false,
    pattern: pattern ?? NO_PATTERN,
    passes: [pattern === null ? zeroing : 'pattern'],
  }
}

function begin(command: Command, logicalUnit: LogicalUnit, plan: ErasurePlan, isImmediate: boolean): void {
  // While its parameter list was on the way, another command may have begun.
  const { erasure } = logicalUnit
  const refusal = erasure.isRunning ? erasure.refusal : checkWritable(logicalUnit.properties)
  if (refusal !== null) checkCondition(command, refusal)
  else startErasure(command, logicalUnit, plan, isImmediate)
}
