/**
 * VERIFY and WRITE AND VERIFY (10), (12), (16) and (32) (SBC-4): the rows, their checks,
 * and how BYTCHK chooses what is compared. `verify-operation.ts` does the work.
 */

import { type BlockFields, blockCdb } from '../block-cdb.ts'
import {
  type BlockAddressing,
  checkBlockRange,
  checkLengthLimit,
  checkWritable,
  dataOutBytes,
  lengthBlocksOf,
} from '../block-range.ts'
import {
  bit,
  bits,
  type CdbField,
  type CdbLayout,
  invalidField,
  readField,
  unsupported,
  VARIABLE_LENGTH,
} from '../cdb.ts'
import type { Command } from '../command.ts'
import { checkCondition, completeGood } from '../completion.ts'
import { defineCommand } from '../define-command.ts'
import type { LogicalUnit } from '../logical-unit.ts'
import { MAXIMUM_TRANSFER_BYTES } from '../transfer-limits.ts'
import { VerifyDataOperation, VerifyMediumOperation } from './verify-operation.ts'

/** BYTE CHECK (SBC-4): what the blocks on the medium are compared with. */
const BYTCHK = { NOTHING: 0b00, DATA_OUT: 0b01, ONE_BLOCK: 0b11 } as const

/** VRPROTECT or WRPROTECT, DPO and BYTCHK. DPO is a caching hint and changes nothing here. */
function flagsIn(byte: number) {
  return { protect: unsupported(byte, 7, 5), dpo: bit(byte, 4), bytChk: bits(byte, 2, 1) }
}

const LAYOUT_10 = blockCdb(10, flagsIn(1))
const LAYOUT_12 = blockCdb(12, flagsIn(1))
const LAYOUT_16 = blockCdb(16, flagsIn(1))
const LAYOUT_32 = blockCdb(32, flagsIn(10))

interface VerifyFields extends BlockFields {
  readonly bytChk: CdbField
}

interface VerifyAddressing extends BlockAddressing {
  readonly bytChk: CdbField
}

export const VERIFY_COMMANDS = [
  verifyCommand('VERIFY (10)', 0x2f, LAYOUT_10),
  verifyCommand('VERIFY (12)', 0xaf, LAYOUT_12),
  verifyCommand('VERIFY (16)', 0x8f, LAYOUT_16),
  verifyCommand('VERIFY (32)', VARIABLE_LENGTH.operationCode, LAYOUT_32, 0x000a),
  writeAndVerifyCommand('WRITE AND VERIFY (10)', 0x2e, LAYOUT_10),
  writeAndVerifyCommand('WRITE AND VERIFY (12)', 0xae, LAYOUT_12),
  writeAndVerifyCommand('WRITE AND VERIFY (16)', 0x8e, LAYOUT_16),
  writeAndVerifyCommand('WRITE AND VERIFY (32)', VARIABLE_LENGTH.operationCode, LAYOUT_32, 0x000c),
]

function verifyCommand(
  name: string,
  operationCode: number,
  layout: CdbLayout<VerifyFields>,
  serviceAction: number | null = null,
) {
  const addressing = { ...layout.fields, blocksForZero: 0 }
  return defineCommand({
    name,
    operationCode,
    serviceAction,
    standard: 'SBC-4',
    cdb: layout,
    data: 'out',
    reservationClass: 'read',
    taskClass: 'verify',
    execute: (command, logicalUnit) => executeVerify(command, logicalUnit, addressing),
  })
}

function writeAndVerifyCommand(
  name: string,
  operationCode: number,
  layout: CdbLayout<VerifyFields>,
  serviceAction: number | null = null,
) {
  const addressing = { ...layout.fields, blocksForZero: 0 }
  return defineCommand({
    name,
    operationCode,
    serviceAction,
    standard: 'SBC-4',
    cdb: layout,
    data: 'out',
    reservationClass: 'write',
    taskClass: 'write',
    execute: (command, logicalUnit) => executeWriteAndVerify(command, logicalUnit, addressing),
  })
}

function executeVerify(command: Command, logicalUnit: LogicalUnit, addressing: VerifyAddressing): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const lba = readField(command.cdb, addressing.lba)
  const blocks = lengthBlocksOf(command.cdb, addressing)
  const byteCheck = readField(command.cdb, addressing.bytChk)
  const lengthBytes = blocks * blockLengthBytes
  const refusal =
    (isOneOf(BYTCHK, byteCheck) ? null : invalidField(addressing.bytChk)) ??
    checkBlockRange(properties, lba, blocks) ??
    // Without Data-Out nothing is transferred that a limit on transfers could apply to.
    (byteCheck === BYTCHK.NOTHING
      ? null
      : checkLengthLimit(properties, blocks, MAXIMUM_TRANSFER_BYTES, addressing.lengthBlocks))
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  const offsetBytes = lba * blockLengthBytes
  switch (byteCheck) {
    case BYTCHK.NOTHING:
      if (blocks === 0) completeGood(command)
      else new VerifyMediumOperation(command, logicalUnit, offsetBytes, lengthBytes, 0).start()
      return
    case BYTCHK.ONE_BLOCK: {
      command.presentedDataBytes = blocks === 0 ? 0 : blockLengthBytes
      const byteCount = dataOutBytes(command)
      if (byteCount === 0) completeGood(command)
      // A part of a block is nothing that blocks could be compared with.
      else if (byteCount < blockLengthBytes) checkCondition(command, invalidField(addressing.bytChk))
      else new VerifyMediumOperation(command, logicalUnit, offsetBytes, lengthBytes, byteCount).start()
      return
    }
    default:
      verifyData(command, logicalUnit, offsetBytes, lengthBytes, { writesFirst: false, compares: true })
  }
}

function executeWriteAndVerify(command: Command, logicalUnit: LogicalUnit, addressing: VerifyAddressing): void {
  const { properties } = logicalUnit
  const { blockLengthBytes } = properties
  const lba = readField(command.cdb, addressing.lba)
  const blocks = lengthBlocksOf(command.cdb, addressing)
  const byteCheck = readField(command.cdb, addressing.bytChk)
  // The data to write is all there is to compare with: one block for all is no choice here (SBC-4).
  const isByteCheckValid = byteCheck === BYTCHK.NOTHING || byteCheck === BYTCHK.DATA_OUT
  const refusal =
    (isByteCheckValid ? null : invalidField(addressing.bytChk)) ??
    checkWritable(properties) ??
    checkBlockRange(properties, lba, blocks) ??
    checkLengthLimit(properties, blocks, MAXIMUM_TRANSFER_BYTES, addressing.lengthBlocks)
  if (refusal !== null) {
    checkCondition(command, refusal)
    return
  }
  const steps = { writesFirst: true, compares: byteCheck === BYTCHK.DATA_OUT }
  verifyData(command, logicalUnit, lba * blockLengthBytes, blocks * blockLengthBytes, steps)
}

function verifyData(
  command: Command,
  logicalUnit: LogicalUnit,
  offsetBytes: number,
  lengthBytes: number,
  steps: { writesFirst: boolean; compares: boolean },
): void {
  command.presentedDataBytes = lengthBytes
  const byteCount = dataOutBytes(command)
  if (byteCount === 0) completeGood(command)
  else new VerifyDataOperation(command, logicalUnit, offsetBytes, byteCount, steps).start()
}

function isOneOf(table: Readonly<Record<string, number>>, value: number): boolean {
  return Object.values(table).includes(value)
}
