/**
 * READ TOC/PMA/ATIP (MMC-5): the table of contents of a disc with one session and one data track, as formatted TOC, session
 * information and raw TOC. Those of recordable discs are refused.
 */

import { bit, bits, cdbWithVendorControl, invalidField, isSet, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import type { LogicalUnitProperties } from '../../logical-unit-properties.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { msfOf } from './disc.ts'

/** Hosts as Linux put the format into the vendor's bits of CONTROL, where it was before it had a field (SFF-8020i). */
const CDB = cdbWithVendorControl(10, {
  msf: bit(1, 1),
  format: bits(2, 3, 0),
  trackOrSessionNumber: uint(6, 1),
  allocationLength: uint(7, 2),
  formerFormat: bits(9, 7, 6),
})
const { msf, format, trackOrSessionNumber, formerFormat } = CDB.fields

const FORMAT = { TOC: 0b0000, SESSION_INFORMATION: 0b0001, RAW_TOC: 0b0010 } as const

/** ADR 1h, the address is that of the track; CONTROL 4h, a data track. */
const ADR_CONTROL = 0x14
const LEAD_OUT = 0xaa
/** POINT of a raw TOC entry: the first track with the disc type, the last track, the lead-out. */
const POINT = { FIRST_TRACK: 0xa0, LAST_TRACK: 0xa1, LEAD_OUT: 0xa2 } as const

const READ_TOC = defineCommand({
  name: 'READ TOC/PMA/ATIP',
  operationCode: 0x43,
  standard: 'MMC-5',
  cdb: CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  needsMedium: true,
  execute: readToc,
})

export const READ_TOC_COMMANDS = [READ_TOC]

function readToc(command: Command, { properties }: LogicalUnit): void {
  const first = readField(command.cdb, trackOrSessionNumber)
  const isMsf = isSet(command.cdb, msf)
  switch (readField(command.cdb, format) || readField(command.cdb, formerFormat)) {
    case FORMAT.TOC:
      if (first > 1 && first !== LEAD_OUT) checkCondition(command, invalidField(trackOrSessionNumber))
      else sendParameterData(command, formattedToc(properties, first, isMsf))
      break
    case FORMAT.SESSION_INFORMATION:
      sendParameterData(command, withHeader([[0, ADR_CONTROL, 1, 0, ...address(0, isMsf)]]))
      break
    case FORMAT.RAW_TOC:
      if (first > 1) checkCondition(command, invalidField(trackOrSessionNumber))
      else sendParameterData(command, rawToc(properties))
      break
    default:
      checkCondition(command, invalidField(format))
  }
}

/** The descriptors of the track and of the lead-out, from the track number `first` on. */
function formattedToc({ blockCount }: LogicalUnitProperties, first: number, isMsf: boolean): Buffer {
  const track = [0, ADR_CONTROL, 1, 0, ...address(0, isMsf)]
  const leadOut = [0, ADR_CONTROL, LEAD_OUT, 0, ...address(blockCount, isMsf)]
  return withHeader(first === LEAD_OUT ? [leadOut] : [track, leadOut])
}

/** Entries of the Q sub-channel in the lead-in: session, ADR and CONTROL, TNO, POINT, a running time, a value in MSF. */
function rawToc({ blockCount }: LogicalUnitProperties): Buffer {
  const entry = (point: number, value: readonly number[]) => [1, ADR_CONTROL, 0, point, 0, 0, 0, ...value]
  return withHeader([
    entry(POINT.FIRST_TRACK, [0, 1, 0, 0]),
    entry(POINT.LAST_TRACK, [0, 1, 0, 0]),
    entry(POINT.LEAD_OUT, msfOf(blockCount)),
    entry(1, msfOf(0)),
  ])
}

function address(lba: number, isMsf: boolean): readonly number[] {
  if (isMsf) return msfOf(lba)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(lba)
  return [...bytes]
}

/** TOC DATA LENGTH, then the first and the last number of track or session, which are the only ones. */
function withHeader(descriptors: readonly (readonly number[])[]): Buffer {
  const data = Buffer.from([0, 0, 1, 1, ...descriptors.flat()])
  data.writeUInt16BE(data.length - 2, 0)
  return data
}
