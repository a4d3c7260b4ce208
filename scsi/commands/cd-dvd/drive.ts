/**
 * MECHANISM STATUS and SET CD SPEED (MMC-5): the state of a drive that has no mechanism, and a speed that it does not have
 * either, so that any one is accepted.
 */

import { bits, cdb, uint } from '../../cdb.ts'
import type { Command } from '../../command.ts'
import { completeGood } from '../../completion.ts'
import { defineCommand } from '../../define-command.ts'
import { CD_DVD_ONLY } from '../../device-type.ts'
import type { LogicalUnit } from '../../logical-unit.ts'
import { bit, uint as dataUint, writeFields } from '../../pages/parameter-fields.ts'
import { sendParameterData } from '../../parameter-data.ts'

/** Mechanism status header; no slot table follows it, for there is no changer. */
const STATUS_BYTES = 8
const STATUS_FIELDS = { DOOR_OPEN: bit(1, 4), NUMBER_OF_SLOTS: dataUint(5, 1) } as const

const MECHANISM_STATUS = defineCommand({
  name: 'MECHANISM STATUS',
  operationCode: 0xbd,
  standard: 'MMC-5',
  cdb: cdb(12, { allocationLength: uint(8, 2) }),
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  deviceTypes: CD_DVD_ONLY,
  execute: (command: Command, { medium }: LogicalUnit) => {
    const data = Buffer.alloc(STATUS_BYTES)
    writeFields(data, STATUS_FIELDS, { DOOR_OPEN: medium.isTrayOpen, NUMBER_OF_SLOTS: 1 })
    sendParameterData(command, data)
  },
})

const SET_CD_SPEED = defineCommand({
  name: 'SET CD SPEED',
  operationCode: 0xbb,
  standard: 'MMC-5',
  cdb: cdb(12, { rotationalControl: bits(1, 1, 0), readSpeed: uint(2, 2), writeSpeed: uint(4, 2) }),
  data: 'none',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  deviceTypes: CD_DVD_ONLY,
  execute: completeGood,
})

export const DRIVE_COMMANDS = [MECHANISM_STATUS, SET_CD_SPEED]
