/**
 * Which blocks a command addresses, and whether it may (SBC-4): the one place that turns LBA and length into
 * a byte range of the store.
 */

import type { TouchedBytes } from './block-range-locks.ts'
import { type CdbField, invalidField, readField } from './cdb.ts'
import type { Command } from './command.ts'
import type { TaskClass } from './define-command.ts'
import type { LogicalUnitProperties } from './logical-unit-properties.ts'
import { type SenseData, senseOf } from './sense.ts'
import { SENSE } from './sense-codes.ts'

/** How a CDB says which blocks it addresses. */
export interface BlockAddressing {
  readonly lba: CdbField
  readonly lengthBlocks: CdbField
  /** What a length field of zero stands for: nothing, except in the 6-byte CDBs (SBC-3). */
  readonly blocksForZero: number
}

/** How many blocks the CDB addresses. */
export function lengthBlocksOf(cdbBytes: Buffer, { lengthBlocks, blocksForZero }: BlockAddressing): number {
  const value = readField(cdbBytes, lengthBlocks)
  return value === 0 ? blocksForZero : value
}

/**
 * LOGICAL BLOCK ADDRESS OUT OF RANGE unless every block from `lba` on exists; for no blocks at all the address itself
 * must exist.
 */
export function checkBlockRange({ blockCount }: LogicalUnitProperties, lba: number, blocks: number): SenseData | null {
  const isInside = lba < blockCount && blocks <= blockCount - lba
  return isInside ? null : senseOf(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
}

/** INVALID FIELD IN CDB for a length above the limit that the Block Limits VPD page reports (SBC-4). */
export function checkLengthLimit(
  { blockLengthBytes }: LogicalUnitProperties,
  blocks: number,
  bytesMax: number,
  lengthField: CdbField,
): SenseData | null {
  return blocks * blockLengthBytes > bytesMax ? invalidField(lengthField) : null
}

/** WRITE PROTECTED for a command that would change the medium of a read-only logical unit. */
export function checkWritable({ isReadOnly }: LogicalUnitProperties): SenseData | null {
  return isReadOnly ? senseOf(SENSE.WRITE_PROTECTED) : null
}

/**
 * The bytes of Data-Out that a command gets whose `presentedDataBytes` says how much its CDB transfers. When the initiator
 * has fewer, the command is carried out with these, also when they end within a block, and leaves alone what lies behind
 * them; the residual tells the initiator. RFC 7143 does not say so, but FCP-4 does.
 */
export function dataOutBytes({ dataOutCapacityBytes, presentedDataBytes }: Command): number {
  return Math.min(dataOutCapacityBytes, presentedDataBytes)
}

/**
 * The bytes of the store that a command may touch once it has begun, by what its CDB says: for commands that wait for
 * the blocks of others (`block-range-locks.ts`). A length of zero may stand for whatever lies behind the address.
 */
export function touchedBytes({ definition, cdb }: Command, blockLengthBytes: number): TouchedBytes {
  if (definition === null || definition.isAtomic || !BLOCK_TASK_CLASSES.has(definition.taskClass)) return null
  const { lba, lengthBlocks } = definition.cdb.fields
  if (lba === undefined || lengthBlocks === undefined) return 'all'
  const blocks = readField(cdb, lengthBlocks) || Number.POSITIVE_INFINITY
  return { offsetBytes: readField(cdb, lba) * blockLengthBytes, byteCount: blocks * blockLengthBytes }
}

const BLOCK_TASK_CLASSES: ReadonlySet<string> = new Set<TaskClass>(['read', 'write', 'verify'])
