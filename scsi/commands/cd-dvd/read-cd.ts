/**
 * READ CD (MMC-5): the user data of mode 1 sectors, which is all that an image has. Headers, error correction, sub-channels
 * and audio are not in it, and are refused.
 */

import { bit, bits, cdb, invalidField, isSet, readField, uint, unsupported } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition, completeGood } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { SENSE } from '../../sense-codes.ts'
import { executeRead } from '../read.ts'
import { PROFILE, profileOf } from './disc.ts'

const CDB = cdb(12, {
  expectedSectorType: bits(1, 4, 2),
  dap: unsupported(1, 1, 1),
  relAdr: unsupported(1, 0, 0),
  lba: uint(2, 4),
  lengthBlocks: uint(6, 3),
  sync: unsupported(9, 7, 7),
  headerCodes: unsupported(9, 6, 5),
  userData: bit(9, 4),
  edcAndEcc: unsupported(9, 3, 3),
  c2ErrorInformation: unsupported(9, 2, 1),
  subChannelSelection: unsupported(10, 2, 0),
})
const { expectedSectorType, userData } = CDB.fields

const EXPECTED_SECTOR_TYPE = { ANY: 0b000, MODE_1: 0b010 } as const

const READ_CD = defineCommand({
  name: 'READ CD',
  operationCode: 0xbe,
  standard: 'MMC-5',
  cdb: CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'read',
  deviceTypes: CD_DVD_ONLY,
  execute: readCd,
})

export const READ_CD_COMMANDS = [READ_CD]

function readCd(command: Command, logicalUnit: LogicalUnit): void {
  const sectorType = readField(command.cdb, expectedSectorType)
  if (!Object.values<number>(EXPECTED_SECTOR_TYPE).includes(sectorType)) {
    checkCondition(command, invalidField(expectedSectorType))
  } else if (profileOf(logicalUnit.properties) !== PROFILE.CD_ROM) {
    checkCondition(command, SENSE.ILLEGAL_MODE_FOR_THIS_TRACK)
  } else if (isSet(command.cdb, userData)) {
    executeRead(command, logicalUnit, { ...CDB.fields, blocksForZero: 0 }, [])
  } else {
    completeGood(command)
  }
}
