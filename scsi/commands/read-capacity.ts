/**
 * READ CAPACITY (10) and (16) (SBC-3). The LOGICAL BLOCK ADDRESS field means something with PMI only, a question about
 * delays within the medium that has no better answer here than the last block.
 */

import { bit, type CdbField, cdb, invalidField, isSet, readField, uint } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand, type ExecuteCommand } from '../define-command.ts'
import { EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { capacity10Data, capacity16Data } from '../pages/capacity-data.ts'
import { sendParameterData } from '../parameter-data.ts'
import { SENSE } from '../sense-codes.ts'

const CDB_10 = cdb(10, { lba: uint(2, 4), pmi: bit(8, 0) })
const CDB_16 = cdb(16, { lba: uint(2, 8), allocationLength: uint(10, 4), pmi: bit(14, 0) })

const READ_CAPACITY_10 = defineCommand({
  name: 'READ CAPACITY (10)',
  deviceTypes: EVERY_DEVICE_TYPE,
  operationCode: 0x25,
  standard: 'SBC-3',
  cdb: CDB_10,
  data: 'in',
  reservationClass: 'status',
  taskClass: 'information',
  needsMedium: true,
  execute: readCapacity(CDB_10.fields, capacity10Data),
})

const READ_CAPACITY_16 = defineCommand({
  name: 'READ CAPACITY (16)',
  operationCode: 0x9e,
  serviceAction: 0x10,
  standard: 'SBC-3',
  cdb: CDB_16,
  data: 'in',
  reservationClass: 'status',
  taskClass: 'information',
  needsMedium: true,
  execute: readCapacity(CDB_16.fields, capacity16Data),
})

export const READ_CAPACITY_COMMANDS = [READ_CAPACITY_10, READ_CAPACITY_16]

function readCapacity(
  { lba, pmi }: { readonly lba: CdbField; readonly pmi: CdbField },
  capacityData: (unit: LogicalUnitProperties) => Buffer,
): ExecuteCommand {
  return (command: Command, { properties }) => {
    const address = readField(command.cdb, lba)
    if (address !== 0 && !isSet(command.cdb, pmi)) checkCondition(command, invalidField(lba))
    else if (address >= properties.blockCount) checkCondition(command, SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    else sendParameterData(command, capacityData(properties))
  }
}
