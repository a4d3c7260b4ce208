/**
 * WRITE SAME (10), (16) and (32) (SBC-4): one block of Data-Out, or zeroes without Data-Out
 * (NDOB), for a range of blocks. Zeroes go to the store as such; with UNMAP a thin store may give their space back.
 * Data that is not zero is written even with UNMAP, because an unmapped block would read as zeroes (LBPRZ).
 */

import type { BackingError } from '../backing/backing-store.ts'
import { blockCdb } from '../block-cdb.ts'
import { checkBlockRange, checkLengthLimit, checkWritable } from '../block-range.ts'
import { bit, type CdbField, invalidField, isSet, readField, unsupported, VARIABLE_LENGTH } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import type { SenseData } from '../sense.ts'
import { MAXIMUM_WRITE_SAME_BYTES, WRITE_SAME_NON_ZERO } from '../transfer-limits.ts'

/** How much of a repeated block is written at once. */
const PATTERN_BYTES_MAX = 256 * 1024

/** WRPROTECT, ANCHOR and UNMAP. */
function flagsIn(byte: number) {
  return { wrProtect: unsupported(byte, 7, 5), anchor: unsupported(byte, 4, 4), unmap: bit(byte, 3) }
}

interface WriteSameFields {
  readonly lba: CdbField
  readonly lengthBlocks: CdbField
  readonly unmap: CdbField
  /** NO DATA-OUT BUFFER; null where the CDB has no such bit. */
  readonly ndob: CdbField | null
}

const CDB_10 = blockCdb(10, flagsIn(1))
const WRITE_SAME_10 = defineCommand({
  name: 'WRITE SAME (10)',
  operationCode: 0x41,
  standard: 'SBC-4',
  cdb: CDB_10,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  execute: (command, logicalUnit) => executeWriteSame(command, logicalUnit, { ...CDB_10.fields, ndob: null }),
})

const CDB_16 = blockCdb(16, { ...flagsIn(1), ndob: bit(1, 0) })
const WRITE_SAME_16 = defineCommand({
  name: 'WRITE SAME (16)',
  operationCode: 0x93,
  standard: 'SBC-4',
  cdb: CDB_16,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  execute: (command, logicalUnit) => executeWriteSame(command, logicalUnit, CDB_16.fields),
})

const CDB_32 = blockCdb(32, { ...flagsIn(10), ndob: bit(10, 0) })
const WRITE_SAME_32 = defineCommand({
  name: 'WRITE SAME (32)',
  operationCode: VARIABLE_LENGTH.operationCode,
  serviceAction: 0x000d,
  standard: 'SBC-4',
  cdb: CDB_32,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  execute: (command, logicalUnit) => executeWriteSame(command, logicalUnit, CDB_32.fields),
})

export const WRITE_SAME_COMMANDS = [WRITE_SAME_10, WRITE_SAME_16, WRITE_SAME_32]

function executeWriteSame(command: Command, logicalUnit: LogicalUnit, fields: WriteSameFields): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const lba = readField(command.cdb, fields.lba)
  const requestedBlocks = readField(command.cdb, fields.lengthBlocks)
  const blocks = requestedBlocks === 0 ? properties.blockCount - lba : requestedBlocks
  const mayUnmap = isSet(command.cdb, fields.unmap)
  const hasDataOut = fields.ndob === null || !isSet(command.cdb, fields.ndob)
  const refusal =
    checkWritable(properties) ??
    (mayUnmap && !properties.capabilities.thin ? invalidField(fields.unmap) : null) ??
    (requestedBlocks === 0 && WRITE_SAME_NON_ZERO ? invalidField(fields.lengthBlocks) : null) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_WRITE_SAME_BYTES, fields.lengthBlocks) ??
    (hasDataOut ? checkDataOut(command, blockLengthBytes, fields) : null)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  const range = { offsetBytes: lba * blockLengthBytes, byteCount: blocks * blockLengthBytes, mayUnmap }
  command.presentedDataBytes = hasDataOut ? blockLengthBytes : 0
  new WriteSameOperation(command, logicalUnit, range).start(command.presentedDataBytes)
}

/** Data-Out must be exactly the block: a different size means that the initiator takes our blocks for others. */
function checkDataOut(command: Command, blockLengthBytes: number, fields: WriteSameFields): SenseData | null {
  return command.dataOutCapacityBytes === blockLengthBytes ? null : invalidField(fields.lengthBlocks)
}

interface WriteSameRange {
  readonly offsetBytes: number
  readonly byteCount: number
  readonly mayUnmap: boolean
}

class WriteSameOperation extends Operation {
  readonly #range: WriteSameRange
  /** The block over and over; null while it is not there, and for zeroes. */
  #pattern: Buffer | null = null
  #writtenBytes = 0
  #isWriting = false

  constructor(command: Command, logicalUnit: LogicalUnit, range: WriteSameRange) {
    super(command, logicalUnit)
    this.#range = range
  }

  /** `blockBytes` of Data-Out are to come; 0 for none, which writes zeroes. */
  start(blockBytes: number): void {
    if (blockBytes === 0) this.step()
    else this.receiveBlock(blockBytes, (block) => this.#received(block))
  }

  protected override advance(): void {
    if (this.#isWriting) return
    const { offsetBytes, byteCount, mayUnmap } = this.#range
    if (this.#writtenBytes === byteCount) {
      this.finish()
      return
    }
    this.#isWriting = true
    if (this.#pattern === null) {
      this.startWriteZeroes(offsetBytes, byteCount, mayUnmap, (error) => this.#written(byteCount, error))
      return
    }
    const piece = this.#pattern.subarray(0, byteCount - this.#writtenBytes)
    this.startWrite([piece], offsetBytes + this.#writtenBytes, false, (error) => this.#written(piece.length, error))
  }

  #received(block: Buffer): void {
    const isZero = block.equals(Buffer.alloc(block.length))
    if (!isZero) this.#pattern = Buffer.alloc(Math.min(this.#range.byteCount, PATTERN_BYTES_MAX), block)
    this.step()
  }

  #written(byteCount: number, error: BackingError | null): void {
    this.ioEnded(error, 'write')
    this.#isWriting = false
    this.#writtenBytes += byteCount
    this.step()
  }
}
