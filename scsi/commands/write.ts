/**
 * WRITE (6), (10), (12), (16) and (32) (SBC-4). Data-Out goes to the store as it arrives, in
 * the transport's own memory; several pieces may be in flight, and status waits for all of them.
 *
 * A Data-Out buffer that is smaller than the CDB's transfer length is written as far as it holds whole blocks, and the
 * residual says the rest.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { type BlockFields, blockCdb } from '../block-cdb.ts'
import {
  type BlockAddressing,
  checkBlockRange,
  checkLengthLimit,
  checkWritable,
  dataOutBytes,
  lengthBlocksOf,
} from '../block-range.ts'
import { bit, type CdbField, type CdbLayout, isSet, readField, unsupported, VARIABLE_LENGTH } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { MAXIMUM_TRANSFER_BYTES } from '../transfer-limits.ts'

/** WRPROTECT, DPO, FUA and FUA_NV. DPO is a caching hint and changes nothing here. */
function flagsIn(byte: number) {
  return { wrProtect: unsupported(byte, 7, 5), dpo: bit(byte, 4), fua: bit(byte, 3), fuaNv: bit(byte, 1) }
}
const WRITE_FLAGS = flagsIn(1)
const WRITE_FLAGS_32 = flagsIn(10)

/** FUA_NV asks for non-volatile cache at least; we have none, so it means FUA. */
const FORCE_UNIT_ACCESS: readonly CdbField[] = [WRITE_FLAGS.fua, WRITE_FLAGS.fuaNv]

const WRITE_6 = writeCommand('WRITE (6)', 0x0a, 'SBC-3', {
  layout: blockCdb(6, {}),
  blocksForZero: 256,
  forceUnitAccess: [],
})
const WRITE_10 = writeCommand('WRITE (10)', 0x2a, 'SBC-4', {
  layout: blockCdb(10, WRITE_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})
const WRITE_12 = writeCommand('WRITE (12)', 0xaa, 'SBC-4', {
  layout: blockCdb(12, WRITE_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})
const WRITE_16 = writeCommand('WRITE (16)', 0x8a, 'SBC-4', {
  layout: blockCdb(16, WRITE_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})

const WRITE_32 = writeCommand('WRITE (32)', VARIABLE_LENGTH.operationCode, 'SBC-4', {
  serviceAction: 0x000b,
  layout: blockCdb(32, WRITE_FLAGS_32),
  blocksForZero: 0,
  forceUnitAccess: [WRITE_FLAGS_32.fua, WRITE_FLAGS_32.fuaNv],
})

export const WRITE_COMMANDS = [WRITE_6, WRITE_10, WRITE_12, WRITE_16, WRITE_32]

interface WriteVariant {
  /** Of a variable length CDB. */
  readonly serviceAction?: number
  readonly layout: CdbLayout<BlockFields>
  readonly blocksForZero: number
  /** The bits of which any asks for the data to be on the medium before status. */
  readonly forceUnitAccess: readonly CdbField[]
}

function writeCommand(name: string, operationCode: number, standard: 'SBC-3' | 'SBC-4', variant: WriteVariant) {
  const addressing = { ...variant.layout.fields, blocksForZero: variant.blocksForZero }
  return defineCommand({
    name,
    operationCode,
    serviceAction: variant.serviceAction ?? null,
    standard,
    cdb: variant.layout,
    data: 'out',
    reservationClass: 'write',
    taskClass: 'write',
    execute: (command, logicalUnit) => executeWrite(command, logicalUnit, addressing, variant.forceUnitAccess),
  })
}

function executeWrite(
  command: Command,
  logicalUnit: LogicalUnit,
  addressing: BlockAddressing,
  forceUnitAccess: readonly CdbField[],
): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const lba = readField(command.cdb, addressing.lba)
  const blocks = lengthBlocksOf(command.cdb, addressing)
  const refusal =
    checkWritable(properties) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_TRANSFER_BYTES, addressing.lengthBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = blocks * blockLengthBytes
  const byteCount = dataOutBytes(command)
  if (byteCount === 0) {
    completeGood(command)
    return
  }
  const isForced = forceUnitAccess.some((flag) => isSet(command.cdb, flag))
  new WriteOperation(command, logicalUnit, lba * blockLengthBytes, byteCount, isForced).start()
}

class WriteOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  /**
   * The data must be durable before status. Data that arrives in one piece is written with force unit access; several
   * pieces are written plainly and flushed once after the last, because forcing each would cost a flush for each.
   */
  readonly #isForced: boolean
  #needsFlush = false
  #writtenBytes = 0

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, byteCount: number, isForced: boolean) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = byteCount
    this.#isForced = isForced && logicalUnit.properties.capabilities.volatileWriteCache
  }

  start(): void {
    this.receiveDataOut(this.#byteCount, this.#dataOut)
  }

  protected override advance(): void {
    if (this.#writtenBytes < this.#byteCount) return
    if (!this.#needsFlush) {
      this.finish()
      return
    }
    this.#needsFlush = false
    this.startFlush(this.#flushed)
  }

  readonly #dataOut = (slices: readonly Buffer[], bufferOffsetBytes: number, byteCount: number): void => {
    if (this.isStopping) return
    this.transferredBytes += byteCount
    const isWhole = byteCount === this.#byteCount
    if (this.#isForced && !isWhole) this.#needsFlush = true
    this.startWrite(slices, this.#offsetBytes + bufferOffsetBytes, this.#isForced && isWhole, (error) =>
      this.#pieceWritten(byteCount, error),
    )
    // Only a store that threw leaves something to do here: the command has failed and may be the last thing in flight.
    if (this.isStopping) this.step()
  }

  #pieceWritten(byteCount: number, error: BackingError | null): void {
    this.ioEnded(error, 'write')
    this.#writtenBytes += byteCount
    this.dataOutConsumed(byteCount)
    this.step()
  }

  readonly #flushed = (error: BackingError | null): void => {
    this.ioEnded(error, 'write')
    this.step()
  }
}
