/**
 * SYNCHRONIZE CACHE (10) and (16) (SBC-3): everything written before is durable when GOOD is returned.
 * The store knows no ranges, so the whole of it is flushed, which is more than was asked for and never less.
 *
 * IMMED allows status before the work is done. We return it after, because a failure that comes after GOOD would have
 * to be a deferred error on some later command, and data that cannot be written deserves to be told where it is asked.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { blockCdb } from '../block-cdb.ts'
import { type BlockAddressing, checkBlockRange, lengthBlocksOf } from '../block-range.ts'
import { bit, readField } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'

const SYNCHRONIZE_FLAGS = { syncNv: bit(1, 2), immed: bit(1, 1) }

const CDB_10 = blockCdb(10, SYNCHRONIZE_FLAGS)
const SYNCHRONIZE_CACHE_10 = defineCommand({
  name: 'SYNCHRONIZE CACHE (10)',
  operationCode: 0x35,
  standard: 'SBC-3',
  cdb: CDB_10,
  data: 'none',
  reservationClass: 'write',
  taskClass: 'flush',
  execute: (command, logicalUnit) => synchronize(command, logicalUnit, { ...CDB_10.fields, blocksForZero: 0 }),
})

const CDB_16 = blockCdb(16, SYNCHRONIZE_FLAGS)
const SYNCHRONIZE_CACHE_16 = defineCommand({
  name: 'SYNCHRONIZE CACHE (16)',
  operationCode: 0x91,
  standard: 'SBC-3',
  cdb: CDB_16,
  data: 'none',
  reservationClass: 'write',
  taskClass: 'flush',
  execute: (command, logicalUnit) => synchronize(command, logicalUnit, { ...CDB_16.fields, blocksForZero: 0 }),
})

export const SYNCHRONIZE_CACHE_COMMANDS = [SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16]

/** A length of zero means up to the last block, which needs no check beyond that of the first one. */
function synchronize(command: Command, logicalUnit: LogicalUnit, addressing: BlockAddressing): void {
  const { properties } = logicalUnit
  const refusal = checkBlockRange(
    properties,
    readField(command.cdb, addressing.lba),
    lengthBlocksOf(command.cdb, addressing),
  )
  if (refusal !== null) checkCondition(command, refusal)
  else if (!properties.capabilities.volatileWriteCache) completeGood(command)
  else new FlushOperation(command, logicalUnit).start()
}

/** Flush the store, then end the command. */
export class FlushOperation extends Operation {
  #isFlushed = false

  start(): void {
    this.startFlush(this.#flushed)
    this.step()
  }

  protected override advance(): void {
    if (this.#isFlushed) this.finish()
  }

  readonly #flushed = (error: BackingError | null): void => {
    this.ioEnded(error, 'write')
    this.#isFlushed = true
    this.step()
  }
}
