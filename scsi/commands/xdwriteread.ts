/**
 * XDWRITEREAD (10) and (32) (SBC-3): the one bidirectional command of a disk. The Data-Out is written over the blocks, and
 * the exclusive-or of it with what they held before comes back as Data-In: what a RAID controller needs to bring parity
 * up to date. Everything is received before the blocks are read, and sent when they are written.
 */

import type { BackingError } from '../backing/backing-store.ts'
import { type BlockFields, blockCdb } from '../block-cdb.ts'
import { checkBlockRange, checkLengthLimit, checkWritable, dataOutBytes } from '../block-range.ts'
import {
  bit,
  type CdbField,
  type CdbLayout,
  isSet,
  readField,
  uint,
  unsupported,
  VARIABLE_LENGTH,
  variableLengthCdb,
} from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { XDWRITEREAD_BYTES_MAX } from '../transfer-limits.ts'

interface XdWriteReadFields extends BlockFields {
  readonly fua: CdbField
  readonly disableWrite: CdbField
  readonly fuaNv: CdbField
}

const XDWRITEREAD_10 = xdWriteRead('XDWRITEREAD (10)', 0x53, null, blockCdb(10, flagsIn(1)))
const XDWRITEREAD_32 = xdWriteRead(
  'XDWRITEREAD (32)',
  VARIABLE_LENGTH.operationCode,
  0x0007,
  variableLengthCdb({
    groupNumber: unsupported(6, 5, 0),
    ...flagsIn(10),
    lba: uint(12, 8),
    lengthBlocks: uint(28, 4),
  }),
)

export const XDWRITEREAD_COMMANDS = [XDWRITEREAD_10, XDWRITEREAD_32]

/** WRPROTECT and XORPINFO need protection information. DPO is a caching hint and changes nothing here. */
function flagsIn(byte: number) {
  return {
    wrProtect: unsupported(byte, 7, 5),
    dpo: bit(byte, 4),
    fua: bit(byte, 3),
    disableWrite: bit(byte, 2),
    fuaNv: bit(byte, 1),
    xorpInfo: unsupported(byte, 0, 0),
  }
}

function xdWriteRead(
  name: string,
  operationCode: number,
  serviceAction: number | null,
  layout: CdbLayout<XdWriteReadFields>,
) {
  return defineCommand({
    name,
    operationCode,
    serviceAction,
    standard: 'SBC-3',
    cdb: layout,
    data: 'bidirectional',
    reservationClass: 'write',
    taskClass: 'write',
    execute: (command, logicalUnit) => executeXdWriteRead(command, logicalUnit, layout.fields),
  })
}

function executeXdWriteRead(command: Command, logicalUnit: LogicalUnit, fields: XdWriteReadFields): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const lba = readField(command.cdb, fields.lba)
  const blocks = readField(command.cdb, fields.lengthBlocks)
  const refusal =
    checkWritable(properties) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, XDWRITEREAD_BYTES_MAX, fields.lengthBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = blocks * blockLengthBytes
  const byteCount = dataOutBytes(command)
  command.presentedReadBytes = command.presentedDataBytes
  if (byteCount === 0) {
    completeGood(command)
    return
  }
  const isForced = isSet(command.cdb, fields.fua) || isSet(command.cdb, fields.fuaNv)
  const isWriting = !isSet(command.cdb, fields.disableWrite)
  new XdWriteReadOperation(command, logicalUnit, lba * blockLengthBytes, byteCount, isWriting, isForced).start()
}

class XdWriteReadOperation extends Operation {
  readonly #offsetBytes: number
  readonly #received: Buffer
  readonly #previous: Buffer
  readonly #isWriting: boolean
  readonly #isForced: boolean
  #phase: 'receive' | 'read' | 'write' | 'send' | 'busy' = 'receive'

  constructor(
    command: Command,
    logicalUnit: LogicalUnit,
    offsetBytes: number,
    byteCount: number,
    isWriting: boolean,
    isForced: boolean,
  ) {
    super(command, logicalUnit)
    this.#offsetBytes = offsetBytes
    this.#received = Buffer.alloc(byteCount)
    this.#previous = Buffer.alloc(byteCount)
    this.#isWriting = isWriting
    this.#isForced = isForced && logicalUnit.properties.capabilities.volatileWriteCache
  }

  start(): void {
    this.receiveDataOut(this.#received.length, (slices, bufferOffsetBytes, byteCount) => {
      if (this.isStopping) return
      let at = bufferOffsetBytes
      for (const slice of slices) at += slice.copy(this.#received, at)
      this.transferredBytes += byteCount
      this.dataOutConsumed(byteCount)
      if (this.transferredBytes < this.#received.length) return
      this.#phase = 'read'
      this.step()
    })
  }

  protected override advance(): void {
    if (this.#phase === 'read') {
      this.#phase = 'busy'
      this.startRead([this.#previous], this.#offsetBytes, this.#previousRead)
    } else if (this.#phase === 'write') {
      this.#phase = 'busy'
      this.startWrite([this.#received], this.#offsetBytes, this.#isForced, this.#blocksWritten)
    } else if (this.#phase === 'send') {
      this.#phase = 'busy'
      this.#send()
      this.finish()
    }
  }

  readonly #previousRead = (error: BackingError | null): void => {
    this.ioEnded(error, 'read')
    this.#phase = this.#isWriting ? 'write' : 'send'
    this.step()
  }

  readonly #blocksWritten = (error: BackingError | null): void => {
    this.ioEnded(error, 'write')
    this.#phase = 'send'
    this.step()
  }

  #send(): void {
    const result = this.#previous
    for (let at = 0; at < result.length; at++) result[at]! ^= this.#received[at]!
    const sentBytes = Math.min(result.length, this.command.dataInCapacityBytes)
    if (sentBytes > 0) this.command.transport.sendDataIn(this.command, result.subarray(0, sentBytes), 0, true, null)
  }
}
