/**
 * READ DISC STRUCTURE (MMC-5), which was READ DVD STRUCTURE: the control data of a pressed disc of one layer without copy
 * protection. A CD has none.
 */

import { bits, cdb, invalidField, readField, uint, unsupported } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import type { LogicalUnitProperties } from '../../logical-unit-properties.ts'
import { bits as dataBits, uint as dataUint, writeFields } from '../../pages/parameter-fields.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { SENSE } from '../../sense-codes.ts'
import { PROFILE, profileOf } from './disc.ts'

const CDB = cdb(12, {
  mediaType: unsupported(1, 3, 0),
  address: uint(2, 4),
  layerNumber: uint(6, 1),
  format: uint(7, 1),
  allocationLength: uint(8, 2),
  agid: bits(10, 7, 6),
})
const { layerNumber, format } = CDB.fields

/** What precedes every structure: its length, and two reserved bytes. */
const HEADER_BYTES = 4
const MANUFACTURING_INFORMATION_BYTES = 2048
const COPYRIGHT_INFORMATION_BYTES = 4

const PHYSICAL_FORMAT_BYTES = 2048
const PHYSICAL_FORMAT_FIELDS = {
  DISK_CATEGORY: dataBits(0, 7, 4),
  PART_VERSION: dataBits(0, 3, 0),
  MAXIMUM_RATE: dataBits(1, 3, 0),
  LAYER_TYPE: dataBits(2, 3, 0),
  STARTING_SECTOR: dataUint(4, 4),
  END_SECTOR: dataUint(8, 4),
} as const
/** Where the data area of a DVD begins. */
const FIRST_SECTOR = 0x03_0000
const LAST_SECTOR_MAX = 0xff_ffff
const RATE_NOT_SPECIFIED = 0xf
const EMBOSSED_DATA = 0b0001

/** The structures by FORMAT CODE. */
const STRUCTURES: Readonly<Record<number, (unit: LogicalUnitProperties) => Buffer>> = {
  0: physicalFormatInformation,
  1: () => Buffer.alloc(COPYRIGHT_INFORMATION_BYTES),
  4: () => Buffer.alloc(MANUFACTURING_INFORMATION_BYTES),
  255: structureList,
}

const READ_DISC_STRUCTURE = defineCommand({
  name: 'READ DISC STRUCTURE',
  operationCode: 0xad,
  standard: 'MMC-5',
  cdb: CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  needsMedium: true,
  execute: readDiscStructure,
})

export const READ_DVD_STRUCTURE_COMMANDS = [READ_DISC_STRUCTURE]

function readDiscStructure(command: Command, { properties }: LogicalUnit): void {
  const structure = STRUCTURES[readField(command.cdb, format)]
  if (profileOf(properties) !== PROFILE.DVD_ROM) {
    checkCondition(command, SENSE.CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT)
  } else if (structure === undefined) {
    checkCondition(command, invalidField(format))
  } else if (readField(command.cdb, layerNumber) !== 0) {
    checkCondition(command, invalidField(layerNumber))
  } else {
    sendParameterData(command, withHeader(structure(properties)))
  }
}

function physicalFormatInformation({ blockCount }: LogicalUnitProperties): Buffer {
  const data = Buffer.alloc(PHYSICAL_FORMAT_BYTES)
  writeFields(data, PHYSICAL_FORMAT_FIELDS, {
    DISK_CATEGORY: 0,
    PART_VERSION: 1,
    MAXIMUM_RATE: RATE_NOT_SPECIFIED,
    LAYER_TYPE: EMBOSSED_DATA,
    STARTING_SECTOR: FIRST_SECTOR,
    END_SECTOR: Math.min(FIRST_SECTOR + blockCount - 1, LAST_SECTOR_MAX),
  })
  return data
}

/** Each structure that can be read, with its length. */
function structureList(unit: LogicalUnitProperties): Buffer {
  const READABLE = 0x40
  const entries = Object.entries(STRUCTURES).filter(([, structure]) => structure !== structureList)
  return Buffer.concat(
    entries.map(([code, structure]) => {
      const lengthBytes = HEADER_BYTES + structure(unit).length
      return Buffer.from([Number(code), READABLE, lengthBytes >> 8, lengthBytes & 0xff])
    }),
  )
}

/** The length counts the bytes behind itself. */
function withHeader(structure: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(HEADER_BYTES - 2 + structure.length, 0)
  return Buffer.concat([header, structure])
}
