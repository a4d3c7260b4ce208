/**
 * PREVENT ALLOW MEDIUM REMOVAL (SPC-4, SPC-3 6.13): each I_T nexus for itself, until it allows removal, is lost or
 * preempted, or a reset comes. A disk whose medium cannot be removed accepts it, as there is nothing to prevent.
 */

import { bits, cdb, readField, unsupported } from '../cdb.ts'
import { completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import { FlushOperation } from './synchronize-cache.ts'

/** The upper bit of PREVENT is for medium changers; MMC-5 makes removal prevented for all initiators of it. */
const CDB = cdb(6, { preventInChanger: unsupported(4, 1, 1), prevent: bits(4, 0, 0) })
const { prevent } = CDB.fields

const PREVENT_ALLOW_MEDIUM_REMOVAL = defineCommand({
  name: 'PREVENT ALLOW MEDIUM REMOVAL',
  operationCode: 0x1e,
  standard: 'SPC-4',
  cdb: CDB,
  data: 'none',
  // To allow removal takes nothing away from whoever holds a reservation (SPC-4 5.13.1; SPC-2).
  reservationClass: (cdbBytes) => (readField(cdbBytes, prevent) === 0 ? 'exempt' : 'configuration'),
  taskClass: 'configuration',
  deviceTypes: EVERY_DEVICE_TYPE,
  execute: (command, logicalUnit, itlNexus) => {
    const { medium, properties } = logicalUnit
    const isPrevented = readField(command.cdb, prevent) === 1
    if (isPrevented && properties.isRemovable) medium.prevent(itlNexus)
    else medium.allow(itlNexus)
    // What was written goes to the medium before somebody may take it out.
    if (!isPrevented && properties.isRemovable && properties.capabilities.volatileWriteCache) {
      new FlushOperation(command, logicalUnit).start()
    } else {
      completeGood(command)
    }
  },
})

export const PREVENT_ALLOW_MEDIUM_REMOVAL_COMMANDS = [PREVENT_ALLOW_MEDIUM_REMOVAL]
