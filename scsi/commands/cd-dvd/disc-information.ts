/**
 * READ DISC INFORMATION and READ TRACK INFORMATION (MMC-5): a disc that is finished, with one session of one data track.
 */

import { bits, cdb, invalidField, readField, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { checkCondition } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { bit as dataBit, bits as dataBits, uint as dataUint, writeFields } from '../../pages/parameter-fields.ts'
import { sendParameterData } from '../../parameter-data.ts'
import { SENSE } from '../../sense-codes.ts'

const COMPLETE_SESSION = 0b11
const FINALIZED_DISC = 0b10
const UNKNOWN_ADDRESS = 0xffff_ffff

const DISC_INFORMATION_BYTES = 34
const DISC_INFORMATION_FIELDS = {
  DISC_INFORMATION_LENGTH: dataUint(0, 2),
  STATE_OF_LAST_SESSION: dataBits(2, 3, 2),
  DISC_STATUS: dataBits(2, 1, 0),
  NUMBER_OF_FIRST_TRACK: dataUint(3, 1),
  NUMBER_OF_SESSIONS: dataUint(4, 1),
  FIRST_TRACK_IN_LAST_SESSION: dataUint(5, 1),
  LAST_TRACK_IN_LAST_SESSION: dataUint(6, 1),
  URU: dataBit(7, 5),
  LAST_SESSION_LEAD_IN_START: dataUint(16, 4),
  LAST_POSSIBLE_LEAD_OUT_START: dataUint(20, 4),
} as const

const TRACK_INFORMATION_BYTES = 36
const TRACK_INFORMATION_FIELDS = {
  TRACK_INFORMATION_LENGTH: dataUint(0, 2),
  TRACK_NUMBER: dataUint(2, 1),
  SESSION_NUMBER: dataUint(3, 1),
  TRACK_MODE: dataBits(5, 3, 0),
  DATA_MODE: dataBits(6, 3, 0),
  TRACK_START_ADDRESS: dataUint(8, 4),
  TRACK_SIZE: dataUint(24, 4),
} as const

const DISC_CDB = cdb(10, { dataType: bits(1, 2, 0), allocationLength: uint(7, 2) })
const TRACK_CDB = cdb(10, { addressType: bits(1, 1, 0), address: uint(2, 4), allocationLength: uint(7, 2) })
const { addressType, address } = TRACK_CDB.fields

/** ADDRESS/NUMBER TYPE. */
const ADDRESS_TYPE = { LBA: 0b00, TRACK: 0b01, SESSION: 0b10 } as const

const READ_DISC_INFORMATION = defineCommand({
  name: 'READ DISC INFORMATION',
  operationCode: 0x51,
  standard: 'MMC-5',
  cdb: DISC_CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  needsMedium: true,
  execute: readDiscInformation,
})

const READ_TRACK_INFORMATION = defineCommand({
  name: 'READ TRACK INFORMATION',
  operationCode: 0x52,
  standard: 'MMC-5',
  cdb: TRACK_CDB,
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  needsMedium: true,
  execute: readTrackInformation,
})

export const DISC_INFORMATION_COMMANDS = [READ_DISC_INFORMATION, READ_TRACK_INFORMATION]

/** DATA TYPE other than zero asks for the resources of recordable discs. */
function readDiscInformation(command: Command): void {
  if (readField(command.cdb, DISC_CDB.fields.dataType) !== 0) {
    checkCondition(command, invalidField(DISC_CDB.fields.dataType))
    return
  }
  const data = Buffer.alloc(DISC_INFORMATION_BYTES)
  writeFields(data, DISC_INFORMATION_FIELDS, {
    DISC_INFORMATION_LENGTH: DISC_INFORMATION_BYTES - 2,
    STATE_OF_LAST_SESSION: COMPLETE_SESSION,
    DISC_STATUS: FINALIZED_DISC,
    NUMBER_OF_FIRST_TRACK: 1,
    NUMBER_OF_SESSIONS: 1,
    FIRST_TRACK_IN_LAST_SESSION: 1,
    LAST_TRACK_IN_LAST_SESSION: 1,
    URU: true,
    LAST_SESSION_LEAD_IN_START: UNKNOWN_ADDRESS,
    LAST_POSSIBLE_LEAD_OUT_START: UNKNOWN_ADDRESS,
  })
  sendParameterData(command, data)
}

function readTrackInformation(command: Command, { properties: { blockCount } }: LogicalUnit): void {
  const type = readField(command.cdb, addressType)
  const number = readField(command.cdb, address)
  if (type === ADDRESS_TYPE.LBA && number >= blockCount) {
    checkCondition(command, SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
  } else if ((type === ADDRESS_TYPE.TRACK || type === ADDRESS_TYPE.SESSION) && number !== 1) {
    checkCondition(command, invalidField(address))
  } else if (!Object.values<number>(ADDRESS_TYPE).includes(type)) {
    checkCondition(command, invalidField(addressType))
  } else {
    const data = Buffer.alloc(TRACK_INFORMATION_BYTES)
    writeFields(data, TRACK_INFORMATION_FIELDS, {
      TRACK_INFORMATION_LENGTH: TRACK_INFORMATION_BYTES - 2,
      TRACK_NUMBER: 1,
      SESSION_NUMBER: 1,
      TRACK_MODE: 4,
      DATA_MODE: 1,
      TRACK_START_ADDRESS: 0,
      TRACK_SIZE: blockCount,
    })
    sendParameterData(command, data)
  }
}
