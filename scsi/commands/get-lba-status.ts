/**
 * GET LBA STATUS (16) and (32) (SBC-4): which blocks take space. The store is asked anew every time; a block of which only
 * a part takes space is mapped. What the store does not know better counts as mapped, too.
 */

import { AllocationMap } from '../backing/allocation-map.ts'
import type { AllocationExtent } from '../backing/backing-store.ts'
import {
  type CdbField,
  cdb,
  invalidField,
  readField,
  uint,
  unsupported,
  VARIABLE_LENGTH,
  variableLengthCdb,
} from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { Operation } from '../operation.ts'
import { transferParameterData } from '../parameter-data.ts'
import { SENSE } from '../sense-codes.ts'

interface LbaStatusFields {
  readonly startingLba: CdbField
  readonly allocationLength: CdbField
  /** SCAN LENGTH: how many blocks are asked for; null in the CDB that asks for all up to the end. */
  readonly scanLength: CdbField | null
  /** ELEMENT IDENTIFIER, for devices with depopulated elements. */
  readonly elementIdentifier: CdbField | null
}

/** REPORT TYPE other than zero picks descriptors by their status; a device may know zero only (SBC-4). */
const CDB_16 = cdb(16, { startingLba: uint(2, 8), allocationLength: uint(10, 4), reportType: unsupported(14, 7, 0) })
const CDB_32 = variableLengthCdb({
  reportType: unsupported(10, 7, 0),
  startingLba: uint(12, 8),
  scanLength: uint(20, 4),
  elementIdentifier: uint(24, 4),
  allocationLength: uint(28, 4),
})

const COMMON = {
  standard: 'SBC-4',
  data: 'in',
  reservationClass: 'read',
  taskClass: 'information',
  needsMedium: true,
} as const

const GET_LBA_STATUS_16 = defineCommand({
  ...COMMON,
  name: 'GET LBA STATUS (16)',
  operationCode: 0x9e,
  serviceAction: 0x12,
  cdb: CDB_16,
  execute: (command, logicalUnit) =>
    executeGetLbaStatus(command, logicalUnit, { ...CDB_16.fields, scanLength: null, elementIdentifier: null }),
})

const GET_LBA_STATUS_32 = defineCommand({
  ...COMMON,
  name: 'GET LBA STATUS (32)',
  operationCode: VARIABLE_LENGTH.operationCode,
  serviceAction: 0x0012,
  cdb: CDB_32,
  execute: (command, logicalUnit) => executeGetLbaStatus(command, logicalUnit, CDB_32.fields),
})

export const GET_LBA_STATUS_COMMANDS = [GET_LBA_STATUS_16, GET_LBA_STATUS_32]

/** PROVISIONING STATUS (SBC-4). */
const MAPPED = 0
const DEALLOCATED = 1

const HEADER_BYTES = 8
const DESCRIPTOR_BYTES = 16
/** What the PARAMETER DATA LENGTH field does not count: itself. */
const LENGTH_FIELD_BYTES = 4
/** The most that one command asks of the store, whatever it has room for. */
const DESCRIPTORS_MAX = 1024
/** NUMBER OF LOGICAL BLOCKS has four bytes; a descriptor says less when there are more. */
const DESCRIPTOR_BLOCKS_MAX = 0xffff_ffff

