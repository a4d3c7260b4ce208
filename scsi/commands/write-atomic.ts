/**
 * WRITE ATOMIC (16) (SBC-4): a write that others, and a restart, see as a whole or not at all (`atomic-writer.ts`). Atomic
 * boundaries, which would cut one command into several atomic writes, are not supported; a transfer may begin and end
 * at any block.
 */

import { checkBlockRange, checkWritable } from '../block-range.ts'
import { bit, cdb, invalidField, isSet, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { MAXIMUM_ATOMIC_BLOCKS } from '../transfer-limits.ts'

const CDB = cdb(16, {
  wrProtect: unsupported(1, 7, 5),
  dpo: bit(1, 4),
  fua: bit(1, 3),
  lba: uint(2, 8),
  atomicBoundary: uint(10, 2),
  lengthBlocks: uint(12, 2),
  groupNumber: unsupported(14, 5, 0),
})

const WRITE_ATOMIC_16 = defineCommand({
  name: 'WRITE ATOMIC (16)',
  operationCode: 0x9c,
  standard: 'SBC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  isAtomic: true,
  execute: executeWriteAtomic,
})

export const WRITE_ATOMIC_COMMANDS = [WRITE_ATOMIC_16]

function executeWriteAtomic(command: Command, logicalUnit: LogicalUnit): void {
  const { properties } = logicalUnit
  const { atomicBoundary, lengthBlocks, fua } = CDB.fields
  const lba = readField(command.cdb, CDB.fields.lba)
  const blocks = readField(command.cdb, lengthBlocks)
  const byteCount = blocks * properties.blockLengthBytes
  const refusal =
    checkWritable(properties) ??
    (readField(command.cdb, atomicBoundary) === 0 ? null : invalidField(atomicBoundary)) ??
    checkBlockRange(properties, lba, blocks) ??
    (blocks > MAXIMUM_ATOMIC_BLOCKS ? invalidField(lengthBlocks) : null) ??
    // A part of the blocks is what an atomic write must never leave behind.
    (command.dataOutCapacityBytes < byteCount ? invalidField(lengthBlocks) : null)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = byteCount
  const offsetBytes = lba * properties.blockLengthBytes
  if (blocks === 0) completeGood(command)
  else new WriteAtomicOperation(command, logicalUnit, offsetBytes, isSet(command.cdb, fua)).start(byteCount)
}

class WriteAtomicOperation extends Operation {
  readonly #offsetBytes: number
  readonly #isForced: boolean
  #data: Buffer | null = null
  #previous: Buffer | null = null
  #phase: 'wait' | 'read' | 'write' = 'wait'

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, isForced: boolean) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#isForced = isForced && logicalUnit.properties.capabilities.volatileWriteCache
  }

  start(byteCount: number): void {
    this.receiveBlock(byteCount, (data) => {
      this.#data = data
      this.logicalUnit.rangeLocks.acquire(this.command, { offsetBytes: this.#offsetBytes, byteCount }, () => {
        this.#phase = 'read'
        this.step()
      })
    })
  }

  protected override advance(): void {
    if (this.#phase === 'read') {
      this.#phase = 'wait'
      this.#previous = Buffer.alloc(this.#data!.length)
      this.startRead([this.#previous], this.#offsetBytes, (error) => {
        this.ioEnded(error, 'read')
        this.#phase = 'write'
        this.step()
      })
    } else if (this.#phase === 'write') {
      this.#phase = 'wait'
      this.startAtomicWrite(this.#data!, this.#previous!, this.#offsetBytes, this.#isForced, (error) => {
        this.ioEnded(error, 'write')
        this.finish()
        this.step()
      })
    }
  }
}
