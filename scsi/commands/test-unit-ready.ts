/**
 * TEST UNIT READY (SPC-4, SPC-3 6.33). A mapped disk is always ready: what can go wrong with it, unit attentions and
 * reservations, has been looked at before a command is carried out.
 */

import { cdb } from '../cdb.ts'
import { completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'

const TEST_UNIT_READY = defineCommand({
  name: 'TEST UNIT READY',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x00,
  standard: 'SPC-4',
  cdb: cdb(6, {}),
  data: 'none',
  reservationClass: 'status',
  taskClass: 'information',
  needsMedium: true,
  execute: completeGood,
})

export const TEST_UNIT_READY_COMMANDS = [TEST_UNIT_READY]
