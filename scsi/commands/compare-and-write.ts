/**
 * COMPARE AND WRITE (SBC-4): the atomic test and set by which hosts that share a disk agree. The first half of Data-Out is
 * what the blocks must hold, the second half is written if they do. Both halves are here before the blocks are acquired,
 * so that no slow initiator keeps others from them.
 */

import { checkBlockRange, checkLengthLimit, checkWritable } from '../block-range.ts'
import { bit, cdb, invalidField, isSet, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { MAXIMUM_COMPARE_AND_WRITE_BYTES } from '../transfer-limits.ts'
import { findDifference, miscompare } from './verify-operation.ts'

const CDB = cdb(16, {
  wrProtect: unsupported(1, 7, 5),
  dpo: bit(1, 4),
  fua: bit(1, 3),
  fuaNv: bit(1, 1),
  lba: uint(2, 8),
  lengthBlocks: uint(13, 1),
  groupNumber: unsupported(14, 5, 0),
})

const COMPARE_AND_WRITE = defineCommand({
  name: 'COMPARE AND WRITE',
  operationCode: 0x89,
  standard: 'SBC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  isAtomic: true,
  execute: executeCompareAndWrite,
})

export const COMPARE_AND_WRITE_COMMANDS = [COMPARE_AND_WRITE]

function executeCompareAndWrite(command: Command, logicalUnit: LogicalUnit): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const { lengthBlocks, fua, fuaNv } = CDB.fields
  const lba = readField(command.cdb, CDB.fields.lba)
  const blocks = readField(command.cdb, lengthBlocks)
  const byteCount = blocks * blockLengthBytes
  const refusal =
    checkWritable(properties) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_COMPARE_AND_WRITE_BYTES, lengthBlocks) ??
    // Half of another number of bytes would compare and write other blocks than the initiator means.
    (command.dataOutCapacityBytes === 2 * byteCount ? null : invalidField(lengthBlocks))
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = 2 * byteCount
  const isForced = isSet(command.cdb, fua) || isSet(command.cdb, fuaNv)
  if (blocks === 0) completeGood(command)
  else new CompareAndWriteOperation(command, logicalUnit, lba * blockLengthBytes, byteCount, isForced).start()
}

class CompareAndWriteOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  readonly #isForced: boolean
  /** What the blocks must hold, and then what they are to hold. */
  #data: Buffer | null = null
  #phase: 'wait' | 'read' | 'write' = 'wait'
  readonly #found: Buffer

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, byteCount: number, isForced: boolean) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = byteCount
    this.#isForced = isForced && logicalUnit.properties.capabilities.volatileWriteCache
    this.#found = Buffer.alloc(byteCount)
  }

  start(): void {
    this.receiveBlock(2 * this.#byteCount, (data) => {
      this.#data = data
      const range = { offsetBytes: this.#offsetBytes, byteCount: this.#byteCount }
      this.logicalUnit.rangeLocks.acquire(this.command, range, () => {
        this.#phase = 'read'
        this.step()
      })
    })
  }

  protected override advance(): void {
    if (this.#phase === 'read') {
      this.#phase = 'wait'
      this.startRead([this.#found], this.#offsetBytes, (error) => {
        this.ioEnded(error, 'read')
        this.#phase = 'write'
        this.step()
      })
    } else if (this.#phase === 'write') {
      this.#phase = 'wait'
      this.#writeIfEqual(this.#data!)
    }
  }

  #writeIfEqual(data: Buffer): void {
    const difference = findDifference(this.#found, [data], 0)
    if (difference !== null) {
      this.fail(miscompare(difference))
      return
    }
    this.startAtomicWrite(data.subarray(this.#byteCount), this.#found, this.#offsetBytes, this.#isForced, (error) => {
      this.ioEnded(error, 'write')
      this.finish()
      this.step()
    })
  }
}
