/**
 * UNMAP (SBC-4): blocks whose contents nobody wants any more. The store gives their space back where it can, and they read
 * as zeroes from then on (LBPRZ). The parameter list is looked at as a whole before anything of it is done. Anchored
 * blocks, which keep their space without contents, do not exist here (ANC_SUP).
 */

import { checkWritable } from '../block-range.ts'
import { cdb, invalidField, readField, uint, unsupported } from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import type { LogicalUnitProperties } from '../logical-unit-properties.ts'
import { Operation } from '../operation.ts'
import { invalidFieldInParameterList, type SenseData, senseOf } from '../sense.ts'
import { SENSE } from '../sense-codes.ts'
import { MAXIMUM_UNMAP_BYTES, MAXIMUM_UNMAP_DESCRIPTORS } from '../transfer-limits.ts'

const CDB = cdb(10, {
  anchor: unsupported(1, 0, 0),
  groupNumber: unsupported(6, 5, 0),
  parameterListLength: uint(7, 2),
})

const UNMAP = defineCommand({
  name: 'UNMAP',
  operationCode: 0x42,
  standard: 'SBC-4',
  cdb: CDB,
  data: 'out',
  reservationClass: 'write',
  taskClass: 'write',
  isSupportedBy: ({ capabilities }) => capabilities.thin,
  execute: executeUnmap,
})

export const UNMAP_COMMANDS = [UNMAP]

const HEADER_BYTES = 8
const DESCRIPTOR_BYTES = 16
const LIST_BYTES_MAX = HEADER_BYTES + MAXIMUM_UNMAP_DESCRIPTORS * DESCRIPTOR_BYTES

/** BLOCK DESCRIPTOR DATA LENGTH in the list's header, and the fields of a descriptor. */
const DESCRIPTORS_LENGTH_AT = 2
const LBA_AT = 0
const BLOCKS_AT = 8

interface Descriptor {
  readonly lba: number
  readonly blocks: number
}

function executeUnmap(command: Command, logicalUnit: LogicalUnit): void {
  const lengthBytes = readField(command.cdb, CDB.fields.parameterListLength)
  const refusal = checkWritable(logicalUnit.properties) ?? checkListLength(command, lengthBytes)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  command.presentedDataBytes = lengthBytes
  if (lengthBytes === 0) completeGood(command)
  else new UnmapOperation(command, logicalUnit).start(lengthBytes)
}

function checkListLength(command: Command, lengthBytes: number): SenseData | null {
  if (lengthBytes === 0) return null
  if (lengthBytes > LIST_BYTES_MAX) return invalidField(CDB.fields.parameterListLength)
  const isCutShort = lengthBytes < HEADER_BYTES || lengthBytes > command.dataOutCapacityBytes
  return isCutShort ? senseOf(SENSE.PARAMETER_LIST_LENGTH_ERROR) : null
}

/** The whole descriptors that a list announces and has; what is left over at its end counts for nothing (SBC-4). */
function readDescriptors(list: Buffer): Descriptor[] {
  const availableBytes = Math.min(list.readUInt16BE(DESCRIPTORS_LENGTH_AT), list.length - HEADER_BYTES)
  return Array.from({ length: Math.floor(availableBytes / DESCRIPTOR_BYTES) }, (_, index) => {
    const at = HEADER_BYTES + index * DESCRIPTOR_BYTES
    return { lba: Number(list.readBigUInt64BE(at + LBA_AT)), blocks: list.readUInt32BE(at + BLOCKS_AT) }
  })
}

function checkDescriptors(descriptors: readonly Descriptor[], unit: LogicalUnitProperties): SenseData | null {
  const { blockCount, blockLengthBytes } = unit
  let totalBlocks = 0
  for (const [index, { lba, blocks }] of descriptors.entries()) {
    if (lba > blockCount || blocks > blockCount - lba) return senseOf(SENSE.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
    totalBlocks += blocks
    if (totalBlocks * blockLengthBytes > MAXIMUM_UNMAP_BYTES) {
      return invalidFieldInParameterList(HEADER_BYTES + index * DESCRIPTOR_BYTES + BLOCKS_AT)
    }
  }
  return null
}

class UnmapOperation extends Operation {
  /** Those still to be unmapped, in the order of the list; null while it is not there. */
  #descriptors: Descriptor[] | null = null
  #isUnmapping = false

  start(lengthBytes: number): void {
    this.receiveBlock(lengthBytes, (list) => {
      const descriptors = readDescriptors(list)
      const refusal = checkDescriptors(descriptors, this.logicalUnit.properties)
      if (refusal !== null) this.fail(refusal)
      else this.#descriptors = descriptors.filter(({ blocks }) => blocks > 0)
      this.step()
    })
  }

  protected override advance(): void {
    if (this.#descriptors === null || this.#isUnmapping) return
    const descriptor = this.#descriptors.shift()
    if (descriptor === undefined) {
      this.finish()
      return
    }
    this.#isUnmapping = true
    const { blockLengthBytes } = this.logicalUnit.properties
    this.startWriteZeroes(descriptor.lba * blockLengthBytes, descriptor.blocks * blockLengthBytes, true, (error) => {
      this.ioEnded(error, 'write')
      this.#isUnmapping = false
      this.step()
    })
  }
}
