/** CDBs made from the rows of the command table, for tests that hold for every command with a certain field. */

import type { CdbField } from '../../scsi/cdb.ts'
import { COMMAND_SETS } from '../../scsi/command-table.ts'
import type { CommandDefinition } from '../../scsi/define-command.ts'
import { type DeviceType, EVERY_DEVICE_TYPE } from '../../scsi/device-type.ts'
import { emptyCdb } from './scsi-initiator.ts'

export type TestedRow = readonly [deviceType: DeviceType, name: string, row: CommandDefinition]

/** The commands that `picks` picks, for each device type that has them; to be given to `describe.each`. */
export function rowsOf(picks: (row: CommandDefinition) => boolean): readonly TestedRow[] {
  return EVERY_DEVICE_TYPE.flatMap((deviceType) =>
    COMMAND_SETS[deviceType].rows.filter(picks).map((row) => [deviceType, row.name, row] as const),
  )
}

/** The CDB of a command with these values in its fields and zero elsewhere. */
export function cdbWith(row: CommandDefinition, values: Readonly<Record<string, number | bigint>>): Buffer {
  const cdb = emptyCdb(row)
  for (const [name, value] of Object.entries(values)) {
    const field = row.cdb.fields[name]
    if (field === undefined) throw new Error(`${row.name} has no field ${name}`)
    writeField(cdb, field, BigInt(value))
  }
  return cdb
}

/** The largest number that a field takes. */
export function fieldMax({ byteCount, high, low }: CdbField): bigint {
  return (1n << BigInt((byteCount - 1) * 8 + high + 1 - low)) - 1n
}

function writeField(cdb: Buffer, { byte, byteCount, low }: CdbField, value: bigint): void {
  let rest = value << BigInt(low)
  for (let at = byte + byteCount - 1; at >= byte; at--) {
    cdb[at]! |= Number(rest & 0xffn)
    rest >>= 8n
  }
}
