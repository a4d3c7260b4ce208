/**
 * READ (6), (10), (12), (16) and (32) (SBC-4). Data goes from the store into the transport's own
 * memory, piece by piece; the next piece is read when the transport wants it.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { type BlockFields, blockCdb } from '../block-cdb.ts'
import { type BlockAddressing, checkBlockRange, checkLengthLimit, lengthBlocksOf } from '../block-range.ts'
import { bit, type CdbField, type CdbLayout, isSet, readField, unsupported, VARIABLE_LENGTH } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import { type DeviceType, DISK_ONLY, EVERY_DEVICE_TYPE } from '../device-type.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { MAXIMUM_TRANSFER_BYTES } from '../transfer-limits.ts'
import { DATA_IN_PIECE_BYTES_MAX } from '../transport-services.ts'

/** RDPROTECT, DPO, FUA and FUA_NV. DPO is a caching hint and changes nothing here. */
function flagsIn(byte: number) {
  return { rdProtect: unsupported(byte, 7, 5), dpo: bit(byte, 4), fua: bit(byte, 3), fuaNv: bit(byte, 1) }
}
const READ_FLAGS = flagsIn(1)
const READ_FLAGS_32 = flagsIn(10)

/** FUA_NV asks for non-volatile cache at least; we have none, so it means FUA. */
const FORCE_UNIT_ACCESS: readonly CdbField[] = [READ_FLAGS.fua, READ_FLAGS.fuaNv]

const READ_6 = readCommand('READ (6)', 0x08, 'SBC-3', {
  layout: blockCdb(6, {}),
  blocksForZero: 256,
  forceUnitAccess: [],
})
const READ_10 = readCommand('READ (10)', 0x28, 'SBC-4', {
  deviceTypes: EVERY_DEVICE_TYPE,
  layout: blockCdb(10, READ_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})
const READ_12 = readCommand('READ (12)', 0xa8, 'SBC-4', {
  deviceTypes: EVERY_DEVICE_TYPE,
  layout: blockCdb(12, READ_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})
const READ_16 = readCommand('READ (16)', 0x88, 'SBC-4', {
  layout: blockCdb(16, READ_FLAGS),
  blocksForZero: 0,
  forceUnitAccess: FORCE_UNIT_ACCESS,
})

const READ_32 = readCommand('READ (32)', VARIABLE_LENGTH.operationCode, 'SBC-4', {
  serviceAction: 0x0009,
  layout: blockCdb(32, READ_FLAGS_32),
  blocksForZero: 0,
  forceUnitAccess: [READ_FLAGS_32.fua, READ_FLAGS_32.fuaNv],
})

export const READ_COMMANDS = [READ_6, READ_10, READ_12, READ_16, READ_32]

interface ReadVariant {
  /** Of a variable length CDB. */
  readonly serviceAction?: number
  readonly deviceTypes?: readonly DeviceType[]
  readonly layout: CdbLayout<BlockFields>
  readonly blocksForZero: number
  /** The bits of which any asks for data from the medium rather than a cache. */
  readonly forceUnitAccess: readonly CdbField[]
}

function readCommand(name: string, operationCode: number, standard: 'SBC-3' | 'SBC-4', variant: ReadVariant) {
  const addressing = { ...variant.layout.fields, blocksForZero: variant.blocksForZero }
  return defineCommand({
    name,
    operationCode,
    serviceAction: variant.serviceAction ?? null,
    standard,
    cdb: variant.layout,
    data: 'in',
    reservationClass: 'read',
    taskClass: 'read',
    deviceTypes: variant.deviceTypes ?? DISK_ONLY,
    execute: (command, logicalUnit) => executeRead(command, logicalUnit, addressing, variant.forceUnitAccess),
  })
}

/** Send the blocks that the CDB addresses, once they are known to be there. */
export function executeRead(
  command: Command,
  logicalUnit: LogicalUnit,
  addressing: BlockAddressing,
  forceUnitAccess: readonly CdbField[],
): void {
  const { properties } = logicalUnit
  const lba = readField(command.cdb, addressing.lba)
  const blocks = lengthBlocksOf(command.cdb, addressing)
  const refusal =
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_TRANSFER_BYTES, addressing.lengthBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = blocks * properties.blockLengthBytes
  const byteCount = Math.min(command.presentedDataBytes, command.dataInCapacityBytes)
  if (byteCount === 0) {
    completeGood(command)
    return
  }
  const isForced = forceUnitAccess.some((flag) => isSet(command.cdb, flag))
  new ReadOperation(command, logicalUnit, lba * properties.blockLengthBytes, byteCount, isForced).start()
}

class ReadOperation extends Operation {
  readonly #offsetBytes: number
  readonly #byteCount: number
  #phase: 'flush' | 'read' | 'reading' | 'send' | 'sending'
  #piece: Buffer | null = null

  constructor(command: Command, logicalUnit: LogicalUnit, offsetBytes: number, byteCount: number, isForced: boolean) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#byteCount = byteCount
    // With FUA what a volatile cache holds goes to the medium first (SBC-4): the answer is then true after a
    // power loss as well.
    this.#phase = isForced && logicalUnit.properties.capabilities.volatileWriteCache ? 'flush' : 'read'
  }

  start(): void {
    this.step()
  }

  protected override advance(): void {
    if (this.#phase === 'flush') {
      this.#phase = 'reading'
      this.startFlush(this.#flushed)
    } else if (this.#phase === 'read') {
      const byteCount = Math.min(this.#byteCount - this.transferredBytes, DATA_IN_PIECE_BYTES_MAX)
      const piece = this.command.transport.dataInBuffer(this.command, byteCount)
      this.#piece = piece
      this.#phase = 'reading'
      this.startRead([piece], this.#offsetBytes + this.transferredBytes, this.#pieceRead)
    } else if (this.#phase === 'send') {
      this.#sendPiece(this.#piece!)
    }
  }

  #sendPiece(piece: Buffer): void {
    const bufferOffsetBytes = this.transferredBytes
    this.transferredBytes += piece.length
    const isLast = this.transferredBytes === this.#byteCount
    this.#phase = 'sending'
    this.command.transport.sendDataIn(this.command, piece, bufferOffsetBytes, isLast, isLast ? null : this.#delivered)
    if (isLast) this.finish()
  }

  readonly #flushed = (error: BackingError | null): void => {
    this.ioEnded(error, 'write')
    this.#phase = 'read'
    this.step()
  }

  readonly #pieceRead = (error: BackingError | null): void => {
    this.ioEnded(error, 'read')
    this.#phase = 'send'
    this.step()
  }

  readonly #delivered = (): void => {
    this.#phase = 'read'
    this.step()
  }
}
