/**
 * RESERVE (6) and RELEASE (6) (SPC-2): obsolete, but what clusters and hypervisors of their time still
 * send. Only the whole logical unit, for the nexus that asks: third parties and extents were optional and are refused.
 */

import { cdb, unsupported } from '../cdb.ts'
import { completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'

const CDB = cdb(6, {
  thirdParty: unsupported(1, 4, 4),
  thirdPartyDeviceId: unsupported(1, 3, 1),
  extent: unsupported(1, 0, 0),
  reservationIdentification: unsupported(2, 7, 0),
})

const RESERVE_6 = defineCommand({
  name: 'RESERVE (6)',
  operationCode: 0x16,
  standard: 'SPC-2',
  cdb: CDB,
  data: 'none',
  reservationClass: 'configuration',
  taskClass: 'configuration',
  execute: (command, { reservation }, itlNexus) => {
    reservation.reserve(itlNexus)
    completeGood(command)
  },
})

const RELEASE_6 = defineCommand({
  name: 'RELEASE (6)',
  operationCode: 0x17,
  standard: 'SPC-2',
  cdb: CDB,
  data: 'none',
  reservationClass: 'exempt',
  taskClass: 'configuration',
  execute: (command, { reservation }, itlNexus) => {
    reservation.release(itlNexus)
    completeGood(command)
  },
})

export const RESERVE_RELEASE_COMMANDS = [RESERVE_6, RELEASE_6]
