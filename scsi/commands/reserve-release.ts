/**
 * RESERVE and RELEASE, (6) and (10) (SPC-2): obsolete, but what clusters and hypervisors of their time still send.
 * Only the whole logical unit, for the nexus that asks: third parties and extents were optional and are refused. From a
 * nexus that a persistent reservation admits they are answered with GOOD and change nothing (SPC-4 5.13.3).
 */

import { cdb, unsupported } from '../cdb.ts'
import { completeGood } from '../completion.ts'
import { defineCommand, type ExecuteCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'

const CDB_6 = cdb(6, {
  thirdParty: unsupported(1, 4, 4),
  thirdPartyDeviceId: unsupported(1, 3, 1),
  extent: unsupported(1, 0, 0),
  reservationIdentification: unsupported(2, 7, 0),
})

const CDB_10 = cdb(10, {
  thirdParty: unsupported(1, 4, 4),
  longId: unsupported(1, 1, 1),
  extent: unsupported(1, 0, 0),
  reservationIdentification: unsupported(2, 7, 0),
  thirdPartyDeviceId: unsupported(3, 7, 0),
})

const reserve: ExecuteCommand = (command, { persistentReservations, reservation }, itlNexus) => {
  if (!persistentReservations.isActive) reservation.reserve(itlNexus)
  completeGood(command)
}

const release: ExecuteCommand = (command, { reservation }, itlNexus) => {
  reservation.release(itlNexus)
  completeGood(command)
}

const RESERVE = {
  standard: 'SPC-2',
  data: 'none',
  reservationClass: 'reserve',
  taskClass: 'configuration',
  deviceTypes: EVERY_DEVICE_TYPE,
  execute: reserve,
} as const
const RELEASE = { ...RESERVE, reservationClass: 'release', execute: release } as const

export const RESERVE_RELEASE_COMMANDS = [
  defineCommand({ name: 'RESERVE (6)', operationCode: 0x16, cdb: CDB_6, ...RESERVE }),
  defineCommand({ name: 'RELEASE (6)', operationCode: 0x17, cdb: CDB_6, ...RELEASE }),
  defineCommand({ name: 'RESERVE (10)', operationCode: 0x56, cdb: CDB_10, ...RESERVE }),
  defineCommand({ name: 'RELEASE (10)', operationCode: 0x57, cdb: CDB_10, ...RELEASE }),
]