function executeGetLbaStatus(command: Command, logicalUnit: LogicalUnit, fields: LbaStatusFields): void {
  const { blockCount } = logicalUnit.properties
  const lba = readField(command.cdb, fields.startingLba)
  const scanBlocks = fields.scanLength === null ? 0 : readField(command.cdb, fields.scanLength)
  const hasElement = fields.elementIdentifier !== null && readField(command.cdb, fields.elementIdentifier) !== 0
  if (hasElement) {
    checkCondition(command, invalidField(fields.elementIdentifier))
  } else if (lba >= blockCount) {
    checkCondition(command, SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
  } else {
    const blocks = Math.min(blockCount - lba, scanBlocks === 0 ? blockCount : scanBlocks)
    const roomBytes = readField(command.cdb, fields.allocationLength) - HEADER_BYTES
    const descriptorCount = Math.min(DESCRIPTORS_MAX, Math.max(1, Math.floor(roomBytes / DESCRIPTOR_BYTES)))
    new LbaStatusOperation(command, logicalUnit, lba, blocks, descriptorCount).start()
  }
}

class LbaStatusOperation extends Operation {
  readonly #lba: number
  readonly #blocks: number
  readonly #descriptorCount: number
  readonly #map: AllocationMap
  #phase: 'ask' | 'asking' | 'send' = 'ask'

  constructor(command: Command, logicalUnit: LogicalUnit, lba: number, blocks: number, descriptorCount: number) {
    super(command, logicalUnit)
    this.#lba = lba
    this.#blocks = blocks
    this.#descriptorCount = descriptorCount
    this.#map = new AllocationMap(descriptorCount)
  }

  start(): void {
    this.step()
  }

  protected override advance(): void {
    const { blockLengthBytes } = this.logicalUnit.properties
    if (this.#phase === 'ask') {
      this.#phase = 'asking'
      const offsetBytes = this.#lba * blockLengthBytes
      this.startReadAllocation(this.#map, offsetBytes, this.#blocks * blockLengthBytes, (error) => {
        this.ioEnded(error, 'read')
        this.#phase = 'send'
        this.step()
      })
    } else if (this.#phase === 'send') {
      const descriptors = describeBlocks(this.#map.extents, this.#lba, blockLengthBytes).slice(0, this.#descriptorCount)
      transferParameterData(this.command, encode(descriptors))
      this.finish()
    }
  }
}

interface LbaStatus {
  readonly lba: number
  blocks: number
  readonly isMapped: boolean
}

/** Extents of bytes from block `lba` on, as ranges of blocks. Only blocks that lie in a hole as a whole are unmapped. */
export function describeBlocks(
  extents: readonly AllocationExtent[],
  lba: number,
  blockLengthBytes: number,
): LbaStatus[] {
  const statuses: LbaStatus[] = []
  let atBytes = lba * blockLengthBytes
  let atBlock = lba
  const describeUpTo = (endBlock: number, isMapped: boolean) => {
    const last = statuses.at(-1)
    if (last?.isMapped === isMapped) last.blocks += Math.max(0, endBlock - atBlock)
    else if (endBlock > atBlock) statuses.push({ lba: atBlock, blocks: endBlock - atBlock, isMapped })
    atBlock = Math.max(atBlock, endBlock)
  }
  for (const { byteCount, isAllocated } of extents) {
    const firstWholeBlock = Math.ceil(atBytes / blockLengthBytes)
    atBytes += byteCount
    if (isAllocated) {
      describeUpTo(Math.ceil(atBytes / blockLengthBytes), true)
    } else {
      describeUpTo(firstWholeBlock, true)
      describeUpTo(Math.floor(atBytes / blockLengthBytes), false)
    }
  }
  describeUpTo(Math.ceil(atBytes / blockLengthBytes), true)
  return statuses
}

function encode(statuses: readonly LbaStatus[]): Buffer {
  const data = Buffer.alloc(HEADER_BYTES + statuses.length * DESCRIPTOR_BYTES)
  data.writeUInt32BE(data.length - LENGTH_FIELD_BYTES, 0)
  for (const [index, { lba, blocks, isMapped }] of statuses.entries()) {
    const at = HEADER_BYTES + index * DESCRIPTOR_BYTES
    data.writeBigUInt64BE(BigInt(lba), at)
    data.writeUInt32BE(Math.min(blocks, DESCRIPTOR_BLOCKS_MAX), at + 8)
    data[at + 12] = isMapped ? MAPPED : DEALLOCATED
  }
  return data
}
